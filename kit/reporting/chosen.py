"""Which runs a report is about: a run by its folder or name, or the last run of a submission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.contract import CANDIDATES_FILE, PREDICTIONS_FILE
from kit.contracts.kept import contract_in
from kit.errors import KitError, UsageProblem
from kit.records import RUNS, last_runs, read_record, run_folder


@dataclass(frozen=True)
class ChosenRun:
    """A run that ended with scores: its name in the report, its folder and its run.json."""

    name: str
    folder: Path
    record: dict[str, Any]

    @property
    def predictions(self) -> Path:
        """Its predictions.txt."""
        return self.folder / PREDICTIONS_FILE

    @property
    def candidates(self) -> Path | None:
        """Its candidates.csv; None where it has none."""
        path = self.folder / CANDIDATES_FILE
        return path if path.is_file() else None

    @property
    def run_id(self) -> str:
        """The name of its folder."""
        return self.folder.resolve().name


def choose(texts: Sequence[str]) -> list[ChosenRun]:
    """Return the runs that the user means, in the order given.

    Raises:
        UsageProblem: a text is neither a run nor a submission that was run here.
        KitError: a run has no scores, or the runs are not of one task and the same data.
    """
    runs = [_chosen(text) for text in texts]
    _refuse_others_data(runs)
    names = [run.name for run in runs]
    return [
        ChosenRun(run.run_id, run.folder, run.record) if names.count(run.name) > 1 else run
        for run in runs
    ]


def _chosen(text: str) -> ChosenRun:
    if folder := run_folder(text):
        return _with_scores(text, folder, read_record(folder))
    last = last_runs(RUNS)
    if text not in last:
        known = ", ".join(sorted(last)) or "none"
        raise UsageProblem(
            f"{text}: expected a run (its folder, or its name in {RUNS}/) or a submission that was "
            f"run here, found neither. Submissions with runs here: {known}",
            hint=f"`kit run {text}` makes a run, if that is a submission",
        )
    recorded = Path(last[text]["folder"])
    here = RUNS / recorded.name  # where the whole checkout was moved since
    return _with_scores(text, here if here.is_dir() else recorded, last[text])


def _with_scores(text: str, folder: Path, record: dict[str, Any]) -> ChosenRun:
    found = ChosenRun(str(record.get("submission", text)), folder, record)
    if not record.get("ok"):
        raise KitError(
            f"{folder}: the run has no scores to report: {record.get('failure') or 'not finished'}",
            hint="name an earlier run (the folders of runs/), or run the submission again",
        )
    if other := contract_in(folder):
        raise KitError(
            f"{folder}: expected {PREDICTIONS_FILE} of a track of the kit, found "
            f"{other.answer.files[0]} of another contract, of which there is no report",
            hint="`kit leaderboard` and `kit compare` show its scores, and detailed_results.html "
            "next to it is its program's own page",
        )
    if not found.predictions.is_file():
        raise KitError(
            f"{found.predictions}: expected the predictions of the run, found none",
            hint="run the submission again",
        )
    return found


def _refuse_others_data(runs: Sequence[ChosenRun]) -> None:
    """Raise unless all runs were scored with the same reference data."""
    data = {run.record.get("digests", {}).get("reference_data") for run in runs}
    if len(data) < 2:
        return
    listed = [
        f"{run.run_id}: {run.record['bundle']}, task {run.record['task']['name']}" for run in runs
    ]
    raise KitError(
        "the runs were not scored with the same reference data, so that they cannot be compared",
        listed,
        "name runs of one task: the folders of runs/",
    )
