"""Find /app paths that a program names in its own code, where no mode but a real /app serves it.

Paths among the words of a command are not looked for: `--mode subprocess` replaces those.
"""

from __future__ import annotations

import ast
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kit.bundles import Task
from kit.contract import METADATA_FILES
from kit.errors import KitError
from kit.isolation.platform_table import CONTAINER_KINDS
from kit.isolation.programs import command_of, has_metadata
from kit.submissions import Submission
from kit.trees import open_regular

# /app as a whole path or the beginning of one; not the end of an address or of /usr/app.
_APP = re.compile(r"(?<![\w./~})-])/app(?:/[\w.*-]+)*/?(?![\w.-])")
_OTHER_CODE = frozenset(
    (".sh", ".bash", ".r", ".jl", ".pl", ".rb", ".m", ".js", ".java", ".c", ".cpp", ".go",
     ".yaml", ".yml", ".json", ".toml", ".cfg", ".ini")
)  # fmt: skip
_COMMENT = ("#", "//", "%", "*")
_MOST_BYTES = 1_000_000


class AppPath(NamedTuple):
    """One /app path in the code of a program: `where` is FILE or FILE:LINE."""

    where: str
    path: str

    def __str__(self) -> str:
        return f"{self.where} names {self.path}"


def app_paths(task: Task, submission: Submission) -> list[AppPath]:
    """Return the first /app path of each file that runs in a task, programs of the bundle first."""
    found: list[AppPath] = []
    for label, program in (
        ("scoring_program", task.scoring_program),
        ("ingestion_program", task.ingestion_program),
    ):
        if program is not None:
            found += _paths_of(program, f"{label}/")
    return found + submission_paths(submission) if _runs(submission.path, task) else found


def submission_paths(submission: Submission) -> list[AppPath]:
    """Return the first /app path of each file of a submission."""
    return list(_paths_of(submission.path, ""))


def _runs(submission: Path, task: Task) -> bool:
    """Whether the submission's code runs: with an ingestion, or by a command of its own."""
    if task.ingestion_program is not None:
        return True
    if submission.is_file():
        return True  # a zip of results holds no code, so that nothing is found in it
    try:
        return has_metadata(submission) and command_of(submission) is not None
    except KitError:
        return False  # the run says what is wrong with the command


def _paths_of(program: Path, prefix: str) -> Iterator[AppPath]:
    for name, data in code_files(program):
        if b"/app" not in data:
            continue
        text = data.decode("utf-8", "replace")
        if first := _first(name, text):
            line, path = first
            yield AppPath(f"{prefix}{name}:{line}" if line else f"{prefix}{name}", path)


def code_files(program: Path) -> Iterator[tuple[str, bytes]]:
    """Give name and content of the files that may hold code, from a folder or a zip."""
    if program.is_dir():
        for path in sorted(program.rglob("*")):
            name = path.relative_to(program).as_posix()
            if _may_be_code(name) and path.is_file() and path.stat().st_size <= _MOST_BYTES:
                yield name, path.read_bytes()
        return
    if not program.is_file():
        return  # opening a pipe would wait for ever
    try:
        with open_regular(program) as stream, zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if _may_be_code(info.filename) and info.file_size <= _MOST_BYTES:
                    yield info.filename, archive.read(info)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, zlib.error):
        return  # laying it out says what is wrong with it


def _may_be_code(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__pycache__", "__MACOSX")) for part in path.parts)
    return not hidden and (path.suffix.lower() in {".py", *_OTHER_CODE} or name in METADATA_FILES)


def _first(name: str, text: str) -> tuple[int, str] | None:
    """Return line and path of the first /app path in a file; line 0 in a command."""
    if name in METADATA_FILES:
        command = "\n".join(line for _, line in _of_lines(text))
        found = _APP.search(_MOUNTED.sub("", command))
        return (0, found.group()) if found else None
    texts = _of_python(text) if name.endswith(".py") else _of_lines(text)
    for line, part in texts:
        if found := _APP.search(part):
            return line, found.group()
    return None


def _of_lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.lstrip().startswith(_COMMENT):
            yield number, line


def _of_python(text: str) -> Iterator[tuple[int, str]]:
    """Give the texts in Python code, docstrings left out; what does not parse, line by line."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield from _of_lines(text)
        return
    skipped = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            # In f"{root}/app/x" the path begins before /app, so that a sign stands for the value.
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            skipped |= {id(part) for part in node.values}
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            yield node.lineno, node.value if isinstance(node.value, str) else ""


def _mounted() -> re.Pattern[str]:
    """Match what `--mode subprocess` replaces in a command."""
    paths = {mount.path for kind in CONTAINER_KINDS for mount in kind.mounts}
    longest_first = sorted(paths, key=len, reverse=True)
    return re.compile("|".join(re.escape(path) + r"(?![\w.-])" for path in longest_first))


_MOUNTED = _mounted()
