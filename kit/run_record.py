"""What run.json says of a run: results, and everything needed to repeat it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from typing import TYPE_CHECKING, Any

import kit
from kit.worker import StepResult

if TYPE_CHECKING:
    from kit.runs import Run

_RECORDED_PACKAGES = ("numpy", "scikit-learn", "pillow", "torch", "torchvision", "timm")


def as_json(result: Run) -> dict[str, Any]:
    """Return the run as `run.json` and `kit run --json` give it."""
    return {
        "format": 1,
        "submission": result.submission.name,
        "submission_path": str(result.submission.path),
        "bundle": result.bundle.title,
        "bundle_path": str(result.bundle.path),
        "task": {"index": result.task.index, "name": result.task.name, "phase": result.task.phase},
        "mode": result.mode,
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
                "ranks": cell.column.index == result.bundle.primary_index,
            }
            for cell in result.cells
        ],
        "platform": result.verdict.as_json() if result.verdict else None,
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


def _step_json(step: StepResult) -> dict[str, Any]:
    return {
        "name": step.name,
        "seconds": round(step.seconds, 3),
        "limit_seconds": step.limit_s,
        "peak_bytes": step.peak_bytes,
        "failure": step.failure,
        "exit_status": {kind: outcome.exit_status for kind, outcome in step.outcomes.items()},
    }


def machine() -> dict[str, Any]:
    """Return Python, packages and system: what may change the last digits of a score."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": installed_versions(_RECORDED_PACKAGES),
    }


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
