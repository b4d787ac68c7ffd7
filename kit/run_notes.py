"""What a run tells its user besides scores: notes, paths by their own names, doubts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kit.bundle_track import track_difference
from kit.bundles import Bundle, Task
from kit.isolation.app_paths import app_paths
from kit.isolation.doubts import (
    Doubt,
    doubts,
    doubts_of_outcomes,
    doubts_of_requirements,
    modules_in,
    read_logs,
)
from kit.packing.shipping import has_junk
from kit.requirements import unmet_requirements
from kit.results import is_result, result_problems
from kit.submissions import LaidOut, Submission, metadata_of
from kit.vendoring.imports import unvendored_packages
from kit.worker import STEPS, StepResult, Workspace
from kit.zips import tree_entries

if TYPE_CHECKING:
    from kit.runs import Run

_MOST_NOTES = 5
_NOTE = "NOTE: "
_LONGEST_NOTE = 300
_INGESTION_LOG = "prediction_ingestion_stdout.txt"


def doubts_of_run(result: Run, workspace: Workspace, laid_out: LaidOut) -> list[Doubt]:
    """Return what of the mode may have caused the failure of a run."""
    place = Place(result.submission, result.bundle, result.task, laid_out.folder)
    found = doubts_of_steps(place, result.steps, workspace)
    return list(dict.fromkeys([*found, *_doubts_of_time(result)]))


class Place(NamedTuple):
    """What runs: a submission, laid out in a folder, on a task of a bundle."""

    submission: Submission
    bundle: Bundle
    task: Task
    laid_out: Path


def doubts_of_steps(place: Place, steps: Sequence[StepResult], workspace: Workspace) -> list[Doubt]:
    """Return what of the mode may have caused the failure of the steps, the prediction first."""
    lacks = workspace.mode.lacks(place.bundle.docker_image)
    named = app_paths(place.task, place.submission)
    own = modules_in([workspace.root, place.laid_out])
    shared = unvendored_packages(place.submission.path, place.laid_out)
    outcomes = [outcome for step in steps for outcome in step.outcomes.values()]
    found = [
        *doubts(lacks, named, read_logs(workspace.logs), own | frozenset(shared)),
        *doubts_of_outcomes(lacks, outcomes),
    ]
    if "packages" in lacks and steps[0].failure:
        found += doubts_of_requirements(unmet_requirements(place.laid_out))
    return list(dict.fromkeys(found))


def _doubts_of_time(result: Run) -> list[Doubt]:
    """Return the user's own time limit, where it stopped a step before the phase's limit."""
    phase = result.task.time_limit_s
    return [
        Doubt(
            f"the limit of {step.limit_s:g} s is this run's own; the phase gives {phase:g} s",
            "leave out --time-limit",
        )
        for step in result.steps
        if step.timed_out and step.limit_s < phase
    ]


def user_paths(result: Run, workspace: Workspace, laid_out: LaidOut | None) -> dict[Path, str]:
    """Return what a run's temporary folders hold, under the path that the user knows."""
    task, root = result.task, workspace.root
    named = {
        root / "prediction" / "ingestion_program": task.ingestion_program,
        root / "prediction" / "input_data": task.input_data,
        root / "scoring" / "program": task.scoring_program,
        root / "scoring" / "ingestion_program": task.ingestion_program,
        root / "scoring" / "input_data": task.input_data,
        root / "scoring" / "input" / "ref": task.reference_data,
    }
    if laid_out:
        named[laid_out.folder] = result.submission.path
    paths = {folder: str(path) for folder, path in named.items() if path is not None}
    platform = {
        root / step / name: f"/app/{name}" for step in STEPS for name in ("output", "input")
    }
    return paths | platform


def notes_on(submission: Submission, laid_out: Path, bundle: Bundle) -> list[str]:
    """Return what the user should know of a submission before it runs on a bundle."""
    names = [entry.name for entry in tree_entries(laid_out) if not has_junk(entry.name)]
    if is_result(names):
        kind = "a result submission: the scoring program reads its files as they are"
        return [kind, *_first([str(problem) for problem in result_problems(names)])]
    difference = track_difference(metadata_of(laid_out).get("track"), bundle)
    other_track = [difference] if difference else []
    unmet = [f"requirement not met here: {item}" for item in unmet_requirements(laid_out)]
    problems = [] if submission.is_zip else submission.shipment.problems
    refused = [
        f"kit pack would refuse this: {item}" for item in problems if item.severity == "error"
    ]
    absent = [
        f"{package} is imported and not in the submission; `kit vendor` copies shared packages"
        for package in unvendored_packages(submission.path, laid_out)
    ]
    return [*other_track, *_first(unmet), *_first(refused), *_first(absent)]


def notes_of_ingestion(logs: Path) -> list[str]:
    """Return what the ingestion program noted: the lines of its output that begin with `NOTE: `.

    ingestion_program/README.md describes these lines.
    """
    log = logs / _INGESTION_LOG
    if not log.is_file():
        return []
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    found = dict.fromkeys(line[len(_NOTE) :] for line in lines if line.startswith(_NOTE))
    return _first([f"ingestion: {line[:_LONGEST_NOTE]}" for line in found])


def _first(notes: list[str]) -> list[str]:
    """Return the first few notes of a kind, and how many more: nobody reads thousands."""
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], f"... and {more:,} more such notes"] if more > 0 else notes
