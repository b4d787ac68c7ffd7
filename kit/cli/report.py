"""`kit report`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.options import bundle_option, out_option
from kit.cli.printing import console, json_option, print_json
from kit.reporting.chosen import choose
from kit.reporting.report import write_report


@click.command("report")
@click.argument("runs", metavar="RUN_ID|NAME...", nargs=-1, required=True)
@bundle_option("Where the bundle is now. Default: where the run found it.")
@out_option(
    "The HTML file. Default: kit-report.html in the run's folder; of several, runs/comparison.html."
)
@json_option
def command(
    runs: tuple[str, ...], bundle_path: Path | None, out: Path | None, as_json: bool
) -> int:
    """Write one HTML file about a run: scores with intervals, thresholds, errors with images.

    RUN_ID is a folder of runs/; NAME stands for the last run of a submission. Several of one task
    are compared: paired differences, and which submissions noise cannot tell apart.
    """
    chosen = choose(runs)
    target = out or _default(chosen[0].folder, len(chosen))
    write_report(chosen, target, bundle_path)
    if as_json:
        print_json(
            {
                "format": 1,
                "report": str(target.absolute()),
                "bytes": target.stat().st_size,
                "runs": [str(run.folder.absolute()) for run in chosen],
            }
        )
    else:
        console().print(f"Report: {target}")
    return 0


def _default(folder: Path, runs: int) -> Path:
    return folder / "kit-report.html" if runs == 1 else folder.parent / "comparison.html"
