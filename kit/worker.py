"""What the platform's compute worker does with one submission: a prediction and a scoring step.

Source: codalab/codabench compute_worker.py at c7dbc756, `prepare`, `start`, `push_output` and
`_run_program_directory`. Each step has folders of its own; reference data is absent in the
prediction step and input data in the scoring step; the prediction's output reaches the scoring
step as a zip with the worker's `metadata` file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from kit.bundles import Task
from kit.contract import METADATA_FILE, WORKER_ENVIRONMENT, WORKING_DIRECTORY
from kit.errors import KitError
from kit.process import Command, Outcome, environment, run_together
from kit.programs import Job, command_of, has_metadata, split_command
from kit.zips import tree_entries, unpack, write_zip

Tick = Callable[[str, float, Path], None]


@dataclass
class Step:
    """What happened in one step: outcomes by kind, and why it failed by the strict rule."""

    name: str
    output: Path
    limit_s: float
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failure: str = ""
    log: Path | None = None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the longer of the step's programs."""
        return max((outcome.seconds for outcome in self.outcomes.values()), default=0.0)

    @property
    def peak_bytes(self) -> int:
        """Peak resident memory of the larger of the step's programs."""
        return max((outcome.peak_bytes for outcome in self.outcomes.values()), default=0)


@dataclass(frozen=True)
class Stage:
    """Where a run happens: `root` for the two steps' folders, `logs` for their output."""

    root: Path
    logs: Path
    time_limit_s: float
    install: bool
    on_tick: Tick

    def folder(self, *parts: str) -> Path:
        """A folder of the stage, made where it is missing."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path


def predict(task: Task, stage: Stage) -> Step:
    """Run the prediction step on the submission laid out in `stage.root/prediction/program`.

    Raises:
        KitError: a program of the bundle cannot be used; nothing has been run then.
    """
    root = stage.folder("prediction")
    step = Step("prediction", stage.folder("prediction", "output"), stage.time_limit_s)
    submission = root / "program"
    mounts = {"/app/output": step.output}
    if task.input_data:
        mounts["/app/input_data"] = _provide(task.input_data, root / "input_data")
    jobs = []
    if not has_metadata(submission):
        # The worker's whole mechanism for result submissions: their files are the output.
        shutil.copytree(submission, step.output, dirs_exist_ok=True)
    elif command := command_of(submission):
        argv = split_command(command, "program", False, task.late_ingestion)
        jobs.append(Job("program", argv, mounts | {"/app/program": submission}))
    if task.ingestion_program and not task.late_ingestion:
        program = _program(task.ingestion_program, root / "ingestion_program", "ingestion")
        jobs.append(
            _ingestion_job(program, mounts | {"/app/ingested_program": submission}, task, False)
        )
    _run(step, jobs, stage)
    return step


def score(task: Task, stage: Stage, results: Path) -> Step:
    """Run the scoring step on the prediction step's output.

    Args:
        task: the task whose scoring program and reference data are used.
        stage: where to run.
        results: the zip that `hand_over` made of the prediction's output.

    Raises:
        KitError: the scoring program cannot be used.
    """
    root = stage.folder("scoring")
    step = Step("scoring", stage.folder("scoring", "output"), stage.time_limit_s)
    inputs = stage.folder("scoring", "input")
    unpack(results, inputs / "res")
    if task.reference_data:
        _provide(task.reference_data, inputs / "ref")
    mounts = {
        "/app/input": inputs,
        "/app/output": step.output,
        "/app/shared": stage.folder("scoring", "shared"),
    }
    program = _program(task.scoring_program, root / "program", "scoring")
    command = command_of(program)
    if not command:
        raise KitError(
            f"{task.scoring_program}: expected a metadata.yaml with a `command`, found none; on "
            "the platform such a scoring program never ends well"
        )
    argv = split_command(command, "program", True, task.late_ingestion)
    jobs = [Job("program", argv, mounts | {"/app/program": program})]
    if task.ingestion_program and task.late_ingestion:
        jobs.append(_late_ingestion_job(task, root, inputs, mounts))
    _run(step, jobs, stage)
    return step


def hand_over(step: Step, stage: Stage) -> Path:
    """Zip the prediction's output with the worker's `metadata` file, as the worker does.

    Raises:
        KitError: the programs wrote a file of that name, which the platform refuses.
    """
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
    target.write_text(yaml.safe_dump(status), encoding="utf-8")
    archive = stage.root / "prediction_result.zip"
    write_zip(tree_entries(step.output), archive)
    return archive


def _provide(source: Path, target: Path) -> Path:
    """Give a task's data to a step: a folder by link, a zip unpacked, a plain file alone."""
    if source.is_dir():
        # A link, not a copy: a real test set is tens of gigabytes.
        target.symlink_to(source.resolve(), target_is_directory=True)
    elif source.suffix.lower() == ".zip":
        unpack(source, target)
    else:
        target.mkdir()
        shutil.copy2(source, target / source.name)
    return target


def _program(source: Path, target: Path, kind: str) -> Path:
    """Lay out a program of the bundle; the user's folder stays untouched."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    elif source.suffix.lower() == ".zip":
        unpack(source, target, must_hold=("metadata.yaml", "metadata"))
    else:
        raise KitError(f"{source}: expected the {kind} program as a folder or zip, found a file")
    return target


def _ingestion_job(program: Path, mounts: dict[str, Path], task: Task, scoring: bool) -> Job:
    command = command_of(program)
    if not command:
        raise KitError(
            f"{task.ingestion_program}: expected a metadata.yaml with a `command`, found none; "
            "the platform would run no ingestion and go on to scoring"
        )
    argv = split_command(command, "ingestion", scoring, task.late_ingestion)
    return Job("ingestion", argv, mounts | {"/app/program": program})


def _late_ingestion_job(task: Task, root: Path, inputs: Path, mounts: dict[str, Path]) -> Job:
    assert task.ingestion_program is not None
    program = _program(task.ingestion_program, root / "ingestion_program", "ingestion")
    mounts = mounts | {"/app/ingested_program": inputs / "res"}
    if task.input_data:
        mounts["/app/input_data"] = _provide(task.input_data, root / "input_data")
    return _ingestion_job(program, mounts, task, True)


def _run(step: Step, jobs: list[Job], stage: Stage) -> None:
    """Start the step's jobs together and take down how each ended."""
    home = stage.folder(step.name, "tmp")
    env = environment(dict(WORKER_ENVIRONMENT), home, stage.install)
    commands = []
    for job in jobs:
        name = step.name if job.kind == "program" else f"{step.name}_{job.kind}"
        out, err = stage.logs / f"{name}_stdout.txt", stage.logs / f"{name}_stderr.txt"
        cwd = job.mounts[WORKING_DIRECTORY]
        commands.append(Command(job.local_argv(), cwd, env, out, err))
        # The log that says what went wrong is the one of the organiser's program.
        step.log = err
    if not commands:
        return
    log = step.log or stage.logs

    def tick(seconds: float) -> None:
        stage.on_tick(step.name, seconds, log)

    outcomes = run_together(commands, stage.time_limit_s, tick)
    step.outcomes = {job.kind: outcome for job, outcome in zip(jobs, outcomes, strict=True)}
    step.failure = _failure(step)


def _failure(step: Step) -> str:
    for kind, outcome in step.outcomes.items():
        who = "the submission's command" if kind == "program" else "the ingestion program"
        if step.name == "scoring" and kind == "program":
            who = "the scoring program"
        if outcome.exit_status is None:
            return f"{who} was stopped: the time limit of {step.limit_s:g} s was exceeded"
        if outcome.exit_status < 0:
            return f"{who} was killed by signal {-outcome.exit_status}"
        if outcome.exit_status > 0:
            return f"{who} ended with exit status {outcome.exit_status}"
    return ""
