"""One run: a submission through both steps of a task, and the folder that it leaves.

runs/RUN_ID/ holds predictions.txt, scores.json, detailed_results.html, the logs of both steps
in logs/, and run.json, which is written last and says how to repeat the run.
"""

from __future__ import annotations

import errno
import json
import platform
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import kit
from kit.bundles import Bundle, Task
from kit.contract import PREDICTIONS_FILE, REPORT_FILE
from kit.digests import digest_of
from kit.errors import KitError, UsageProblem
from kit.files import write_json
from kit.requirements import unmet
from kit.scores import Cell, leaderboard, missing_keys, read_scores
from kit.shipping import shipped
from kit.submissions import Submission, lay_out
from kit.worker import Stage, Step, Tick, hand_over, predict, score

_RECORDED_PACKAGES = ("numpy", "scikit-learn", "pillow", "torch", "torchvision", "timm")
_LOG_TAIL_LINES = 15


@dataclass
class Run:
    """What a run came to. `failure` is empty when it ended with every score."""

    submission: Submission
    bundle: Bundle
    task: Task
    folder: Path
    started: datetime
    digests: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failure: str = ""

    @property
    def report(self) -> Path | None:
        """The HTML report, where the scoring program wrote one."""
        path = self.folder / REPORT_FILE
        return path if path.is_file() else None


def run(
    submission: Submission,
    bundle: Bundle,
    task: Task,
    folder: Path,
    *,
    install: bool,
    time_limit_s: float | None,
    on_tick: Tick,
) -> Run:
    """Run a submission against a task and leave everything about it in `folder`.

    A submission or program that fails is a result, not an exception: `Run.failure` says it.

    Raises:
        KitError: the submission or a program of the bundle cannot be used at all.
        UsageProblem: `folder` is there already and holds something.
    """
    _make_run_folder(folder)
    folder = folder.resolve()
    result = Run(submission, bundle, task, folder, datetime.now(timezone.utc))
    stage_root = Path(mkdtemp(prefix=".stage-", dir=folder))
    logs = folder / "logs"
    logs.mkdir()
    stage = Stage(stage_root, logs, time_limit_s or task.time_limit_s, install, on_tick)
    try:
        _both_steps(result, stage)
    except KeyboardInterrupt:
        result.failure = "interrupted"
        raise
    except KitError as error:
        result.failure = error.message
        raise
    finally:
        shutil.rmtree(stage_root, ignore_errors=True)
        _record(result)
    return result


def _make_run_folder(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageProblem(f"--out {folder}: expected a new or empty folder, found something there")
    folder.mkdir(parents=True, exist_ok=True)


def new_run_folder(base: Path, submission: Submission, task: Task) -> Path:
    """A name for a run's folder that no other run has, sorted by time."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    slug = "".join(c if c.isalnum() else "-" for c in task.name.lower()).strip("-")[:30]
    return base / f"{stamp}-{submission.name[:40]}-{slug}-{secrets.token_hex(2)}"


def _both_steps(result: Run, stage: Stage) -> None:
    target = stage.folder("prediction") / "program"
    result.digests["submission"] = lay_out(result.submission, target)
    result.notes += _notes(result.submission, target)
    _digest_bundle(result)
    prediction = predict(result.task, stage)
    result.steps.append(prediction)
    _keep(prediction.output / PREDICTIONS_FILE, result.folder)
    if prediction.failure:
        result.failure = prediction.failure
        return
    scoring = score(result.task, stage, hand_over(prediction, stage))
    result.steps.append(scoring)
    _keep(scoring.output / REPORT_FILE, result.folder)
    if scoring.failure:
        result.failure = scoring.failure
        return
    try:
        result.scores = read_scores(scoring.output)
    except KitError as error:
        result.failure = str(error)
        return
    result.cells = leaderboard(result.bundle, result.scores)
    if missing := missing_keys(result.cells):
        result.failure = f"scores without the leaderboard's keys {', '.join(missing)}"
    write_json(result.folder / "scores.json", result.scores)


def _notes(submission: Submission, laid_out: Path) -> list[str]:
    notes = [f"requirement not met here: {item}" for item in unmet(laid_out)]
    if not submission.is_zip:
        problems = shipped(submission.path).problems
        notes += [f"kit pack would refuse this: {problem}" for problem in problems]
    return notes


def _digest_bundle(result: Run) -> None:
    task = result.task
    for name, path in (
        ("ingestion_program", task.ingestion_program),
        ("scoring_program", task.scoring_program),
        ("input_data", task.input_data),
        ("reference_data", task.reference_data),
    ):
        if path is not None:
            result.digests[name] = digest_of(path)


def _keep(source: Path, folder: Path) -> None:
    if source.is_file() and not source.is_symlink():
        shutil.copyfile(source, folder / source.name)


def _record(result: Run) -> None:
    """Write run.json; a full disk here must not hide why the run itself ended."""
    try:
        write_json(result.folder / "run.json", as_json(result))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"run.json could not be written: {error.strerror}", file=sys.stderr)


def as_json(result: Run) -> dict[str, Any]:
    """The run as `run.json` and `kit run --json` give it."""
    return {
        "format": 1,
        "submission": result.submission.name,
        "submission_path": str(result.submission.path),
        "bundle": result.bundle.title,
        "task": {"index": result.task.index, "name": result.task.name, "phase": result.task.phase},
        "mode": "subprocess",
        "ok": not result.failure,
        "failure": result.failure,
        "scores": result.scores,
        "leaderboard": [
            {
                "key": cell.column.key,
                "title": cell.column.title,
                "value": cell.value,
                "shown": cell.shown,
                "sorting": cell.column.sorting,
            }
            for cell in result.cells
        ],
        "steps": [_step_json(step) for step in result.steps],
        "notes": result.notes,
        "report": str(result.report) if result.report else None,
        "folder": str(result.folder),
        "digests": result.digests,
        "started": result.started.isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "kit": kit.__version__,
        "machine": machine(),
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "seconds": round(step.seconds, 3),
        "limit_seconds": step.limit_s,
        "peak_bytes": step.peak_bytes,
        "failure": step.failure,
        "exit_status": {kind: outcome.exit_status for kind, outcome in step.outcomes.items()},
    }


def machine() -> dict[str, Any]:
    """Python, packages and processor: what may move a score in the last digits."""
    packages = {}
    for name in _RECORDED_PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": packages,
    }


def tail(log: Path | None) -> list[str]:
    """The last lines of a log, for the terminal."""
    if log is None or not log.is_file():
        return []
    with log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 16_384))
        text = stream.read().decode("utf-8", "replace")
    return text.rstrip().splitlines()[-_LOG_TAIL_LINES:]


def last_run(runs: Path, name: str) -> dict[str, Any] | None:
    """The newest good run of a submission under `runs`, as its run.json says."""
    for folder in sorted(runs.glob("*/run.json"), reverse=True):
        try:
            content = json.loads(folder.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            continue
        if isinstance(content, dict) and content.get("submission") == name and content.get("ok"):
            return content
    return None
