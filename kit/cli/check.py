"""`kit check`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli.options import bundle_option, task_option
from kit.cli.printing import json_option, print_json, size
from kit.findings.annotations import annotate
from kit.findings.finding import Report
from kit.findings.rules import SEVERITIES

if TYPE_CHECKING:
    from rich.table import Table

    from kit.checks.full import Tell

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_WIDTH_OF_A_LOG = 160
# Nobody reads thousands of lines of one kind.
_MOST_OF_A_CODE = 10


@click.command("check")
@click.argument("target")
@bundle_option("A bundle's folder or zip, checked too. Default: sample_data/TRACK, to run against.")
@task_option
@click.option(
    "--images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of hidden images, for the forecast. Default: those of the task.",
)
@click.option("--quick", is_flag=True, help="Leave out what has to run the model.")
@click.option("--strict", is_flag=True, help="Let warnings count as errors.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions.")
@json_option
def command(
    target: str,
    bundle_path: Path | None,
    task: str | None,
    images: int | None,
    quick: bool,
    strict: bool,
    github: bool,
    as_json: bool,
) -> int:
    """Check TARGET: a submission (a name, a folder or a zip) or a competition bundle.

    Exits with 0 if no error was found. Checks that could not run are listed as SKIPPED.
    """
    with _progress(quiet=as_json) as tell:
        reports = _reports(target, bundle_path, task, images, quick, tell)
    ok = all(report.ok(strict) for report in reports)
    if as_json:
        first, *others = [report.as_json(strict) for report in reports]
        print_json({"format": 1, **first, "ok": ok, "bundle": others[0] if others else None})
        return 0 if ok else 1
    for report in reports:
        _show(report)
    if github or os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotate(reports):
            click.echo(line)
    return 0 if ok else 1


def _reports(
    target: str,
    bundle_path: Path | None,
    task: str | None,
    images: int | None,
    quick: bool,
    tell: Tell,
) -> list[Report]:
    """Return the report of TARGET, and of the bundle that --bundle names."""
    from kit import submissions
    from kit.checks.bundle.folder import check_bundle, is_bundle
    from kit.checks.full import check_submission

    path = Path(target)
    if path.exists() and is_bundle(path):
        tell("reading the bundle")
        return [check_bundle(path)]
    found = submissions.find(target)
    reports = [check_submission(found, bundle_path, task, images, quick, tell)]
    if bundle_path is not None:
        tell("reading the bundle")
        reports.append(check_bundle(bundle_path))
    return reports


@contextmanager
def _progress(quiet: bool) -> Iterator[Tell]:
    """Show what is being done and for how long, on a terminal only: a log needs the result."""
    if quiet or not sys.stderr.isatty():
        yield lambda what: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        line = progress.add_task("")
        yield lambda what: progress.update(line, description=what)


def _show(report: Report) -> None:
    from rich.console import Console

    screen = Console(highlight=False, markup=False)
    if not screen.is_terminal:
        screen.width = _WIDTH_OF_A_LOG
    screen.print(f"{report.kind} {report.target}\n")
    if report.findings:
        screen.print(_table(report))
        screen.print()
    for item in report.skipped:
        screen.print(f"SKIPPED {item.check}: {item.why}")
        screen.print(f"        enable with: {item.command}")
    if report.forecast:
        screen.print(_forecast(report.forecast))
    counts = ", ".join(f"{report.count(name)} {name}s" for name in SEVERITIES)
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    screen.print(f"{len(report.checks)} checks: {counts}{skipped}")


def _table(report: Report) -> Table:
    from rich.table import Table

    result = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "Code", "Where", "Found"):
        result.add_column(title, overflow="fold", no_wrap=title in ("", "Code"))
    left_out: Counter[tuple[str, str]] = Counter()
    shown: Counter[tuple[str, str]] = Counter()
    for finding in report.sorted_findings():
        kind = finding.severity, finding.code
        shown[kind] += 1
        if shown[kind] > _MOST_OF_A_CODE:
            left_out[kind] += 1
            continue
        text = f"{finding.found}\nTo do: {finding.todo} [{finding.reference}]"
        result.add_row(
            finding.severity, finding.code, finding.where, text, style=_STYLES[finding.severity]
        )
    for (severity, code), number in left_out.items():
        text = f"{number:,} more findings of this code; --json prints all"
        result.add_row(severity, code, "...", text, style=_STYLES[severity])
    return result


def _forecast(forecast: dict[str, Any]) -> str:
    return (
        f"Forecast for {forecast['images']:,} images: {forecast['seconds']:,.0f} s of "
        f"{forecast['limit_seconds']:g} s (load {forecast['load_seconds']:.2f} s, an image "
        f"{forecast['median_seconds']:.4f} s, 95th percentile {forecast['p95_seconds']:.4f} s, "
        f"measured on {forecast['measured']}), peak memory {size(forecast['peak_bytes'])}"
    )
