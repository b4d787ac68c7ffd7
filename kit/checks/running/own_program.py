"""Run a bundle's own ingestion program on a few images: it decides how the model is called.

The probes call `predict(image)`. An organiser's program may hand over several images, or start
another file; so what the probes find counts only where the program ends badly by the same error,
or where the model answers `predict(image)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit.bundles import Bundle, Task
from kit.checks.running import probing
from kit.checks.running.probing import Laboratory, Probe, plans_for
from kit.checks.running.small_input import Small, small_input
from kit.contracts.answers import answer_problems
from kit.contracts.reading import CODE, Contract
from kit.contracts.recognising import contract_of
from kit.errors import KitError
from kit.findings.finding import Finding, Report, Skipped
from kit.isolation.app_paths import app_paths
from kit.isolation.mode_options import ModeOptions, choose_mode
from kit.run_folder import tail
from kit.run_notes import Place, doubts_of_steps
from kit.verdict import Verdict, unknown_verdict
from kit.worker import StepResult, Workspace, predict

FAILS = "program-fails"
_CHECKS = "answers, odd images, sameness"
_COMMAND = "kit run NAME --bundle BUNDLE"
# What `predict(image)` of another contract returns.
_CONTAINERS = ("dict", "list", "tuple")
# The start of a program varies by less.
_MEASURABLE_S = 1.0
# Where a mode with real paths shows the submission.
_REAL = Path("/app/ingested_program")
_PLACE = re.compile(r'File "([^"\n]+)", line (\d+)')


@dataclass(frozen=True)
class Trial:
    """The prediction step on a few images: how it ended, and the end of its log.

    `verdict` is there where a limit of the mode may be the cause of a failure.
    """

    small: Small
    step: StepResult
    log: tuple[str, ...]
    verdict: Verdict | None = None

    @property
    def failed(self) -> bool:
        """Whether the program ended badly."""
        return bool(self.step.failure)


def other_call(task: Task | None) -> Contract | None:
    """Return the task's contract where its program does not call `predict(image)`, else None."""
    found = contract_of(task) if task and not plans_for(task) else None
    return found if found and found.kind == CODE else None


def check_own_program(
    report: Report,
    room: Laboratory,
    probe: Probe | None,
    target: tuple[Bundle, Task],
    images: int | None,
) -> bool:
    """Run the program where it is not ours; return whether the probes say nothing more.

    Args:
        report: gets the findings, and the forecast where the contract is known.
        room: where the submission is laid out.
        probe: what loading and `predict(image)` showed; None for a script, which is not loaded.
        target: the bundle and the task, whose ingestion program runs.
        images: the number of hidden images; as many as the task has by default.
    """
    task = target[1]
    place = Place(room.submission, *target, room.laid_out.folder)
    contract = other_call(task)
    if not _is_own(task, contract):
        return False
    other = contract is not None or (probe is not None and _answers_otherwise(probe))
    is_worth = probe is None or _is_worth_a_trial(probe)
    trial = _tried(report, room, place, contract) if is_worth else None
    if trial is None:
        return contract is not None or (other and is_worth)
    if contract is None and trial.failed and probe and _is_known(trial, probe):
        return False
    report.add("own program", _findings(trial, contract, room, task.reference_data))
    if contract:
        report.forecast = _forecast(room, place, trial, contract, images)
    if other:
        how = contract.call if contract else "it does not call predict(image), or expects more"
        why = f"only the bundle's own ingestion program can call the model: {how}"
        report.skipped.append(Skipped(_CHECKS, why, _COMMAND))
    return other


def _tried(
    report: Report, room: Laboratory, place: Place, contract: Contract | None
) -> Trial | None:
    """Run the program; None where that says nothing of the submission, and the report says why."""
    try:
        trial = _trial(room, place, contract)
    except KitError as error:
        report.skipped.append(Skipped("own program", str(error), _COMMAND))
        return None
    if trial.verdict:
        why = f"{trial.step.failure}: {trial.verdict.message}"
        report.skipped.append(Skipped("own program", why, trial.verdict.todo))
        return None
    return trial


def _is_own(task: Task, contract: Contract | None) -> bool:
    """Whether the prediction step runs another ingestion program than ours, on data that exist."""
    own = task.ingestion_program is not None and not task.late_ingestion and not plans_for(task)
    return own and (task.input_data is not None or contract is not None)


def _is_worth_a_trial(probe: Probe) -> bool:
    """Whether nothing is known that would stop the program too, or would reach the network."""
    late = any(event.get("late") for event in probe.of("error"))
    return probe.finished and not late and not probe.of("network")


def _is_known(trial: Trial, probe: Probe) -> bool:
    """Whether the program ended by an error that the probe met, and names with its line."""
    log = "\n".join(trial.log)
    errors = [str(event["error"]) for event in probe.of("error", "first")]
    return any(error in log for error in errors)


def _answers_otherwise(probe: Probe) -> bool:
    """Whether the model does not answer `predict(image)` with a score or a label."""
    kinds = [str(answer.get("bad", "")).split()[:1] for _, answer in probe.answers("first")]
    contains = any(kind and kind[0] in _CONTAINERS for kind in kinds)
    return contains or bool(probe.of("error", "first") or probe.of("error", "plan"))


def _trial(room: Laboratory, place: Place, contract: Contract | None) -> Trial:
    """Run the program on a small copy of the input data.

    Without a contract the copy is a guess: a failure counts only if all the data give one too,
    before the time of one call is over.

    Raises:
        KitError: the data or a program cannot be used, or the program needs all the data.
    """
    data = place.task.input_data
    small = small_input(data, contract, _new_folder(room))
    first = _run(room, place, small, room.limit_s)
    if not first.failed or first.step.timed_out or contract or not small.is_cut:
        return first
    whole = replace(small, data=data or small.data, images=small.total, is_cut=False)
    again = _run(room, place, whole, min(probing.CALL_LIMIT_S, room.limit_s))
    if again.step.timed_out:
        raise KitError("the bundle's own program does not run on a part of its input data")
    return again


def _new_folder(room: Laboratory) -> Path:
    folder = room.root / f"trial-{len(list(room.root.glob('trial-*')))}"
    folder.mkdir()
    return folder


def _run(room: Laboratory, place: Place, given: Small, limit_s: float) -> Trial:
    named = app_paths(place.task, place.submission)
    mode = choose_mode(ModeOptions(), place.bundle.docker_image, named).mode
    folder = _new_folder(room)
    workspace = Workspace(folder, folder / "logs", limit_s, mode)
    workspace.logs.mkdir()
    before = room.files()
    step = predict(replace(place.task, input_data=given.data), workspace, place.laid_out)
    if room.files() != before:
        room.restore()
    found = doubts_of_steps(place, [step], workspace) if step.failure else []
    verdict = unknown_verdict(found) if found and not step.timed_out else None
    return Trial(given, step, tuple(tail(step.telling_log)), verdict)


def _findings(
    trial: Trial, contract: Contract | None, room: Laboratory, truth: Path | None
) -> Iterator[Finding]:
    output = trial.step.output
    if trial.step.timed_out:
        yield Finding("probe-timeout", "", f"on {trial.small}: {trial.step.failure}")
    elif trial.failed:
        yield _failure(trial, room)
    elif contract:
        yield from answer_problems(output, contract, trial.small.data, truth)
    elif not any(output.iterdir()):
        found = f"on {trial.small} the bundle's own ingestion program wrote no file"
        yield Finding("answers-missing", "", found)


def _failure(trial: Trial, room: Laboratory) -> Finding:
    """Say what the log says last, and name the last line of the submission's in its traceback."""
    last = trial.log[-1].strip() if trial.log else "nothing in its log"
    last = last.replace(str(room.laid_out.folder), str(room.submission.path))
    found = f"on {trial.small}: {trial.step.failure}: {last}"
    file, line = _place(trial.log, room.laid_out.folder)
    return Finding(FAILS, file, found, line)


def _place(log: Sequence[str], folder: Path) -> tuple[str, int | None]:
    for text in reversed(log):
        match = _PLACE.search(text)
        for root in (folder, _REAL) if match else ():
            if match and Path(match[1]).is_relative_to(root):
                return Path(match[1]).relative_to(root).as_posix(), int(match[2])
    return "", None


def _forecast(
    room: Laboratory, place: Place, trial: Trial, contract: Contract, images: int | None
) -> dict[str, Any] | None:
    """Return the time of a full run, where a second trial on one call tells it from the start.

    None where the two differ too little, or the number of all images is not known.
    """
    small, count, task = trial.small, images or trial.small.total, place.task
    if trial.failed or not small.total or trial.step.seconds < _MEASURABLE_S:
        return None
    one = small_input(task.input_data, contract, _new_folder(room), calls=1)
    start = _run(room, place, one, room.limit_s)
    more, seconds = small.images - one.images, trial.step.seconds - start.step.seconds
    if start.failed or more <= 0 or seconds < _MEASURABLE_S:
        return None
    each = seconds / more
    loading = max(0.0, start.step.seconds - one.images * each)
    whole = round(loading + count * each, 2)
    return {
        "images": count,
        "measured": f"{small} by the bundle's own program",
        "batched": False,
        "load_seconds": round(loading, 3),
        "median_seconds": round(each, 5),
        "p95_seconds": round(each, 5),
        "seconds": whole,
        "seconds_at_p95": whole,
        "limit_seconds": task.time_limit_s,
        "peak_bytes": trial.step.peak_bytes,
    }
