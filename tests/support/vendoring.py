"""Shared packages in small, and submissions that import them, for the tests of `kit vendor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kit.checks.engine import check_statically
from kit.findings.finding import Finding
from kit.submissions import Submission
from tests.support.kit import MODEL, make_submission

SHARED: dict[str, str | bytes] = {
    "wildlife_a/__init__.py": '"""A."""\n',
    "wildlife_a/one.py": "from wildlife_a import two\nfrom .deep import leaf\n",
    "wildlife_a/two.py": "VALUE = 2\n",
    "wildlife_a/three.py": "from wildlife_b.only import X\n",
    "wildlife_a/deep/__init__.py": "from ..two import VALUE\n",
    "wildlife_a/deep/leaf.py": "from . import other\n",
    "wildlife_a/deep/other.py": "",
    "wildlife_b/__init__.py": "",
    "wildlife_b/only.py": "X = 1\n",
}


def submission(shared: Path, imports: str, **files: str | bytes) -> Path:
    """A submission next to the shared packages, of a team's own repository."""
    return make_submission(shared.parent / "mine", f"{imports}\n{MODEL}", **files)


def copies(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("wildlife_*/**/*.py")}


def recorded(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "VENDORED.json").read_text())
    return content


def findings(path: Path) -> list[Finding]:
    return check_statically(Submission(path.stem, path)).findings


def differing(path: Path) -> list[Finding]:
    return [finding for finding in findings(path) if finding.code == "vendored-differs"]
