"""`kit check`."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli.options import bundle_option, task_option
from kit.cli.printing import console, json_option, print_json, progress, say, size, table
from kit.findings.annotations import annotate
from kit.findings.finding import Report
from kit.findings.rule import SEVERITIES
from kit.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

    from kit.checks.target import Tell

_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
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
    with progress("reading", quiet=as_json) as show:
        tell = show or (lambda what: None)
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
            say(line)
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
    from kit.checks.bundle.folder import check_bundle
    from kit.checks.full import check_submission
    from kit.targets import is_bundle

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


def _show(report: Report) -> None:
    screen = console(wrap=True)
    screen.print(f"{report.kind} {report.target}\n")
    if report.findings:
        screen.print(_table(report))
        screen.print()
    for item in report.skipped:
        screen.print(f"SKIPPED {item.check}: {item.why}")
        screen.print(f"        enable with: {item.command}")
    if report.forecast:
        screen.print(_forecast(report.forecast))
    counts = ", ".join(counted(report.count(name), name) for name in SEVERITIES)
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    screen.print(f"{len(report.checks)} checks: {counts}{skipped}")


def _table(report: Report) -> Table:
    left_out: Counter[tuple[str, str]] = Counter()
    counts: Counter[tuple[str, str]] = Counter()
    rows, styles = [], []
    for item in report.sorted_findings():
        kind = item.severity, item.code
        counts[kind] += 1
        if counts[kind] > _MOST_OF_A_CODE:
            left_out[kind] += 1
            continue
        text = f"{item.found}\nTo do: {item.todo} [{item.reference}]"
        rows.append([item.severity, item.code, item.where, text])
        styles.append(_STYLES[item.severity])
    for (severity, code), number in left_out.items():
        text = f"{number:,} more findings of this code; --json prints all"
        rows.append([severity, code, "...", text])
        styles.append(_STYLES[severity])
    return table(["", "Code", "Where", "Found"], rows, styles=styles, unbroken=[0, 1])


def _forecast(forecast: dict[str, Any]) -> str:
    return (
        f"Forecast for {forecast['images']:,} images: {forecast['seconds']:,.0f} s of "
        f"{forecast['limit_seconds']:g} s (load {forecast['load_seconds']:.2f} s, an image "
        f"{forecast['median_seconds']:.4f} s, 95th percentile {forecast['p95_seconds']:.4f} s, "
        f"measured on {forecast['measured']}), peak memory {size(forecast['peak_bytes'])}"
    )
