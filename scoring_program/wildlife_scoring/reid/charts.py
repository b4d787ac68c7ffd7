"""The charts of the reid track, each thinned to a few hundred points."""

from __future__ import annotations

import math

import numpy as np

from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.reid.result import Operating
from wildlife_scoring.report import svg


def best_score_axis(scores: FloatArray) -> svg.Axis:
    """Return an x axis for the scores, (n,), of the best candidates; -inf means no candidate."""
    finite = scores[np.isfinite(scores)]
    return svg.value_axis("score of the best candidate", finite if len(finite) else np.zeros(1))


def threshold_chart(dataset: str, stand: Operating, axis: svg.Axis) -> str:
    """Draw BAKS, BAUS and their root over the threshold, and mark the implied threshold."""
    kept = thinned(stand)
    # At thresholds up to steps[i] value i holds, and the drawing holds y[i] from x[i] on.
    steps = svg.drawable_all(stand.curve.threshold[kept])
    across = np.append(axis.low, np.clip(steps[:-1], axis.low, axis.high))
    sides = (
        ("BAKS (known right)", stand.curve.baks, svg.BLUE, "7 3"),
        ("BAUS (new right)", stand.curve.baus, svg.VERMILLION, "9 3 2 3"),
        ("score", stand.curve.score, svg.GREEN, ""),
    )
    curves = [
        svg.Curve(label, np.append(across, axis.high), np.append(y, y[-1]), colour, dash)
        for label, values, colour, dash in sides
        for y in [np.nan_to_num(values[kept])]
    ]
    summary = f"{dataset}: BAKS, BAUS and the dataset's score over the threshold"
    frame = svg.Frame(svg.Axis("threshold", axis.low, axis.high), svg.Axis("value", 0.0, 1.0))
    return svg.curve_chart(summary, frame, curves, _mark(stand.threshold, axis))


def thinned(stand: Operating) -> list[int]:
    """Return the points to draw: all, or evenly spaced ones with the marked and the best."""
    size = len(stand.curve.threshold)
    if size <= svg.POINTS:
        return list(range(size))
    marked = int(np.searchsorted(stand.curve.threshold, stand.threshold))
    best = int(np.argmax(stand.curve.score))
    spaced = np.linspace(0, size - 1, svg.POINTS).astype(int).tolist()
    return sorted({*spaced, marked, best})


def score_histogram(
    dataset: str, scores: FloatArray, unknown: BoolArray, axis: svg.Axis, threshold: float
) -> str:
    """Draw the shares of images of known and of new individuals by the best score."""
    classes = (
        ("new individuals", scores[unknown], svg.GREY),
        ("known individuals", scores[~unknown], svg.BLUE),
    )
    summary = f"{dataset}: scores of the best candidates of known and of new individuals"
    return svg.class_histogram(summary, axis, "share of each kind", classes, _mark(threshold, axis))


def _mark(threshold: float, axis: svg.Axis) -> svg.Marker:
    label = f"threshold {threshold:.4g}" if math.isfinite(threshold) else "all called new"
    return svg.Marker(min(max(threshold, axis.low), axis.high), label)
