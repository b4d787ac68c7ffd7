"""The repository itself: import arrows, sizes, names, and the README's commands."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT, make_targets, tracked
from wildlife_scoring.tracks import TRACKS

# The packages of each folder, and the folders that may not import them (README, "The tree").
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


def fenced(text: str) -> list[str]:
    """The commands of the ```sh fences, continuation lines joined.

    The ```bash fence is for a folder outside of a checkout: tests/kit/test_wheel.py runs it.
    """
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


README = (ROOT / "README.md").read_text(encoding="utf-8")
# These set up an environment or leave the machine; what they call is tested elsewhere.
_NOT_HERE = ("make demo", "make test", "git clone", "cd ")


def test_every_command_of_the_readme_is_known() -> None:
    commands = fenced(README)
    assert len(commands) >= 8
    for line in commands:
        if line.startswith("make "):
            target = shlex.split(line)[1]
            assert target in make_targets(), line


@pytest.mark.process
def test_the_readmes_commands_run(tmp_path: Path) -> None:
    commands = [line for line in fenced(README) if not line.startswith(_NOT_HERE)]
    commands = [line for line in commands if not line.startswith("make ")]
    assert commands
    script = "\n".join(["set -e", f"cd {shlex.quote(str(tmp_path / 'clone'))}", *commands])
    copy_checkout(tmp_path / "clone")
    ended = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=shell_environment(),
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]


def shell_environment() -> dict[str, str]:
    """This environment with its own commands first, as after `source .venv/bin/activate`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return os.environ | {"PATH": path}


def copy_checkout(target: Path) -> None:
    """The tracked files, links kept, as a clone would have them."""
    for path in tracked():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    for bundle in TRACKS:
        for link in ("ingestion_program", "scoring_program"):
            place = target / "sample_data" / bundle / link
            if not place.exists():
                place.symlink_to(Path("../..", link))
