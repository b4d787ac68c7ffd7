"""Run a submission on a task, and compare the result with what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit import bundles, runs, submissions
from kit.bundle_track import track_of_bundle
from kit.bundles import Bundle, Task
from kit.contract import PREDICTION_OF_TRACK
from kit.contracts.kept import comparable, predictions_name
from kit.contracts.recognising import contract_of
from kit.errors import KitError
from kit.isolation.app_paths import app_paths
from kit.isolation.mode_options import ModeOptions, choose_mode
from kit.regression.predictions import Change, Kind, change, kind_of, parse_predictions
from kit.regression.significance import ImageChange, Significance, significance
from kit.regression.store import Kept, Slot, machine_type, slot_of, write_stored
from kit.regression.verdicts import WORSE, Metric, beyond_noise, metrics_of, verdict_of
from kit.run_folder import tail
from kit.submissions import Submission
from kit.trees import temporary_folder
from kit.worker import OnTick, no_progress


@dataclass(frozen=True)
class Case:
    """A submission with one task of a bundle."""

    submission: Submission
    bundle: Bundle
    task: Task

    @property
    def slot(self) -> Slot:
        """Where its predictions and scores are stored."""
        return slot_of(self.submission, self.bundle, self.task)

    @property
    def kind(self) -> Kind | None:
        """What its track predicts; None for a track that is not the kit's."""
        track = track_of_bundle(self.bundle)
        return PREDICTION_OF_TRACK[track] if track else None  # type: ignore[return-value]

    def __str__(self) -> str:
        return f"{self.submission.name} on {self.bundle.title}, {self.task.name}"


@dataclass(frozen=True)
class Comparison:
    """How a case's new predictions and scores compare with earlier ones.

    metrics: the one that ranks first. fallen: those that make it `worse`. images: those whose
    prediction changed, the ones first that lost most; empty where nothing was resampled.
    """

    case: Case
    against: str
    verdict: str
    change: Change
    metrics: list[Metric]
    fallen: list[Metric]
    found: Significance | None
    notes: list[str]

    @property
    def images(self) -> list[ImageChange]:
        """The images that earn less than before, those first that lost most."""
        return [one for one in self.found.images if one.lost > 0] if self.found else []


@contextmanager
def opened_cases(
    submission: Submission, bundle_path: Path | None, task: str | None
) -> Iterator[list[Case]]:
    """Give the submission with each task of a bundle, by default its track's, or with one task."""
    with bundles.opened(bundle_path or submissions.bundle_for(submission)) as bundle:
        tasks = bundle.tasks if task is None else (bundle.task(task),)
        yield [Case(submission, bundle, one) for one in tasks]


def run_case(case: Case, on_tick: OnTick = no_progress) -> Kept:
    """Run a case as `kit run` does, and return what it gave.

    Raises:
        KitError: the run failed; the last lines of its log are in the message.
    """
    return _run(case, case.submission, "this run", on_tick)


def score_predictions(case: Case, path: Path) -> Kept:
    """Score a file of predictions on the task of a case, as a result submission.

    Raises:
        KitError: it cannot be read, or the scoring program refuses it.
    """
    text = "".join(f"{line}\n" for line in _text(path).splitlines())
    name = predictions_name(case.task)
    with temporary_folder("kit-compare-") as folder:
        result = folder / case.submission.name
        result.mkdir()
        (result / name).write_text(text, encoding="utf-8")
        return replace(_run(case, Submission(result.name, result), str(path)), machine={})


def _run(case: Case, submission: Submission, where: str, on_tick: OnTick = no_progress) -> Kept:
    named = app_paths(case.task, submission)
    choice = choose_mode(ModeOptions(), case.bundle.docker_image, named)
    with temporary_folder("kit-compare-") as folder:
        result = runs.run(
            submission, case.bundle, case.task, folder / "run", mode=choice.mode, on_tick=on_tick
        )
        if result.failure:
            log = tail(result.steps[-1].telling_log) if result.steps else []
            raise KitError(f"{case}: {result.failure}", log)
        predictions = comparable(result.folder, case.task)
    return Kept(predictions, result.scores, result.digests, machine_type(), where)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(
            f"{path}: expected a file of predictions, found none that reads ({error})"
        ) from error


def compare(case: Case, stored: Kept, new: Kept, resamples: int | None = None) -> Comparison:
    """Compare new predictions and scores of a case with stored ones.

    resamples: of the bootstrap; None for its own number.

    Raises:
        KitError: the predictions are not of the same images, or not of the reference's.
    """
    before = parse_predictions(stored.predictions, stored.where)
    after = parse_predictions(new.predictions, new.where)
    if missing := sorted(before.keys() - after.keys()):
        raise KitError(f"{new.where}: no prediction for {len(missing):,} images", missing)
    contract = contract_of(case.task)
    kind = case.kind or (contract.answer.kind if contract else kind_of(before))
    # What a run or a file does not tell counts as the same: the bootstrap then has the last word.
    same_machine = not (stored.machine and new.machine) or stored.machine == new.machine
    changed = change(before, after, kind, same_machine)
    found = None
    if case.kind and not changed.identical:
        found = significance(case.task, stored.predictions, new.predictions, resamples)
    metrics = metrics_of(case.bundle, stored.scores, new.scores, found)
    if not metrics:
        raise KitError(f"{stored.where}: expected scores of the leaderboard, found none of them")
    verdict = verdict_of(changed, metrics)
    fallen = beyond_noise(metrics) if verdict == WORSE else []
    notes = _notes(case, stored, new, changed)
    return Comparison(case, stored.where, verdict, changed, metrics, fallen, found, notes)


def _notes(case: Case, stored: Kept, new: Kept, changed: Change) -> list[str]:
    """Say what may explain a difference: data or programs, the machine, or nothing at all."""
    notes = []
    if case.kind is None:
        notes.append("the metrics are not the kit's: no interval, and any fall counts as worse")
    if stored.digests and new.digests:
        moved = [key for key, digest in new.digests.items() if stored.digests.get(key) != digest]
        others = [key.replace("_", " ") for key in moved if key != "submission"]
        if others:
            notes.append(f"changed since the scores were stored: {', '.join(others)}")
        elif not moved and not changed.identical:
            notes.append(
                "submission, programs and data are the stored ones, byte for byte: the machine, "
                "its packages or chance made the difference"
            )
    if stored.machine and new.machine and stored.machine != new.machine:
        notes.append("stored on another type of machine, where last digits may differ")
    return notes


def update(case: Case, stored: Kept | None, new: Kept) -> list[str]:
    """Store new predictions and scores, and say what moved, a line each; none if nothing did."""
    if stored is None or stored.digests != new.digests or moved_lines(stored, new):
        write_stored(case.slot, new)
    if stored is None:
        return [f"{key} {value:.4f} (new)" for key, value in new.scores.items()]
    return moved_lines(stored, new)


def moved_lines(stored: Kept, new: Kept) -> list[str]:
    """Say which scores moved, and how many predictions, a line each."""
    lines = [
        f"{key} {stored.scores.get(key, float('nan')):.4f} -> {value:.4f}"
        for key, value in new.scores.items()
        if stored.scores.get(key) != value
    ]
    before = parse_predictions(stored.predictions, stored.where)
    after = parse_predictions(new.predictions, new.where)
    if changed := sum(before.get(name) != text for name, text in after.items()):
        lines.append(f"{changed:,} of {len(after):,} predictions")
    return lines


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as `kit compare --json` gives it."""
    case, found = comparison.case, comparison.found
    return {
        "submission": case.submission.name,
        "bundle": case.bundle.title,
        "task": case.task.name,
        "against": comparison.against,
        "verdict": comparison.verdict,
        "predictions": {
            "kind": comparison.change.kind,
            "images": comparison.change.images,
            "changed": len(comparison.change.changed),
            "largest_difference": comparison.change.largest,
            "mean_difference": comparison.change.mean,
            "tolerance": comparison.change.allowed,
            "within_tolerance": comparison.change.within,
        },
        "metrics": [one.as_json() for one in comparison.metrics],
        "fallen": [one.key for one in comparison.fallen],
        "units": found.units if found else None,
        "grouped_by": found.grouped_by if found else None,
        "images": [vars(one) for one in comparison.images],
        "notes": comparison.notes,
    }
