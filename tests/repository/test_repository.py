"""The repository itself: import arrows, sizes, names, and the README's commands."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages import blocks, commands
from tests.support.repository import ROOT, make_targets, tracked

# The packages of each folder, and the folders that may not import them (docs/pages/index.md).
PACKAGES = {
    "kit": {"kit"},
    "training": {"training"},
    "ingestion_program": {"ingestion", "ingestion_program", "wildlife_ingestion"},
    "scoring_program": {"scoring", "scoring_program", "wildlife_scoring"},
    "submissions": {
        "submissions",
        "wildlife_backbone",
        "wildlife_image",
        "wildlife_reid",
        "wildlife_submission",
        "wildlife_wings",
    },
}
FORBIDDEN = {
    "kit": ("training", "ingestion_program", "scoring_program", "submissions"),
    "ingestion_program": ("kit", "training", "scoring_program", "submissions"),
    "scoring_program": ("kit", "training", "ingestion_program", "submissions"),
    "submissions": ("kit", "training", "ingestion_program", "scoring_program"),
    "training": ("ingestion_program",),
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_imports_point_one_way(folder: str) -> None:
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    forbidden = set().union(*(PACKAGES[other] for other in FORBIDDEN[folder]))
    for path in files:
        wrong = set(imports(path)) & forbidden
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_no_file_puts_folders_on_the_path_by_hand() -> None:
    """Packages are found by the editable install (pyproject.toml), so imports stand on top."""
    pattern = re.compile(r"sys\.path\.(insert|append|extend)\(|noqa: E402")
    here = Path(__file__).resolve()
    for path in tracked("*.py"):
        text = path.read_text(encoding="utf-8")
        found = pattern.search(_code_without_strings(text)) if path != here else None
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def _code_without_strings(text: str) -> str:
    """The file without its string literals: tests hold programs of other people in them."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.end_lineno is not None
            for number in range(node.lineno - 1, node.end_lineno):
                lines[number] = ""
    return "\n".join(lines)


def test_no_submission_is_imported_by_the_kit() -> None:
    names = {path.parent.name for path in (ROOT / "submissions").glob("*/model.py")} | {"model"}
    for path in (ROOT / "kit").rglob("*.py"):
        assert not set(imports(path)) & names, path


def test_no_file_names_this_machine_or_an_index() -> None:
    here = re.escape(os.fsencode(f"{ROOT}{os.sep}"))
    pattern = re.compile(here + rb"|index-url\s*[=\s]\s*http")
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ""}:
            found = pattern.search(path.read_bytes())
            assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_sample_data_and_artifacts_stay_small() -> None:
    for folder in ("sample_data/anomaly", "sample_data/hybrid", "sample_data/reid"):
        total = sum(path.stat().st_size for path in tracked(f"{folder}/*"))
        assert 0 < total < 8e6, f"{folder}: {total} bytes"


def test_the_readme_leads_with_two_commands_and_six() -> None:
    first, six = (commands(block) for block in blocks(ROOT / "README.md", "sh"))
    assert first[0] == ["make", "demo"]
    assert len(first) == 2
    assert len(six) == 6
    assert "demo" in make_targets()
