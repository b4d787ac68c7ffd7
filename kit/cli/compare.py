"""`kit compare`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli.options import bundle_option
from kit.cli.printing import console, json_option, print_json, progress, say, table
from kit.regression import cases, session
from kit.regression.cases import Comparison
from kit.regression.session import Outcome, Request, Updated
from kit.regression.verdicts import WORSE
from kit.regression.wording import MOST_IMAGES, summary

if TYPE_CHECKING:
    from rich.table import Table


@click.command("compare")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--against",
    metavar="FILE|RUN_ID|git:REV",
    help="Compare with these predictions, or with those stored at a git revision. Default: those "
    "stored in scores/.",
)
@click.option(
    "--predictions", metavar="FILE|RUN_ID", help="Compare these predictions. Default: run NAME."
)
@click.option("--task", help="Name or index of the task. Default: all tasks.")
@bundle_option("A bundle's folder or zip. Default: sample_data/TRACK of the submission.")
@click.option("--update", is_flag=True, help="Store predictions and scores, and say what moved.")
@json_option
def command(
    names: tuple[str, ...],
    against: str | None,
    predictions: str | None,
    task: str | None,
    bundle_path: Path | None,
    update: bool,
    as_json: bool,
) -> int:
    """Compare what each submission NAME predicts and scores with what is stored.

    Without a NAME, all of submissions/. Verdicts: identical; equal within tolerance; better; worse
    but within noise; worse. Exits with 1 if one is worse, beyond the noise of the images, and names
    the images that lost most.
    """
    request = Request(names, bundle_path, task, against, predictions)
    with progress("reading", quiet=as_json) as show:
        if update:
            seen_update = _ignore if as_json else _show_update
            outcome = session.update_all(request, _teller(show), seen_update)
        else:
            seen = _ignore if as_json else _show
            outcome = session.compare_all(request, _teller(show), seen)
    if as_json:
        print_json(_as_json(outcome))
    for failure in outcome.failures:
        say(f"kit: {failure.error}", err=True)
    return _status(outcome)


def _teller(show: Callable[[str], None] | None) -> session.Tell:
    """Return what makes the progress of each case: the step and its time."""

    def tell(case: str) -> Callable[[str, float, Path], None]:
        def tick(step: str, seconds: float, log: Path) -> None:
            if show:
                show(f"{case}: {step} {seconds:.0f} s")

        return tick

    return tell


def _ignore(result: object) -> None:
    pass


def _status(outcome: Outcome) -> int:
    """Return 1 if a case is worse or failed, 2 if all that failed were not there to compare."""
    if any(one.verdict == WORSE for one in outcome.comparisons):
        return 1
    return min((failure.error.exit_status for failure in outcome.failures), default=0)


def _as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "format": 1,
        "ok": _status(outcome) == 0,
        "comparisons": [cases.as_json(one) for one in outcome.comparisons],
        "updated": [vars(one) | {"path": str(one.path)} for one in outcome.updated],
        "failures": [
            {"submission": one.submission, "task": one.task, "message": str(one.error)}
            for one in outcome.failures
        ],
    }


def _show_update(updated: Updated) -> None:
    moved = ", ".join(updated.moved) or "unchanged"
    console().print(f"{updated.submission} {updated.task}: {moved}")


def _show(one: Comparison) -> None:
    screen = console(wrap=True)
    screen.print(f"{one.case}: {one.verdict.upper() if one.verdict == WORSE else one.verdict}")
    for line in summary(one):
        screen.print(f"  {line}")
    if any(metric.moved for metric in one.metrics):
        screen.print(_metrics(one))
    if one.fallen:
        screen.print(f"Beyond noise: {', '.join(metric.title for metric in one.fallen)}")
    if one.verdict == WORSE and one.images:
        screen.print(_images(one))
    screen.print()


def _metrics(one: Comparison) -> Table:
    rows = [
        [
            metric.title,
            f"{metric.stored:.4f}",
            f"{metric.new:.4f}",
            f"{metric.new - metric.stored:+.4f}",
            _interval(metric.low, metric.high),
            "" if metric.p_fall is None else f"{100 * metric.p_fall:.1f} %",
        ]
        for metric in one.metrics
    ]
    titles = ["Metric", "stored", "now", "change", "95 % interval", "fall"]
    return table(titles, rows, numbers=range(1, 6), unbroken=range(1, 6))


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"


def _images(one: Comparison) -> Table:
    rows = [
        [
            image.filename, image.truth, image.stored, image.new,
            f"{image.credit_stored:.2f}", f"{image.credit_new:.2f}",
        ]
        for image in one.images[:MOST_IMAGES]
    ]  # fmt: skip
    if len(one.images) > MOST_IMAGES:
        rows.append([f"... {len(one.images) - MOST_IMAGES:,} more", *[""] * 5])
    titles = ["Image that lost", "truth", "stored", "now", "earned", "earns"]
    return table(titles, rows, numbers=(4, 5))
