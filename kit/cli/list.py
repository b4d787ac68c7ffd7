"""`kit list`."""

from __future__ import annotations

from typing import Any

import click

from kit import submissions
from kit.cli.printing import console, json_option, print_json, size, table
from kit.records import RUNS, last_runs
from kit.submissions import Submission, named_track
from kit.zips import zip_size

# What is told of a run's record, next to the name of its task.
_SHOWN = ("ok", "failure", "bundle", "scores", "leaderboard", "started", "folder")


@click.command("list")
@json_option
def command(as_json: bool) -> int:
    """List the submissions here: track, size of the zip, scores of the last run."""
    last = last_runs(RUNS)
    rows = [_row(item, last.get(item.name)) for item in submissions.discover()]
    if as_json:
        print_json({"format": 1, "submissions": rows})
        return 0
    cells = [
        [row["name"], str(row["track"] or "?"), size(row["zip_bytes"]), _last(row["last_run"])]
        for row in rows
    ]
    console().print(table(["Submission", "track", "zip", "last run"], cells, numbers=[2]))
    return 0


def _row(submission: Submission, last: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "name": submission.name,
        "track": named_track(submission),
        "zip_bytes": zip_size(submission.shipment.entries),
        "last_run": last
        and {"task": last["task"].get("name"), **{key: last.get(key) for key in _SHOWN}},
    }


def _last(run: dict[str, Any] | None) -> str:
    if not run:
        return "never run here"
    where = f"on {run['bundle']}, {run['task']}, {str(run['started'])[:16]}"
    if not run["ok"] or not run["leaderboard"]:
        return f"failed {where}"
    first = run["leaderboard"][0]
    return f"{first['title']} {first['shown']} {where}"
