"""What this machine knows of a submission before its upload: checks, the last run, a forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit import bundles
from kit.checks.engine import check_statically
from kit.checks.full import check_submission
from kit.findings.finding import Report
from kit.packing.packing import pack
from kit.remote.answers import Phase
from kit.submissions import Submission
from kit.wording import counted
from kit.zips import sha256_of

_TIGHT = 0.7  # of the time limit
_MOST_SHOWN = 20


@dataclass(frozen=True)
class Checks:
    """How a submission is checked. bundle: to run against; images: hidden ones, for the forecast.

    quick: leave out what has to run the model.
    """

    bundle: Path | None
    images: int | None
    quick: bool


@dataclass(frozen=True)
class Packed:
    """The zip of a submission, and what the checks say that only read it."""

    path: Path
    sha256: str
    size: int
    report: Report


@dataclass(frozen=True)
class Local:
    """problems: reasons against the upload that --force overrides. run: the last one of this zip.

    forecast: of a full run, None where nothing was measured.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    run: dict[str, Any] | None
    forecast: dict[str, Any] | None


def packed(submission: Submission, target: Path, bundle: Path | None, force: bool) -> Packed:
    """Make the zip of a folder at `target`; a zip is taken as it is.

    Raises:
        KitError: `kit check --quick` finds errors in the folder, and there is no --force.
    """
    with bundles.opened(bundle) if bundle else nullcontext() as opened:
        report = check_statically(submission, opened)
    if submission.is_zip:
        path = submission.path
        return Packed(path, sha256_of(path), path.stat().st_size, report)
    package = pack(submission, target, report, force)
    return Packed(package.path, package.sha256, package.size, report)


def look(
    submission: Submission,
    zipped: Packed,
    checks: Checks,
    phase: Phase,
    history: Sequence[dict[str, Any]],
    tell: Callable[[str], None] = lambda what: None,
) -> Local:
    """Check a submission as `kit check` does, and look for the last run of the same zip."""
    report = zipped.report
    if not checks.quick:
        report = check_submission(submission, checks.bundle, None, checks.images, False, tell)
    runs = runs_of(zipped.sha256, history)
    run = runs[-1] if runs else None
    problems = [f"{one.where}: {one}" for one in report.findings if one.severity == "error"]
    found = [_of_the_run(run), _of_the_time(report.forecast, run, phase)]
    problems += [problem for problem, _ in found if problem]
    notes = [note for _, note in found if note]
    if warnings := report.count("warning"):
        notes.append(f"{counted(warnings, 'warning')}: see `kit check`")
    return Local(tuple(problems[:_MOST_SHOWN]), tuple(notes), run, report.forecast)


def runs_of(sha256: str, history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the local runs of a zip, the earliest first."""
    return [run for run in history if (run.get("digests") or {}).get("submission") == sha256]


def _of_the_run(run: dict[str, Any] | None) -> tuple[str, str]:
    """Return what speaks against an upload, and what is to be known, of the last run."""
    if run is None:
        return (
            "",
            "no local run of this very zip: `kit run` tells what it scores",
        )
    if not run.get("ok"):
        return f"the last local run of this zip failed: {run.get('failure')} ({run['folder']})", ""
    scores = ", ".join(f"{cell['title']} {cell['shown']}" for cell in run["leaderboard"])
    return "", f"the last local run of this zip, on {run['bundle']}: {scores} ({run['folder']})"


def _of_the_time(
    forecast: dict[str, Any] | None, run: dict[str, Any] | None, phase: Phase
) -> tuple[str, str]:
    """Compare the forecast, or the last run, with the time limit of the phase."""
    steps = [float(step["seconds"]) for step in (run or {}).get("steps", [])]
    if forecast:
        seconds, what = float(forecast["seconds"]), f"forecast for {forecast['images']:,} images"
    elif steps:
        seconds, what = max(steps), "the last local run took"
    else:
        return "", ""
    said = f"{what}: {seconds:,.0f} s of {phase.limit_s:g} s, on this machine"
    if forecast and seconds > phase.limit_s:
        return f"{said}: over the time limit of phase {phase.name}", ""
    return "", said + (": close to the limit" if seconds > _TIGHT * phase.limit_s else "")
