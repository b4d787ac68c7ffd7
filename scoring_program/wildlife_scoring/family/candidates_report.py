"""The part of the family report that candidates.csv fills: top-5 accuracy and calibration."""

from __future__ import annotations

import numpy as np

from wildlife_scoring.candidates import FILE_NAME, LISTED, Candidates
from wildlife_scoring.family.calibration import BINS, Calibration, are_probabilities, calibration
from wildlife_scoring.family.result import Scored
from wildlife_scoring.report import svg
from wildlife_scoring.report.curves import share_axis
from wildlife_scoring.report.page import bar, figure, table

MISSING = (
    "<p>Not in this report: top-5 accuracy and calibration. predictions.txt holds one name for "
    "each image, and these need the candidates behind it. A submission that offers "
    f"<code>explain_batch(prepared)</code> gets them: for each prepared image up to {LISTED} pairs "
    "of family and probability, best first. The prediction step then writes "
    f"<code>{FILE_NAME}</code> next to predictions.txt. The scores do not depend on it.</p>"
)


def candidates_section(scored: Scored) -> list[str]:
    """Write the pieces, or how to get candidates where none are given."""
    heading, candidates = "<h2>Ranking and calibration</h2>", scored.candidates
    if candidates is None:
        return [heading, MISSING]
    return [
        heading,
        f"<p>From <code>{FILE_NAME}</code>, the submission's own list of up to {LISTED} families "
        "for each image. Not on the leaderboard.</p>",
        _ranking_table(candidates),
        *_calibration_section(candidates),
    ]


def _ranking_table(candidates: Candidates) -> str:
    listed = candidates.rank > 0
    rows = []
    for deepest in (1, 3, 5, LISTED):
        value = float(np.mean(listed & (candidates.rank <= deepest)))
        rows.append((f"top-{deepest}", f"{value:.4f}", bar(value)))
    titles = ("Accuracy", "Value #", "0 to 1")
    return table("Share of the images whose family is among the first", titles, rows)


def _calibration_section(candidates: Candidates) -> list[str]:
    if not are_probabilities(candidates):
        return [
            "<p>No calibration: the candidates' scores are no probabilities (each from 0 to 1, "
            "and at most 1 together).</p>"
        ]
    given = np.isfinite(candidates.score)
    confidence, right = candidates.score[given], candidates.rank[given] == 1
    found = calibration(confidence, right)
    text = (
        f"Expected calibration error {found.error:.4f}: mean confidence "
        f"{np.mean(confidence):.3f}, accuracy {np.mean(right):.3f}."
    )
    classes = (
        ("wrong", confidence[~right], svg.VERMILLION),
        ("right", confidence[right], svg.BLUE),
    )
    axis = svg.Axis("probability of the first candidate", 0.0, 1.0)
    mean = svg.Marker(float(np.mean(confidence)), f"mean {np.mean(confidence):.3f}")
    summary = "Probabilities of right and of wrong first candidates"
    histogram = svg.class_histogram(summary, axis, "share of each kind", classes, mean)
    charts = [
        figure("Calibration.", text, _reliability_chart(found)),
        figure("Confidence.", "A good model is unsure where it is wrong.", histogram),
    ]
    return [
        "<p>Where the first candidates' probabilities are right, the steps follow the diagonal: "
        "below it the submission is too sure, above it not sure enough.</p>",
        f'<div class="grid3">{"".join(charts)}</div>',
    ]


def _reliability_chart(found: Calibration) -> str:
    edges = np.linspace(0.0, 1.0, BINS + 1)
    accuracy = np.nan_to_num(found.accuracy)
    ends = np.array([0.0, 1.0])
    curves = [
        svg.Curve("perfect", ends, ends, svg.GREY, "6 4", straight=True),
        svg.Curve("accuracy", edges, np.append(accuracy, accuracy[-1]), svg.BLUE),
    ]
    summary = f"Accuracy over confidence; expected calibration error {found.error:.3f}"
    x, y = share_axis("probability of the first candidate"), share_axis("accuracy")
    frame = svg.Frame(x, y, svg.HISTOGRAM_WIDTH)
    return svg.curve_chart(summary, frame, curves)
