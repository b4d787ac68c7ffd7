"""`kit score`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.options import out_option
from kit.cli.printing import console, json_option, print_json, table
from kit.scoring import score_files


@click.command("score")
@click.argument("predictions", type=click.Path(path_type=Path))
@click.argument("reference", type=click.Path(path_type=Path))
@out_option("Keep scores.json and detailed_results.html in this folder.")
@json_option
def command(predictions: Path, reference: Path, out: Path | None, as_json: bool) -> int:
    """Score PREDICTIONS (a file) against REFERENCE (a CSV file, or a folder with one)."""
    scores = score_files(predictions, reference, out)
    if as_json:
        print_json({"format": 1, "scores": scores, "folder": str(out) if out else None})
        return 0
    rows = [[key, f"{value:.10f}"] for key, value in scores.items()]
    console().print(table(["Key", "score"], rows, numbers=[1]))
    if out:
        console().print(f"\nReport: {out / 'detailed_results.html'}")
    return 0
