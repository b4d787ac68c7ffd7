"""The programs of a bundle: metadata at the root, a command that the worker can run.

Source: codalab/codabench compute_worker.py: no shell, variables by str.replace, mounts by step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kit.checks.bundle.arguments import reads_argument
from kit.contract import METADATA_FILES
from kit.errors import KitError
from kit.findings.finding import Finding
from kit.isolation.platform_table import INGESTION, LATE_INGESTION, SCORING, WORKING_DIRECTORY
from kit.isolation.programs import split_command
from kit.yaml_text import read_yaml

_VARIABLES = frozenset((
    "input", "output", "program", "ingestion_program", "hidden", "shared", "submission_program",
    "tmp", "predictions",
))  # fmt: skip
_SHELL_WORDS = frozenset(("&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "2>", "&>"))
_SHELLS = frozenset(("bash", "sh", "/bin/bash", "/bin/sh", "/usr/bin/bash"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Program:
    """A program of a task.

    Attributes:
        kind: "ingestion" or "scoring".
        late: whether the task says `ingestion_only_during_scoring`.
        name: where competition.yaml says it is.
        folder: where it is unpacked here.
    """

    kind: str
    late: bool
    name: str
    folder: Path

    def mounted(self) -> set[str]:
        """Return the folders of its container."""
        late_or_not = LATE_INGESTION if self.late else INGESTION
        container = late_or_not if self.kind == "ingestion" else SCORING
        paths = {mount.path for mount in container.mounts}
        # The scoring container has the input only where the ingestion runs at the same time.
        return paths if self.late or self.kind == "ingestion" else paths - {"/app/input_data"}


def check_program(program: Program) -> Iterator[Finding]:
    """Metadata, command, and what the command names."""
    path = next((p for n in METADATA_FILES if (p := program.folder / n).is_file()), None)
    if path is None:
        yield from _no_metadata(program)
        return
    name = f"{program.name}/{path.name}"
    try:
        content: Any = read_yaml(path)
    except ValueError as error:
        yield Finding("program-metadata", name, f"does not read as YAML: {error}")
        return
    command = content.get("command") if isinstance(content, dict) else None
    if not command:
        yield Finding("program-metadata", name, "has no command, so nothing would run")
    elif not isinstance(command, str):
        found = f"command: expected one line of text, found {type(command).__name__}"
        yield Finding("program-command", name, found)
    else:
        yield from _command(program, name, command)


def _no_metadata(program: Program) -> Iterator[Finding]:
    nested = [p for n in METADATA_FILES for p in sorted(program.folder.glob(f"*/{n}"))]
    nested = [path for path in nested if path.parent.name != "__MACOSX"]
    if nested:
        found = f"{nested[0].name} is under {nested[0].parent.name}/, expected at the root"
        yield Finding("program-root", program.name, found)
    else:
        found = "no metadata.yaml at its root, so nothing would run"
        yield Finding("program-metadata", program.name, found)


def _command(program: Program, name: str, command: str) -> Iterator[Finding]:
    kind = "program" if program.kind == "scoring" else "ingestion"
    try:
        words = split_command(command, kind, kind == "program" or program.late, program.late)
    except KitError as error:
        yield Finding("program-command", name, error.message)
        return
    in_shell = len(words) > 2 and words[0] in _SHELLS and words[1].endswith("c")
    yield from _variables(program, name, command, () if in_shell else words)
    if not in_shell:
        yield from _shell(name, words)
    texts = re.split(r"[\s;&|<>()'\"]+", words[2]) if in_shell else list(words)
    for word in texts:
        yield from _word(program, name, word)


def _variables(
    program: Program, name: str, command: str, words: tuple[str, ...]
) -> Iterator[Finding]:
    """Variables that the worker does not know, or takes for another; `words` of no shell."""
    for variable in re.findall(r"\$\{?(\w+)", command):
        if variable in _VARIABLES:
            continue
        if variable.startswith("input_data"):
            became = "/app/input_data_data" if program.kind != "scoring" else "/app/input_data"
            found = f"${variable} becomes {became}, which is not mounted"
            yield Finding("command-input-data", name, found)
        elif words:  # a shell has variables of its own
            found = f"${variable} is not a variable of the worker and stays as it is"
            read = _reads(program, words, variable)
            yield Finding("command-variable" if read else "command-variable-unread", name, found)


def _reads(program: Program, words: tuple[str, ...], variable: str) -> bool:
    """Whether the program may read the argument that holds an unknown variable."""
    script = next((n for n, word in enumerate(words) if word.endswith(".py")), None)
    positions = [n for n, word in enumerate(words) if f"${variable}" in word or "${" in word]
    if script is None or not positions or positions[0] <= script:
        return True
    return reads_argument(program.folder, positions[0] - script)


def _shell(name: str, words: tuple[str, ...]) -> Iterator[Finding]:
    shell = [word for word in words if word in _SHELL_WORDS or word.startswith("~")]
    shell += [word for word in words if "`" in word or (word.endswith(";") and len(word) > 1)]
    shell += [word for word in words if "*" in word or re.match(r"[0-9&]?>{1,2}\S", word)]
    shell += [word for word in words[:1] if _ASSIGNMENT.match(word)]
    if words[0] == "cd":
        shell.append("cd")
    if shell:
        found = f"{' '.join(dict.fromkeys(shell))}: only a shell understands it; there is none"
        yield Finding("command-shell", name, found)


def _word(program: Program, name: str, word: str) -> Iterator[Finding]:
    if word.startswith("/app/"):
        top = "/".join(word.split("/")[:3])
        if top not in program.mounted():
            if top != "/app/input_data_data":  # reported already, with its cause
                found = f"{word} is not mounted in the {program.kind} container"
                yield Finding("command-path", name, found)
            return
        inside = word.removeprefix(f"{WORKING_DIRECTORY}/")
        missing = word != inside and PurePosixPath(inside).suffix != ""
    else:
        inside = word
        missing = word.endswith((".py", ".sh", ".R", ".jl")) and not word.startswith(("/", "-"))
    if missing and not (program.folder / inside).exists():
        yield Finding("command-file", name, f"{inside} is not in the program's folder")
