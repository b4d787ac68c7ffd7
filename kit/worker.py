"""Do what the platform's compute worker does: a prediction and a scoring step.

Source: codalab/codabench compute_worker.py at c7dbc756, `prepare`, `start`, `push_output` and
`_run_program_directory`. Each step has folders of its own; reference data is absent in the
prediction step and input data in the scoring step; the prediction's output reaches the scoring
step as a zip with the worker's `metadata` file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from kit.bundles import Task
from kit.contract import METADATA_FILE
from kit.errors import KitError
from kit.files import writing
from kit.isolation.limits import OutputWatch
from kit.isolation.modes import Mode, Place
from kit.isolation.outputs import strange_output
from kit.isolation.platform_table import (
    INGESTION,
    LATE_INGESTION,
    SCORING,
    SUBMISSION,
    ContainerKind,
)
from kit.isolation.process import Outcome, Stop, run_together
from kit.isolation.programs import (
    Job,
    command_of,
    has_metadata,
    make_job,
    split_command,
    writable_copies,
)
from kit.journal import Journal
from kit.step_inputs import lay_out_program, provide_data
from kit.trees import copy_files
from kit.zips import tree_entries, unpack, write_zip

STEPS: Final = ("prediction", "scoring")

# Progress callback: (step, seconds so far, file of its standard output so far).
OnTick = Callable[[str, float, Path], None]


def no_progress(step: str, seconds: float, log: Path) -> None:
    """Show no progress."""


@dataclass
class StepResult:
    """How one step ended: outcomes by program, and why it failed by the strict rule."""

    name: str
    output: Path
    limit_s: float
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failure: str = ""
    log: Path | None = None

    @property
    def telling_log(self) -> Path | None:
        """The log that says why it failed: `log`, or the standard output where that is empty.

        A program that starts another one may print everything that one says.
        """
        other = self.log and self.log.with_name(self.log.name.replace("_stderr", "_stdout"))
        is_empty = self.log and self.log.is_file() and not self.log.stat().st_size
        return other if is_empty and other and other.is_file() else self.log

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the longer of the step's programs."""
        return max((outcome.seconds for outcome in self.outcomes.values()), default=0.0)

    @property
    def timed_out(self) -> bool:
        """Whether the time limit ended it."""
        return any(outcome.stop is Stop.TIME for outcome in self.outcomes.values())

    @property
    def peak_bytes(self) -> int:
        """Peak memory of the larger of the step's programs, 0 where it is not known."""
        return max((outcome.peak_bytes for outcome in self.outcomes.values()), default=0)


@dataclass(frozen=True)
class Workspace:
    """Where and how a run happens: `root` holds the folders of the two steps, `logs` their output.

    `on_tick` is called several times a second.
    """

    root: Path
    logs: Path
    time_limit_s: float
    mode: Mode
    on_tick: OnTick = no_progress

    def folder(self, *parts: str) -> Path:
        """Return a folder of the workspace; make it if it is missing."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path


def predict(
    task: Task, workspace: Workspace, submission: Path, journal: Journal | None = None
) -> StepResult:
    """Run the prediction step.

    Args:
        task: the task whose ingestion program and input data are used.
        workspace: where to run.
        submission: the folder of the submission, laid out.
        journal: given to the ingestion program; None keeps none.

    Raises:
        KitError: a program of the bundle cannot be used; nothing has been run then.
    """
    root = workspace.folder("prediction")
    output = workspace.folder("prediction", "output")
    step = StepResult("prediction", output, workspace.time_limit_s)
    folders = {
        "submission": submission,
        "output": output,
        "worker_data": workspace.folder("data"),
    }
    if task.input_data:
        folders["input_data"] = provide_data(task.input_data, root / "input_data", workspace.mode)
    jobs = []
    if not has_metadata(submission):
        # The worker's whole mechanism for result submissions: their files are the output.
        copy_files(submission, step.output)
    elif command := command_of(submission):
        argv = split_command(command, "program", False, task.late_ingestion)
        jobs.append(make_job(SUBMISSION, argv, folders))
    if task.ingestion_program and not task.late_ingestion:
        jobs.append(_ingestion_job(INGESTION, task, root, folders))
        if journal:
            journal.place_in(step.output, root / "ingestion_program")
    _run(step, jobs, workspace)
    return step


def score(task: Task, workspace: Workspace, results: Path) -> StepResult:
    """Run the scoring step on the prediction step's output.

    Args:
        task: the task whose scoring program and reference data are used.
        workspace: where to run.
        results: the zip that `zip_output` made of the prediction's output.

    Raises:
        KitError: the scoring program cannot be used.
    """
    root = workspace.folder("scoring")
    step = StepResult("scoring", workspace.folder("scoring", "output"), workspace.time_limit_s)
    inputs = workspace.folder("scoring", "input")
    unpack(results, inputs / "res")
    folders = {
        "scoring_program": lay_out_program(task.scoring_program, root / "program", "scoring"),
        "input": inputs,
        "results": inputs / "res",
        "output": step.output,
        "shared": workspace.folder("scoring", "shared"),
        "worker_data": workspace.folder("data"),
    }
    if task.reference_data:
        folders["reference_data"] = provide_data(
            task.reference_data, inputs / "ref", workspace.mode
        )
    if task.input_data and task.late_ingestion:
        folders["input_data"] = provide_data(task.input_data, root / "input_data", workspace.mode)
    command = command_of(folders["scoring_program"])
    if not command:
        raise KitError(
            f"{task.scoring_program}: expected a metadata.yaml with a `command`, found none; on "
            "the platform such a scoring program never ends well"
        )
    argv = split_command(command, "program", True, task.late_ingestion)
    jobs = [make_job(SCORING, argv, folders)]
    if task.ingestion_program and task.late_ingestion:
        jobs.append(_ingestion_job(LATE_INGESTION, task, root, folders))
    _run(step, jobs, workspace)
    return step


def zip_output(step: StepResult, workspace: Workspace) -> Path:
    """Zip the prediction's output with the worker's `metadata` file, as the worker does.

    Raises:
        KitError: the programs wrote a file of that name, which the platform refuses, or
            something that is no file.
    """
    if strange := strange_output(step.output):
        raise KitError(strange, hint="write plain files")
    target = step.output / METADATA_FILE
    if target.exists():
        raise KitError(
            f"{METADATA_FILE}: a program wrote this file into /app/output, where the platform "
            "keeps exit codes and times; it refuses such a submission",
            hint="write to another name",
        )
    program, ingestion = step.outcomes.get("program"), step.outcomes.get("ingestion")
    status = {
        "exitCode": program.exit_status if program else None,
        "elapsedTime": (program or ingestion or Outcome(None, 0.0, 0)).seconds,
        "ingestionExitCode": ingestion.exit_status if ingestion else None,
        "ingestionElapsedTime": ingestion.seconds if ingestion else None,
    }
    with writing(target, "the worker's metadata"):
        target.write_text(yaml.safe_dump(status), encoding="utf-8")
    archive = workspace.root / "prediction_result.zip"
    write_zip(tree_entries(step.output), archive)
    return archive


def _ingestion_job(
    container: ContainerKind, task: Task, root: Path, folders: dict[str, Path]
) -> Job:
    assert task.ingestion_program is not None
    program = lay_out_program(task.ingestion_program, root / "ingestion_program", "ingestion")
    command = command_of(program)
    if not command:
        raise KitError(
            f"{task.ingestion_program}: expected a metadata.yaml with a `command`, found none; "
            "the platform would run no ingestion and continue with scoring"
        )
    argv = split_command(command, "ingestion", container.step == "scoring", task.late_ingestion)
    return make_job(container, argv, folders | {"ingestion_program": program})


def _run(step: StepResult, jobs: list[Job], workspace: Workspace) -> None:
    """Start the step's jobs together and record how each ended."""
    if not jobs:
        return
    mode = workspace.mode
    place = Place(workspace.logs, workspace.folder(step.name, "tmp"))
    # The log that says what went wrong is the one of the organiser's program, the last one; how
    # far it is stands in its standard output.
    progress, step.log = place.log_files(jobs[-1])
    empty = [step.output, place.home]
    copies = writable_copies(jobs, empty)

    def tick(seconds: float) -> None:
        workspace.on_tick(step.name, seconds, progress)

    with mode.lend([*empty, *copies]):
        outcomes = run_together(
            [partial(mode.start, job, place) for job in jobs],
            workspace.time_limit_s,
            tick,
            OutputWatch(empty, mode.limits, grown=copies).exceeded,
        )
    step.outcomes = {
        job.container.program: outcome for job, outcome in zip(jobs, outcomes, strict=True)
    }
    step.failure = _failure(step, mode) or strange_output(step.output)


def _failure(step: StepResult, mode: Mode) -> str:
    for kind, outcome in step.outcomes.items():
        who = "the submission's command" if kind == "program" else "the ingestion program"
        if step.name == "scoring" and kind == "program":
            who = "the scoring program"
        limits = mode.limits
        if outcome.stop is Stop.TIME:
            return f"{who} was stopped: the time limit of {step.limit_s:g} s was exceeded"
        if outcome.stop is Stop.MEMORY:
            return f"{who} was stopped: it needed more memory than {limits.memory:,} bytes"
        if outcome.stop is Stop.OUTPUT:
            return (
                f"{who} was stopped: it wrote more than {limits.output_bytes:,} bytes or "
                f"{limits.output_files:,} files"
            )
        status = outcome.exit_status or 0
        if status < 0:
            return f"{who} was killed by signal {-status}"
        if status > 0:
            # What shells and containers make of a signal.
            signal = f" (signal {status - 128})" if 128 < status < 192 else ""
            return f"{who} ended with exit status {status}{signal}"
    return ""
