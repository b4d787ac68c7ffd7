"""`kit run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from kit import bundles, runs, submissions
from kit.cli.printing import console, json_option, print_json, size, table
from kit.errors import UsageProblem
from kit.repository import checkout
from kit.submissions import Submission, track_of
from kit.worker import Tick


@click.command("run")
@click.argument("submission")
@click.option(
    "--bundle",
    "bundle_path",
    type=click.Path(path_type=Path),
    help="A bundle's folder or zip. Default: sample_data/TRACK of the submission.",
)
@click.option("--task", help="Name or index of the task. Default: the first.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The run's own folder, new or empty. Default: runs/RUN_ID.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Limit of each step. Default: the phase's.",
)
@click.option(
    "--install",
    is_flag=True,
    help="Let the ingestion program install what requirements.txt asks for.",
)
@json_option
def command(
    submission: str,
    bundle_path: Path | None,
    task: str | None,
    out: Path | None,
    time_limit: float | None,
    install: bool,
    as_json: bool,
) -> int:
    """Run SUBMISSION (a name, a folder or a zip) as the platform does.

    Exit status 0: both steps ended well and every score of the leaderboard is there.
    """
    found = submissions.find(submission)
    with bundles.opened(bundle_path or _default_bundle(found)) as bundle:
        chosen = bundle.task(task)
        folder = out or runs.new_run_folder(Path("runs"), found, chosen)
        with _progress(quiet=as_json) as tick:
            result = runs.run(
                found,
                bundle,
                chosen,
                folder,
                install=install,
                time_limit_s=time_limit,
                on_tick=tick,
            )
    if as_json:
        print_json(runs.as_json(result))
    else:
        _show(result)
    return 1 if result.failure else 0


def _default_bundle(submission: Submission) -> Path:
    track = track_of(submission.path) if not submission.is_zip else None
    path = checkout() / "sample_data" / (track or "hybrid")
    if not path.is_dir():
        raise UsageProblem(
            f"{submission.name}: track {track}: expected a bundle in {path}, found none; name "
            "one with --bundle"
        )
    return path


@contextmanager
def _progress(quiet: bool) -> Iterator[Tick]:
    """A line that changes on a terminal; nothing in a log, where the result is enough."""
    if quiet or not sys.stderr.isatty():
        yield lambda step, seconds, log: None
        return
    with Console(stderr=True).status("laying out") as status:

        def tick(step: str, seconds: float, log: Path) -> None:
            last = runs.tail(log)[-1:] or [""]
            status.update(f"{step} {seconds:.0f} s  {last[0][:80]}")

        yield tick


def _show(result: runs.Run) -> None:
    screen = console()
    screen.print(f"{result.submission.name} on {result.bundle.title}, {result.task.name}\n")
    if result.cells:
        rows = [
            [
                cell.column.title,
                cell.column.key,
                cell.shown,
                "" if cell.value is None else f"{cell.value:.10f}",
            ]
            for cell in result.cells
        ]
        screen.print(table(["Leaderboard", "key", "shown", "exact"], rows, numbers=[2, 3]))
        screen.print()
    steps = [
        [
            step.name,
            f"{step.seconds:.1f} s",
            f"{step.limit_s:g} s",
            f"{100 * step.seconds / step.limit_s:.0f} %",
            size(step.peak_bytes),
        ]
        for step in result.steps
    ]
    screen.print(table(["Step", "time", "limit", "used", "peak memory"], steps, [1, 2, 3, 4]))
    for note in result.notes:
        screen.print(f"Note: {note}")
    screen.print()
    if result.failure:
        _show_failure(result, screen)
    else:
        screen.print(f"Report: {result.report or 'the scoring program wrote none'}")
        screen.print(f"Run:    {result.folder}")


def _show_failure(result: runs.Run, screen: Console) -> None:
    last = result.steps[-1] if result.steps else None
    if last and last.failure:
        screen.print(f"Last lines of {last.log.name if last.log else 'the log'}:")
        for line in runs.tail(last.log):
            screen.print(f"  {line}")
        screen.print()
    screen.print(f"FAILED: {result.failure}")
    if last and last.name == "prediction":
        screen.print(
            "On the platform: scoring would start all the same and show its own error, so the "
            "log above is the one to read."
        )
    screen.print(f"Run:    {result.folder}")
