"""The files of this repository, as git lists them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tracked(pattern: str = "*") -> list[Path]:
    """List the files that a commit of everything would hold; skips the test without git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def is_vendored(path: Path) -> bool:
    """Whether `kit vendor` wrote the file."""
    parts = path.relative_to(ROOT).parts
    return parts[0] == "submissions" and parts[1] != "_shared" and parts[2].startswith("wildlife_")


def make_targets() -> set[str]:
    """Return the targets of the Makefile; `artifacts-%` stands for one for each track."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    tracks = (path.parent.name for path in (ROOT / "training").glob("*/__main__.py"))
    return {*re.findall(r"^([a-z-]+):", text, re.MULTILINE), *(f"artifacts-{n}" for n in tracks)}
