"""The tracks of scores, `hybrid` and `anomaly`: thresholds, every image, groups, ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.analysis import figures
from wildlife_scoring.analysis.tables import share, table
from wildlife_scoring.anomaly.result import Scored as AnomalyScored
from wildlife_scoring.bootstrap.comparison import number
from wildlife_scoring.hybrid.metrics import GROUPS, SPECIES_OF_GROUP, TNR
from wildlife_scoring.hybrid.result import Scored as HybridScored
from wildlife_scoring.metrics import BoolArray, FloatArray, auroc
from wildlife_scoring.tables import Truth

MOST_ROWS = 20_000  # images whose scores stand in the page
MOST_CLASSES = 4  # curves of the threshold's chart
MOST_VALUES = 100  # of another column of the reference, with a table of its own
LEAST_IMAGES = 5  # of such a value, on average
MOST_SHOWN = 600  # images that a report may show


@dataclass(frozen=True)
class Cut:
    """A threshold, and the groups (their codes) that it decides about. An alarm lies above it."""

    name: str
    groups: Sequence[int]
    threshold: float
    rule: str


@dataclass(frozen=True)
class View:
    """A scored table of either track; arrays of shape (rows,).

    group: codes of `groups`; positive: an image that should score high; column: what groups are;
    words: how a positive and a negative image are called, in the plural.
    """

    names: Sequence[str]
    groups: Sequence[str]
    group: NDArray[np.intp]
    positive: BoolArray
    scores: FloatArray
    cuts: Sequence[Cut]
    column: str
    words: tuple[str, str]

    def threshold(self) -> FloatArray:
        """Return the threshold of each row's group, (rows,)."""
        of_group = np.empty(len(self.groups))
        for cut in self.cuts:
            of_group[list(cut.groups)] = cut.threshold
        return of_group[self.group]


def hybrid_view(scored: HybridScored) -> View:
    """Return the view of the hybrid track: species A and the mimic have a threshold each."""
    rule = f"the smallest that keeps {TNR:.0%} of the non-hybrids at or below it"
    cuts = []
    for species, title in (("A", "Species A"), ("mimic", "Mimic")):
        groups = [code for code, name in enumerate(GROUPS) if SPECIES_OF_GROUP[name] == species]
        cuts.append(Cut(title, groups, scored.evaluation.thresholds[species].value, rule))
    code = np.argmax(scored.group[None, :] == np.array(GROUPS)[:, None], axis=0)
    words = ("hybrids", "non-hybrids")
    return View(scored.names, GROUPS, code, scored.hybrid, scored.scores, cuts, "Group", words)


def anomaly_view(scored: AnomalyScored) -> View:
    """Return the view of the anomaly track: one threshold, the groups are species."""
    species, code = np.unique(scored.species.astype(np.str_), return_inverse=True)
    rule = "the smallest that keeps 95% of the normal images at or below it"
    cut = Cut("All species", range(len(species)), scored.evaluation.at_tnr, rule)
    words = ("anomalies", "normal images")
    return View(
        scored.names, species.tolist(), code, scored.anomaly, scored.scores, [cut], "Species", words
    )


def ranked_content(view: View, others: Truth) -> dict[str, Any]:
    """Return what a report shows of the images. others: further columns of the reference."""
    kept = kept_rows(view)
    groups = np.array(view.groups)[view.group]
    tables = [by_value(view, view.column, groups)]
    for title, values in others.items():
        most = min(MOST_VALUES, len(values) // LEAST_IMAGES)
        if 1 < len(set(values)) <= most and "" not in values:
            tables.append(by_value(view, title, np.array(values)))
    return {
        "kind": "scores",
        "words": list(view.words),
        "column": view.column,
        "groups": list(view.groups),
        "rows": {
            "name": [view.names[row] for row in kept.tolist()],
            "group": view.group[kept].tolist(),
            "positive": view.positive[kept].astype(int).tolist(),
            "score": view.scores[kept].tolist(),
        },
        "all_rows": len(view.names),
        "show": _show(view, kept),
        "cuts": [_cut(view, cut) for cut in view.cuts],
        "roc": _roc(view),
        "tables": tables,
        "calibration": _calibration(view),
        "ties": ties(view),
    }


def kept_rows(view: View) -> NDArray[np.intp]:
    """Return the rows whose scores stand in the page, in order: all, or every k-th by score."""
    count = len(view.scores)
    if count <= MOST_ROWS:
        return np.arange(count)
    order = np.lexsort((view.scores, view.positive, view.group))
    return np.sort(order[:: -(-count // MOST_ROWS)])


def _show(view: View, kept: NDArray[np.intp]) -> list[int]:
    """Return places in `kept`: errors first, the worst ones first, then those near a threshold."""
    with np.errstate(over="ignore"):  # of scores near the largest double
        margin = np.nan_to_num(view.scores - view.threshold())[kept]
    wrong = np.where(view.positive[kept], margin <= 0, margin > 0)
    order = np.lexsort((np.where(wrong, -np.abs(margin), np.abs(margin)), ~wrong))
    found: list[int] = order[:MOST_SHOWN].tolist()
    return found


def _cut(view: View, cut: Cut) -> dict[str, Any]:
    rows = np.isin(view.group, list(cut.groups))
    of_groups = [
        (view.groups[code], view.scores[(view.group == code) & view.positive])
        for code in cut.groups
    ]
    classes = [(name, scores) for name, scores in of_groups if len(scores)]
    if len(classes) > MOST_CLASSES:
        classes = [(view.words[0], view.scores[rows & view.positive])]
    chart = figures.threshold_figure(classes, view.scores[rows & ~view.positive], cut.threshold)
    return {
        "name": cut.name,
        "groups": list(cut.groups),
        "threshold": cut.threshold,
        "rule": cut.rule,
        "figure": chart,
    }


def _sides(view: View, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the scores of the positives and of the negatives of a part of the table.

    Where the part lacks one class, those of all images of that class.
    """
    sides = []
    for which in (view.positive, ~view.positive):
        own = view.scores[rows & which]
        sides.append(own if len(own) else view.scores[which])
    return sides[0], sides[1]


def by_value(view: View, title: str, values: NDArray[np.str_]) -> dict[str, Any]:
    """Return the table by the values of a column, (rows,): area, found ones, false alarms."""
    above = view.scores > view.threshold()
    rows = []
    for value in np.unique(values).tolist():
        part = values == value
        positives, negatives = int(np.sum(part & view.positive)), int(np.sum(part & ~view.positive))
        rows.append(
            (
                value,
                number(auroc(*_sides(view, part))),
                share(int(np.sum(part & above & view.positive)), positives),
                share(int(np.sum(part & above & ~view.positive)), negatives),
                int(np.sum(part)),
                float(np.median(view.scores[part])),
            )
        )
    columns = (
        (title, "text"),
        ("AUROC", "score"),
        (f"{view.words[0].capitalize()} found", "share"),
        ("False alarms", "share"),
        ("Images", "count"),
        ("Median score", "score"),
    )
    text = "AUROC compares the two classes of a row; where it lacks one, with all images of that."
    return table(f"By {title.lower()}", columns, rows, text)


def _roc(view: View) -> dict[str, Any]:
    """Draw the groups' curves, the smallest areas first where there are many."""
    curves = []
    for code, name in enumerate(view.groups):
        high, low = _sides(view, view.group == code)
        positive = np.repeat([True, False], [len(high), len(low)])
        scores = np.concatenate([high, low])
        curves.append((name, positive, scores, auroc(high, low)))
    if len(curves) > figures.MOST_CURVES:
        curves = sorted(curves, key=lambda one: one[3])[: figures.MOST_CURVES]
    return figures.roc_figure(curves) | {"drawn": len(curves), "all": len(view.groups)}


def _calibration(view: View) -> dict[str, Any]:
    if view.scores.min() < 0 or view.scores.max() > 1:
        why = "The scores are no probabilities: they do not all lie between 0 and 1."
        return {"figures": [], "text": why}
    shown = figures.calibration_figures(
        view.scores, view.positive, f"share of {view.words[0]}", "score"
    )
    text = (
        f"If a score is meant as a probability, then of the images with a score near 0.7 about "
        f"70 % are {view.words[0]}, and the steps follow the diagonal. The leaderboard does not "
        "ask for it: only the order of the scores counts there."
    )
    return {"figures": shown, "text": text}


def ties(view: View) -> dict[str, Any]:
    """Count the images that share a score, and those that stand exactly at a threshold."""
    distinct, count = np.unique(view.scores, return_counts=True)
    largest = int(np.argmax(count))
    rows = []
    for cut in view.cuts:
        at = np.isin(view.group, list(cut.groups)) & (view.scores == cut.threshold)
        counts = (int(np.sum(at & view.positive)), int(np.sum(at & ~view.positive)))
        rows.append((cut.name, cut.threshold, *counts))
    columns = (
        ("Threshold", "text"),
        ("Score", "score"),
        (f"{view.words[0].capitalize()} at it", "count"),
        (f"{view.words[1].capitalize()} at it", "count"),
    )
    return {
        "tied": int(np.sum(count[count > 1])),
        "distinct": len(distinct),
        "largest": int(count[largest]),
        "largest_at": float(distinct[largest]),
        "table": table("Images exactly at a threshold", columns, rows),
    }
