"""The leaderboard's metrics of a run with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.reporting.chosen import ChosenRun
from kit.reporting.parts import interval_text, number, rows_table, whisker, words

# A score of the run and of this kit's scoring program are the same number up to this.
_SAME = 1e-6


def score_table(run: ChosenRun, scores: list[dict[str, Any]]) -> str:
    """Write the metrics in the leaderboard's order: value, interval, where both lie from 0 to 1."""
    cells = leaderboard_cells(run)
    rows = []
    for one in scores:
        cell = cells.get(one["key"], {})
        title = words(str(cell.get("title", one["key"])))
        better = " (lower is better)" if cell.get("sorting") == "asc" else ""
        name = f'{title}{better}<code class="key">{words(one["key"])}</code>'
        interval = interval_text(one["low"], one["high"])
        rows.append((name, f"<strong>{number(one['value'])}</strong>", interval,
                     whisker(one["value"], one["low"], one["high"])))  # fmt: skip
    titles = ("Metric", "Value #", "95 % interval #", "0 to 1")
    return rows_table("The leaderboard's metrics", titles, rows)


def interval_note(resampled: Mapping[str, Any], images: int) -> str:
    """Say in a sentence what the intervals are."""
    unit = f"{images:,} images"
    if resampled["units"] < images:
        unit = (
            f"{resampled['units']:,} groups of images with the same "
            f"<code>{words(resampled['column'])}</code>"
        )
    return (
        f"The intervals (bootstrap, BCa, {resampled['resamples']:,} resamples of {unit}) say where "
        "the score of another test set of this size and kind may lie. Two submissions whose "
        "intervals overlap may still differ: compare them with <code>kit report A B</code>, which "
        "pairs them image by image."
    )


def leaderboard_cells(run: ChosenRun) -> dict[str, dict[str, Any]]:
    """Return the cells of the run's leaderboard by key."""
    return {str(cell.get("key")): cell for cell in run.record.get("leaderboard") or []}


def differing_scores(run: ChosenRun, scores: list[dict[str, Any]]) -> list[str]:
    """Say which scores the bundle's own scoring program gave another value."""
    own = run.record.get("scores") or {}
    return [
        f"{one['key']}: {own[one['key']]:.6f} in the run, {one['value']:.6f} here"
        for one in scores
        if one["key"] in own and one["value"] is not None
        and abs(own[one["key"]] - one["value"]) > _SAME
    ]  # fmt: skip
