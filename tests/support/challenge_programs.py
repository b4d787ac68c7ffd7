"""Start the scoring program that `kit new-bundle --contract` copies into a bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.kit import ROOT, write_tree

PROGRAM = ROOT / "kit/contract_bundles/scoring_program/scoring.py"


def scored(folder: Path, metric: str, files: dict[str, str]) -> tuple[dict[str, float], str]:
    """The scores that the program writes of tables in ref/ and res/, and what it says."""
    write_tree(folder / "in/ref", {})
    write_tree(folder / "in", {**files})
    (folder / "out").mkdir()
    ended = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder / "in"), str(folder / "out"), metric],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in ended.stderr
    path = folder / "out/scores.json"
    assert path.is_file() == (ended.returncode == 0)
    return (json.loads(path.read_text()) if path.is_file() else {}), ended.stderr
