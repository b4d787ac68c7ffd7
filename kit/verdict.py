"""What the platform would have shown for a run, next to the kit's own strict verdict.

The platform is lenient where the kit is strict: it scores what a crashed prediction left, skips
keys that the leaderboard does not have, and keeps the keys that came before one it cannot store.
Source: codalab/codabench compute_worker.py and submissions.py (`upload_submission_scores`) at
version 1.25; where an older server differs, a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.bundles import Bundle
from kit.contract import METADATA_FILE
from kit.findings.finding import shown
from kit.isolation.doubts import Doubt
from kit.scores import (
    Cell,
    ScoresMissing,
    ScoresUnreadable,
    Stored,
    cells_of,
    computed_warnings,
    read_written,
    store,
    why_unsendable,
)
from kit.worker import StepResult

# `unknown`: a limit of the mode that the kit ran in may be the cause of a failure.
FINISHED, FAILED, UNKNOWN = "Finished", "Failed", "unknown"
_SHOWN = 20


@dataclass
class Verdict:
    """Status, message and log that the participant would see, and the leaderboard's cells.

    Where the status is unknown, `message` gives the reasons, and `todo` what would tell.
    """

    status: str
    message: str = ""
    todo: str = ""
    log: str = ""
    board: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as `run.json` gives it."""
        return vars(self) | {"board": {cell.column.key: cell.shown for cell in self.board}}


def platform_verdict(bundle: Bundle, prediction: StepResult, scoring: StepResult | None) -> Verdict:
    """Return what the platform would have shown.

    Args:
        bundle: whose leaderboard is used.
        prediction: the prediction step.
        scoring: the scoring step, None where the platform would not have come to it.
    """
    if prediction.timed_out:
        return _failed(_time_message(prediction), prediction)
    if scoring is None:
        return _failed(
            "Error, the output directory already contains a metadata file. This file is used to "
            f"store exitCode and other data, do not write to this file manually. ({METADATA_FILE})",
            prediction,
        )
    verdict = _scoring_verdict(bundle, scoring)
    if prediction.failure:
        verdict.notes.insert(
            0,
            f"{prediction.failure}: the platform ignores that and scores what is there; the "
            f"cause is in {_name(prediction.telling_log)}",
        )
    return verdict


def unknown_verdict(doubts: Sequence[Doubt]) -> Verdict:
    """Return the verdict of a failure that the mode may have caused itself."""
    reasons = dict.fromkeys(doubt.reason for doubt in doubts)
    remedies = dict.fromkeys(doubt.todo for doubt in doubts)
    return Verdict(UNKNOWN, "; ".join(reasons), "; ".join(remedies))


def _failed(message: str, step: StepResult) -> Verdict:
    return Verdict(FAILED, message, log=_name(step.log))


def _name(log: Path | None) -> str:
    return log.name if log else ""


def _time_message(step: StepResult) -> str:
    return f"Execution Time Limit exceeded. Limit was {step.limit_s:g} seconds"


def _scoring_verdict(bundle: Bundle, scoring: StepResult) -> Verdict:
    if scoring.timed_out:
        return _failed(_time_message(scoring), scoring)
    if scoring.failure:
        return _failed("Child task failed or non-zero return code", scoring)
    try:
        written = read_written(scoring.output)
    except ScoresMissing:
        return _failed("Could not find scores file, did the scoring program output it?", scoring)
    except ScoresUnreadable as error:
        return _failed(
            f"Could not decode scores json properly, it contains an error: {error.reason}", scoring
        )
    return _board_verdict(bundle, written.content, scoring)


def _board_verdict(bundle: Bundle, content: Any, scoring: StepResult) -> Verdict:
    if why := why_unsendable(content):
        verdict = _failed(why, scoring)
        verdict.notes.append("before version 1.25: Finished, with no scores")
        return verdict
    if not isinstance(content, dict):
        what = f"scores are {type(content).__name__}, not a mapping: n/a in every column"
        stored, notes = Stored(), [what]
    else:
        stored = store(content, bundle.columns)
        notes = _stored_notes(stored)
    verdict = Verdict(FINISHED, board=cells_of(bundle, stored), notes=notes)
    verdict.notes += _board_notes(bundle, verdict.board)
    return verdict


def _stored_notes(stored: Stored) -> list[str]:
    """Say what the server does not store as it was written."""
    notes = []
    if stored.without_column:
        names = shown(stored.without_column, _SHOWN)
        notes.append(f"silently skipped, not columns of the leaderboard: {names}")
    notes += [f"{key}: true counts as 1 and false as 0" for key in stored.booleans]
    if stored.refused:
        key, value = stored.refused
        notes.append(
            f"{key}: {value!r} is refused by the server; keys after it are lost, n/a is shown"
        )
    return notes + computed_warnings(stored)


def _board_notes(bundle: Bundle, board: Sequence[Cell]) -> list[str]:
    notes = []
    coarse = False
    for cell in board:
        if cell.column.sorting == "asc":
            notes.append(f"{cell.column.key}: the board ranks smaller values first")
        elif cell.column.sorting != "desc":
            notes.append(f"{cell.column.key}: unknown sorting {cell.column.sorting!r}")
        if cell.value is None:
            notes.append(f"{cell.column.key}: missing, shown as n/a")
            if cell.column.index == bundle.primary_index and cell.column.sorting == "desc":
                notes.append(
                    f"{cell.column.key} ranks: servers before May 2026 put n/a on top of the board"
                )
        if cell.value is not None and float(cell.shown) != round(cell.value, 10):
            coarse = True
    if coarse:
        notes.append("the board rounds, but ranks by ten decimals: equal there is not a tie")
    return notes
