"""The images that cost a track of scores most: far on the wrong side of their threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.report.page import number, shorten, table

WORST = 10  # how many errors of each kind are named


@dataclass(frozen=True)
class Judged:
    """The rows of a table with their thresholds; arrays of shape (rows,).

    kind: a text that stands next to each name; positive: whether the score should lie above the
    threshold.
    """

    names: Sequence[str]
    kind: NDArray[Any]
    positive: BoolArray
    scores: FloatArray
    threshold: FloatArray


def errors_section(judged: Judged, kind: str, missed: str, alarms: str) -> list[str]:
    """Name the worst positives at or below the threshold, and the worst negatives above it.

    kind: the title of the column; missed, alarms: the captions of the two tables.
    """
    with np.errstate(over="ignore"):  # of scores near the largest double
        margin = np.nan_to_num(judged.scores - judged.threshold)
    low = np.flatnonzero(judged.positive & (margin <= 0))
    high = np.flatnonzero(~judged.positive & (margin > 0))
    low = low[np.argsort(margin[low], kind="stable")]
    high = high[np.argsort(-margin[high], kind="stable")]
    return [
        "<h2>The most costly errors</h2>",
        _errors_table(missed, judged, kind, low, margin),
        _errors_table(alarms, judged, kind, high, margin),
    ]


def _errors_table(
    caption: str, judged: Judged, kind: str, rows: NDArray[np.intp], margin: FloatArray
) -> str:
    shown = rows[:WORST]
    if not len(shown):
        return f"<p><strong>{caption}.</strong> None.</p>"
    cells = [
        (
            f'<span class="file">{shorten(judged.names[row])}</span>',
            number(judged.scores[row]),
            number(margin[row], signed=True),
            shorten(str(judged.kind[row])),
        )
        for row in shown
    ]
    titles = ("Image", "Score #", "Score minus threshold #", kind)
    return table(f"{caption} ({len(shown)} of {len(rows):,})", titles, cells)
