"""run.json: the record that every run leaves in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from kit.errors import UsageProblem
from kit.trees import open_regular

RUNS: Final = Path("runs")  # where runs are kept, in the folder where the command is called
RECORD_FILE: Final = "run.json"


def read_record(folder: Path) -> dict[str, Any]:
    """Read the run.json of a run.

    Raises:
        UsageProblem: the folder holds none, or it cannot be read.
    """
    path = folder / RECORD_FILE
    try:
        with open_regular(path) as stream:
            content = json.load(stream)
    except (OSError, ValueError) as error:
        raise UsageProblem(f"{path}: expected the record of a run, found none ({error})") from error
    if not isinstance(content, dict):
        raise UsageProblem(f"{path}: expected the record of a run, found something else")
    return content


def run_folder(text: str) -> Path | None:
    """Return the folder of the run that `text` names, by its path or by its name in runs/."""
    for folder in (Path(text), RUNS / text):
        if (folder / RECORD_FILE).is_file():
            return folder
    return None


def records_below(runs: Path) -> list[dict[str, Any]]:
    """Return the records of the runs below `runs`, by the names of their folders.

    What does not have the form of a run of this kit is left out.
    """
    found = []
    for path in sorted(runs.glob(f"*/{RECORD_FILE}")):
        try:
            content = read_record(path.parent)
        except UsageProblem:
            continue
        if _is_of_this_kit(content):
            found.append(content)
    return found


def last_runs(runs: Path) -> dict[str, dict[str, Any]]:
    """Return for each submission the record of its newest run below `runs`, failed or not."""
    return {str(record.get("submission")): record for record in records_below(runs)}


def _is_of_this_kit(content: dict[str, Any]) -> bool:
    board, task = content.get("leaderboard"), content.get("task")
    if content.get("format") != 1 or not isinstance(task, dict) or not isinstance(board, list):
        return False
    return all(isinstance(cell, dict) and {"title", "shown"} <= cell.keys() for cell in board)
