"""The charts of a report, drawn with the parts of the platform's page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from wildlife_scoring.family.calibration import BINS, calibration
from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.report import svg
from wildlife_scoring.report.curves import roc_line, share_axis, shares_above, threshold_grid
from wildlife_scoring.report.svg import BLUE, GREEN, GREY, PURPLE, VERMILLION, Curve

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE)
DASHES = ("", "7 3")
MOST_CURVES = len(COLOURS) * len(DASHES)


def figure(title: str, text: str, chart: str, **more: Any) -> dict[str, Any]:
    """Return a chart with its title and a sentence on how to read it."""
    return {"title": title, "text": text, "svg": chart, **more}


def threshold_figure(
    classes: Sequence[tuple[str, FloatArray]], negatives: FloatArray, threshold: float
) -> dict[str, Any]:
    """Draw over the threshold how many positives lie above it, by class, and how many negatives.

    classes: name and scores (n,), n >= 1; negatives: (n,), n >= 1. Next to the chart come the
    coordinates with which a script moves the marker.
    """
    everything = np.concatenate([*(scores for _, scores in classes), negatives])
    values = svg.value_axis("threshold", everything)
    grid = threshold_grid(everything, threshold, values)
    curves = [
        Curve(f"{name} found", svg.drawable_all(grid), shares_above(scores, grid), colour, dash)
        for (name, scores), (dash, colour) in zip(classes, _styles(), strict=False)
    ]
    curves.append(
        Curve("false alarms", svg.drawable_all(grid), shares_above(negatives, grid), GREY, "6 4")
    )
    frame = svg.Frame(values, share_axis("share of the images"))
    names = ", ".join(curve.label for curve in curves)
    marker = svg.Marker(svg.drawable(threshold), "threshold")
    chart = svg.curve_chart(f"Over the threshold: {names}", frame, curves, marker)
    place = {"low": values.low, "high": values.high, "left": svg.LEFT, "right": frame.right}
    return figure("", "", chart, axis=place)


def roc_figure(curves: Sequence[tuple[str, BoolArray, FloatArray, float]]) -> dict[str, Any]:
    """Draw ROC curves. curves: name, positive (n,), scores (n,) and area of each, MOST_CURVES."""
    ends = np.array([0.0, 1.0])
    drawn = [Curve("chance", ends, ends, GREY, "6 4", straight=True)]
    for (name, positive, scores, area), (dash, colour) in zip(curves, _styles(), strict=False):
        fpr, tpr = roc_line(positive, scores)
        drawn.append(Curve(f"{name} {area:.3f}", fpr, tpr, colour, dash, straight=True))
    summary = "ROC curves and the areas under them: " + ", ".join(one.label for one in drawn[1:])
    frame = svg.Frame(share_axis("false positive rate"), share_axis("true positive rate"))
    return figure("", "", svg.curve_chart(summary, frame, drawn))


def calibration_figures(
    confidence: FloatArray, right: BoolArray, what: str, axis_text: str
) -> list[dict[str, Any]]:
    """Draw how often what is predicted with a confidence from 0 to 1 is so; arrays (n,), n >= 1.

    what: the share on the y axis; axis_text: the confidence in words.
    """
    found = calibration(confidence, right)
    edges, ends = np.linspace(0.0, 1.0, BINS + 1), np.array([0.0, 1.0])
    observed = np.nan_to_num(found.accuracy)
    curves = [
        Curve("perfect", ends, ends, GREY, "6 4", straight=True),
        Curve(what, edges, np.append(observed, observed[-1]), BLUE),
    ]
    summary = f"{what} over {axis_text}; expected calibration error {found.error:.3f}"
    frame = svg.Frame(share_axis(axis_text), share_axis(what))
    text = f"Expected calibration error {found.error:.4f} in {BINS} bins: mean {axis_text} "
    text += f"{np.mean(confidence):.3f}, {what} {np.mean(right):.3f}."
    counts = np.append(found.images, found.images[-1]) / len(confidence)
    share = Curve("images", edges, counts, PURPLE)
    spread = svg.Frame(share_axis(axis_text), share_axis("share of the images"))
    return [
        figure("Calibration.", text, svg.curve_chart(summary, frame, curves)),
        figure(
            "How sure it is.",
            "The images in each bin.",
            svg.curve_chart(f"Share of the images by {axis_text}", spread, [share]),
        ),
    ]


def _styles() -> list[tuple[str, str]]:
    return list(product(DASHES, COLOURS))
