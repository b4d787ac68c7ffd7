"""What the documents name exists: paths, links, modules, make targets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.repository import ROOT, make_targets, tracked

DOCUMENTS = [
    *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / ".github").rglob("*.md")),
    *(ROOT / "training" / name for name in ("THRESHOLDS.md",)),
    *sorted(path for path in tracked("*README.md")),
]
TARGETS = make_targets()
# Names that stand for any name (NAME, TRACK), and patterns.
_PLACEHOLDER = re.compile(r"[A-Z]{3,}|[<>*{}]|\.\.\.")
_TITLES = re.compile(r"README|LOG|THRESHOLDS|CHANGELOG|ARCHITECTURE|CONTRIBUTING|SECURITY")
# What a user or a command makes: submissions have these names, the repository need not.
_MADE = ("runs", "dist", ".venv")


def fenced(text: str) -> list[str]:
    """Return the fenced blocks of code."""
    return re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def code(text: str) -> list[str]:
    """Return the words of all code spans and fenced blocks."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return " ".join([*fenced(text), *spans]).split()


@cache
def tops() -> set[str]:
    """The first parts of all paths in git."""
    return {path.relative_to(ROOT).parts[0] for path in tracked()}


@cache
def module_names() -> set[str]:
    return {path.name for path in tracked("*.py")}


def paths(text: str) -> set[str]:
    """Return the words that are paths in this repository, or bare names of modules.

    The folders that the document itself starts with `kit new` are left out.
    """
    started = tuple(f"submissions/{name}/" for name in re.findall(r"kit new (\w+)", text))
    found = set()
    for word in code(text):
        name = word.rstrip(".,:;)")
        if _PLACEHOLDER.search(_TITLES.sub("", name)) or name.startswith(("/", *started)):
            continue
        first, slash, _ = name.partition("/")
        if (slash and first in tops() and first not in _MADE) or re.fullmatch(r"\w+\.py", name):
            found.add(name)
    return found


def exists(name: str, document: Path) -> bool:
    """Whether a path exists from the root or the document's folder, or a module of that name."""
    if "/" in name:
        return (ROOT / name).exists() or (document.parent / name).exists()
    return name in module_names()


def ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    missing = sorted(name for name in paths(text) if not exists(name, document))
    assert not missing, f"{ids(document)} names {missing}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    inside = [target for target in targets if not re.match(r"\w+:", target)]
    missing = [target for target in inside if not (document.parent / target).exists()]
    assert not missing, f"{ids(document)} links to {missing}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=ids)
def test_every_module_and_make_target_that_a_document_runs_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    modules = re.findall(r"python3? -m ([\w.]+)", text)
    modules = [name for name in modules if not _PLACEHOLDER.search(name)]
    ours = [name for name in modules if (ROOT / name.split(".")[0]).is_dir()]
    missing = [name for name in ours if not _is_module(name)]
    assert not missing, f"{ids(document)} runs {missing}"
    spans, fences = re.findall(r"`make ([a-z][a-z-]*\b[A-Z]*)", text), "\n".join(fenced(text))
    made = [*spans, *re.findall(r"^ *make ([a-z][a-z-]*)", fences, re.MULTILINE)]
    unknown = {target for target in made if target.islower()} - TARGETS
    assert not unknown, f"{ids(document)} makes {sorted(unknown)}"


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() or name == "tests"


def test_the_check_of_paths_can_fail() -> None:
    text = "`kit/nowhere.py`, `no_such_module_anywhere.py` and `submissions/NAME/model.py`"
    assert paths(text) == {"kit/nowhere.py", "no_such_module_anywhere.py"}
    assert paths("`kit new mine`, `submissions/mine/a.py`, `submissions/other/a.py`") == {
        "submissions/other/a.py"
    }
    assert not any(exists(name, ROOT / "README.md") for name in paths(text))


def test_every_builder_that_the_tests_readme_names_exists() -> None:
    text = (ROOT / "tests/README.md").read_text(encoding="utf-8")
    rows = re.findall(r"\| ([^|]*) in `(tests/support/\w+\.py)` \|", text)
    assert rows
    for names, path in rows:
        source = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(def|class) {name}\b", source, re.MULTILINE), f"{path}: {name}"


_BLOCK = re.compile(r"^<!-- ([\w ]+):begin -->$.*?^<!-- \1:end -->$", re.MULTILINE | re.DOTALL)


def prose(text: str) -> Iterator[str]:
    """Yield the lines outside fences, tables, indented code and generated blocks."""
    inside = False
    for line in _BLOCK.sub("", text).splitlines():
        inside ^= line.lstrip().startswith("```")
        if not inside and not line.startswith(("|", "    ")):
            yield line


@pytest.mark.parametrize("path", tracked("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_of_prose_have_at_most_120_characters(path: Path) -> None:
    long = [line for line in prose(path.read_text(encoding="utf-8")) if len(line) > 120]
    assert not long, long[0]
