"""`kit run`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from kit import bundles, run_record, runs, submissions
from kit.cli.options import bundle_option, out_option, task_option
from kit.cli.printing import console, json_option, print_json, progress, size, table
from kit.errors import UsageProblem
from kit.isolation.app_paths import app_paths
from kit.isolation.mode_options import AUTO, CHOICES, ModeOptions, choose_mode
from kit.records import RUNS, read_record, run_folder
from kit.run_folder import new_run_folder, tail
from kit.scores import Cell
from kit.standings import history
from kit.verdict import UNKNOWN, Verdict
from kit.worker import OnTick, StepResult, no_progress

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
# How lines of our ingestion program begin that are for programs.
_FOR_THE_RUNNER = "TIMING {"
_LEAST_MEMORY = 64 * 1024**2


def _bytes(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Read 512M or 8G (powers of 1024); Python does not start with less than 64M."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)([KMG]?)(?:i?B)?", value, re.IGNORECASE)
    size = int(match[1]) * _UNITS[match[2].upper()] if match else 0
    if size < _LEAST_MEMORY:
        raise click.BadParameter(f"expected a size as 512M or 8G, at least 64M, found {value!r}")
    return size


@click.command("run")
@click.argument("submission", required=False)
@click.option(
    "--resume",
    metavar="RUN_ID",
    help="Resume a run that was cut off: its folder, or its name in runs/.",
)
@bundle_option("A bundle's folder or zip. Default: sample_data/TRACK of the submission.")
@task_option
@out_option("The run's own folder, new or empty. Default: runs/RUN_ID.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Limit of each step. Default: the phase's.",
)
@click.option(
    "--install",
    is_flag=True,
    help="Let the ingestion program install what requirements.txt names.",
)
@click.option(
    "--mode",
    type=click.Choice(CHOICES),
    default=AUTO,
    show_default=True,
    help="From quick to faithful: a process, bubblewrap, or the worker's own containers. auto: a "
    "process, unless a program names /app paths of its own.",
)
@click.option(
    "--memory",
    callback=_bytes,
    metavar="SIZE",
    help="Memory limit, such as 512M or 8G. Default: four fifths of the machine's memory.",
)
@click.option("--gpus", is_flag=True, help="Show the program the GPUs.")
@click.option("--image", help="Image of the containers. Default: the bundle's docker_image.")
@click.option(
    "--network/--no-network", default=None, help="Network of the containers. Default: on."
)
@click.option(
    "--mount-site-packages",
    is_flag=True,
    help="Mount this environment's packages in the containers.",
)
@json_option
def command(
    submission: str | None,
    resume: str | None,
    bundle_path: Path | None,
    task: str | None,
    out: Path | None,
    time_limit: float | None,
    as_json: bool,
    **mode_options: Any,
) -> int:
    """Run SUBMISSION (a name, a folder or a zip) as the platform does.

    Exits with 0 if both steps succeeded and every score of the leaderboard exists.
    """
    if resume:
        if submission or bundle_path or task or out:
            raise UsageProblem("--resume goes with the mode's options only; the rest is recorded")
        out, submission, bundle_path, task = _recorded(resume)
    if not submission:
        raise click.UsageError("Missing argument 'SUBMISSION'.")
    found = submissions.find(submission)
    path = bundle_path or submissions.bundle_for(found)
    with bundles.opened(path) as bundle:
        chosen = bundle.task(task)
        named = app_paths(chosen, found)
        choice = choose_mode(ModeOptions(**mode_options), bundle.docker_image, named)
        folder = out or new_run_folder(RUNS, found, chosen)
        with _progress(quiet=as_json) as tick:
            result = runs.run(
                found,
                bundle,
                chosen,
                folder,
                mode=choice.mode,
                mode_note=choice.note,
                time_limit_s=time_limit,
                on_tick=tick,
                resume=bool(resume),
            )
    record = run_record.as_json(result)
    history.add(RUNS, [record])
    if as_json:
        print_json(record)
    else:
        _show(result)
    return 1 if result.failure else 0


def _recorded(resume: str) -> tuple[Path, str, Path, str]:
    """Return folder, submission, bundle and task of a run that was cut off, from its run.json."""
    folder = run_folder(resume) or RUNS / resume
    record = read_record(folder)
    try:
        task = str(record["task"]["index"])
        return folder, str(record["submission_path"]), Path(record["bundle_path"]), task
    except (KeyError, TypeError) as error:
        raise UsageProblem(f"{folder}/run.json: lacks {error}; run from the beginning") from error


@contextmanager
def _progress(quiet: bool) -> Iterator[OnTick]:
    """Show the step, its time and its last line of output."""
    with progress("laying out", quiet) as show:
        if show is None:
            yield no_progress
            return

        def tick(step: str, seconds: float, log: Path) -> None:
            show(f"{step} {seconds:.0f} s  {_last_said(log)}")

        yield tick


def _last_said(log: Path) -> str:
    said = [line for line in tail(log) if not line.startswith(_FOR_THE_RUNNER)]
    return said[-1] if said else ""


def _show(result: runs.Run) -> None:
    screen = console()
    screen.print(f"{result.submission.name} on {result.bundle.title}, {result.task.name}\n")
    if result.cells:
        screen.print(_board(result.cells))
        screen.print()
    screen.print(_times(result.steps))
    for note in result.notes:
        screen.print(f"Note: {note}")
    screen.print()
    if result.failure:
        _show_failure(result, screen)
    if result.verdict:
        _show_verdict(result.verdict, screen, with_board=bool(result.failure))
    if not result.failure:
        screen.print(f"Report: {result.report or 'the scoring program wrote none'}")
    screen.print(f"Run:    {result.folder}")


def _board(cells: Sequence[Cell]) -> Table:
    rows = [
        [
            cell.column.title,
            cell.column.key,
            cell.shown,
            "" if cell.value is None else f"{cell.value:.10f}",
        ]
        for cell in cells
    ]
    return table(["Leaderboard", "key", "shown", "exact"], rows, numbers=[2, 3])


def _times(steps: Sequence[StepResult]) -> Table:
    rows = [
        [
            step.name,
            f"{step.seconds:.1f} s",
            f"{step.limit_s:g} s",
            f"{100 * step.seconds / step.limit_s:.0f} %",
            size(step.peak_bytes) if step.peak_bytes else "unknown",
        ]
        for step in steps
    ]
    return table(["Step", "time", "limit", "used", "peak memory"], rows, [1, 2, 3, 4])


def _show_failure(result: runs.Run, screen: Console) -> None:
    failed = next((step for step in result.steps if step.failure), None)
    if failed:
        log = failed.telling_log
        screen.print(f"Last lines of {log.name if log else 'the log'}:")
        for line in tail(log):
            screen.print(f"  {line}")
        screen.print()
    screen.print(f"FAILED: {result.failure}")


def _show_verdict(verdict: Verdict, screen: Console, with_board: bool) -> None:
    """Print what the platform would have shown; the board only if it differs from the table."""
    screen.print(f"On the platform: {verdict.status}")
    if verdict.message:
        what = "reason" if verdict.status == UNKNOWN else "message"
        screen.print(f"  {what}: {verdict.message}")
    if verdict.todo:
        screen.print(f"  to do: {verdict.todo}")
    if verdict.log:
        screen.print(f"  log that the participant is pointed to: {verdict.log}")
    if verdict.board and with_board:
        board = ", ".join(f"{cell.column.title} {cell.shown}" for cell in verdict.board)
        screen.print(f"  board: {board}")
    for note in verdict.notes:
        screen.print(f"  {note}")
