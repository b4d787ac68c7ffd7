"""The charts of the hybrid track, each thinned to a few hundred points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wildlife_scoring.hybrid.metrics import SPECIES_OF_GROUP
from wildlife_scoring.hybrid.result import Scored
from wildlife_scoring.metrics import FloatArray, share_above
from wildlife_scoring.report.curves import precision_steps, share_axis, shares_above, threshold_grid
from wildlife_scoring.report.svg import (
    BLUE,
    GREEN,
    GREY,
    PURPLE,
    VERMILLION,
    Axis,
    Curve,
    Frame,
    Marker,
    class_histogram,
    curve_chart,
    drawable,
    drawable_all,
    value_axis,
)

COLOUR = {"A": PURPLE, "major": BLUE, "minor": VERMILLION, "mimic": GREEN}
DASH = {"A": "7 3", "major": "", "minor": "9 3 2 3", "mimic": ""}
PRECISION_KEY = {
    "A": "A_PRC_AUC",
    "major": "A_PRC_AUC_major",
    "minor": "A_PRC_AUC_minor",
    "mimic": "mimic_PRC_AUC",
}


def score_axis(scores: FloatArray) -> Axis:
    """Return an x axis that holds all scores; see `value_axis`."""
    return value_axis("predicted score", scores)


def threshold_chart(scored: Scored, species: str, groups: Sequence[str], axis: Axis) -> str:
    """Draw each group's recall and the species' true negative rate over the threshold."""
    threshold = scored.evaluation.thresholds[species].value
    of_species = np.isin(scored.group, groups)
    negatives = scored.scores[of_species & ~scored.hybrid]
    grid = threshold_grid(scored.scores[of_species], threshold, axis)
    curves = [
        _over_threshold(f"{name} recall", positives, grid, threshold, name)
        for name in groups
        for positives in [scored.scores[(scored.group == name) & scored.hybrid]]
    ]
    kept = 1 - shares_above(negatives, grid)
    label = f"true negative rate {100 * scored.evaluation.thresholds[species].tnr:.1f}\u00a0%"
    curves.append(Curve(label, drawable_all(grid), kept, GREY, "6 4"))
    summary = "Over the threshold: " + ", ".join(curve.label for curve in curves)
    x = Axis("threshold", axis.low, axis.high)
    return curve_chart(
        summary, Frame(x, share_axis("share of the images")), curves, _mark(threshold)
    )


def score_histogram(scored: Scored, group: str, axis: Axis) -> str:
    """Draw the shares of a group's hybrids and of its non-hybrids by score, and the threshold."""
    rows = scored.group == group
    classes = (
        ("non-hybrids", scored.scores[rows & ~scored.hybrid], GREY),
        ("hybrids", scored.scores[rows & scored.hybrid], COLOUR[group]),
    )
    threshold = scored.evaluation.thresholds[SPECIES_OF_GROUP[group]].value
    summary = f"Scores of the hybrids and the non-hybrids of the group {group}"
    return class_histogram(summary, axis, "share of each class", classes, _mark(threshold))


def precision_recall_chart(scored: Scored, sets: Sequence[str]) -> str:
    """Draw precision over recall of groups, and of species A where `sets` holds "A"."""
    curves = []
    for name in sets:
        rows = scored.group != "mimic" if name == "A" else scored.group == name
        recall, precision = precision_steps(scored.hybrid[rows], scored.scores[rows])
        value = scored.evaluation.scores[PRECISION_KEY[name]]
        label = f"{'major and minor' if name == 'A' else name} {value:.3f}"
        curves.append(Curve(label, recall, precision, COLOUR[name], DASH[name]))
    summary = "Precision over recall; average precision: " + ", ".join(c.label for c in curves)
    return curve_chart(summary, Frame(share_axis("recall"), share_axis("precision")), curves)


def _over_threshold(
    label: str, positives: FloatArray, grid: FloatArray, threshold: float, name: str
) -> Curve:
    value = f"{label} {100 * share_above(positives, threshold):.1f}\u00a0%"
    return Curve(value, drawable_all(grid), shares_above(positives, grid), COLOUR[name], DASH[name])


def _mark(threshold: float) -> Marker:
    return Marker(drawable(threshold), f"threshold {threshold:.4g}")
