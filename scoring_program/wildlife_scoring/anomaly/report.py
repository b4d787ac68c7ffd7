"""detailed_results.html of the anomaly track."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wildlife_scoring.anomaly.charts import precision_recall_chart, roc_chart, score_histogram
from wildlife_scoring.anomaly.metrics import RATE
from wildlife_scoring.anomaly.result import Part, Scored, parts
from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.report.errors import Judged, errors_section
from wildlife_scoring.report.page import (
    LONGEST_TEXT,
    bar,
    cards,
    figure,
    figures_section,
    number,
    page,
    share,
    shorten,
    table,
)

SHOWN = 60  # rows of the table by species, so that the page's size stays bounded
DRAWN = 12  # species with a histogram of their own

MEANING = {
    "auroc": "Share of the pairs of an anomaly and a normal image in which the anomaly scores "
    "higher.",
    "average_precision": "How purely anomalies stand at the top, over all thresholds.",
    "fpr_at_95_tpr": "Share of the normal images that raise an alarm where 95 % of the anomalies "
    "are found. Lower is better.",
    "recall_at_95_tnr": "Share of the anomalies that are found where 95 % of the normal images "
    "raise no alarm.",
}


def render(scored: Scored, name_errors: bool) -> str:
    """Write the whole page; its size does not grow with the number of images.

    name_errors: whether to name the images that cost most, which tells their true class.
    """
    anomalies = int(np.count_nonzero(scored.anomaly))
    by_species = parts(scored)
    return page(
        f"Anomaly track: AUROC {scored.evaluation.scores['auroc']:.4f}",
        [
            f'<h1>Anomaly track</h1>\n<p class="soft">{len(scored.names):,} images scored: '
            f"{anomalies:,} anomalies, {len(scored.names) - anomalies:,} normal images.</p>",
            _cards(scored),
            _how_it_works(),
            "<h2>Scores</h2>",
            _metrics_table(scored),
            _threshold_table(scored),
            *_curves_section(scored),
            *_species_section(by_species),
            *_histogram_section(scored, by_species),
            *(_errors_section(scored) if name_errors else []),
        ],
    )


def _cards(scored: Scored) -> str:
    scores = scored.evaluation.scores
    return cards(
        [
            ("AUROC", scores["auroc"], "0.5 is chance"),
            ("Average precision", scores["average_precision"], "of the anomalies"),
            ("FPR at 95 % TPR", scores["fpr_at_95_tpr"], "lower is better"),
            ("Recall at 95 % TNR", scores["recall_at_95_tnr"], "of the anomalies"),
        ]
    )


def _how_it_works() -> str:
    return (
        "<p>A higher score means \u201cmore anomalous\u201d; only the order of the scores counts. "
        "AUROC and average precision need no threshold. The two other values read one point of the "
        "ROC curve each, where the normal images or the anomalies are treated right in at least "
        f"{RATE:.0%} of the cases.</p>"
    )


def _metrics_table(scored: Scored) -> str:
    random = (
        "0.5000",
        f"{np.mean(scored.anomaly):.4f}",
        f"about {RATE:g}",
        f"about {1 - RATE:.2g}",
    )
    rows = [
        (f"<code>{key}</code>", f"{value:.4f}", bar(value), chance, MEANING[key])
        for (key, value), chance in zip(scored.evaluation.scores.items(), random, strict=True)
    ]
    titles = ("Metric", "Value #", "0 to 1", "Random scores #", "Meaning")
    return table("The leaderboard's metrics", titles, rows)


def _threshold_table(scored: Scored) -> str:
    anomalies, normal = scored.scores[scored.anomaly], scored.scores[~scored.anomaly]
    at_tnr, at_tpr = scored.evaluation.at_tnr, scored.evaluation.at_tpr
    rows = [
        _threshold_row("95 % TNR: alarm above", at_tnr, anomalies > at_tnr, normal > at_tnr),
        _threshold_row(
            "95 % TPR: alarm at or above", at_tpr, anomalies >= at_tpr, normal >= at_tpr
        ),
    ]
    titles = ("Threshold", "Anomalies found #", "False alarms #", "Score #")
    return table("The two thresholds", titles, rows)


def _threshold_row(
    title: str, threshold: float, found: BoolArray, alarms: BoolArray
) -> Sequence[str]:
    counts = (share(int(np.count_nonzero(part)), len(part)) for part in (found, alarms))
    return (title, *counts, number(threshold))


def _curves_section(scored: Scored) -> list[str]:
    roc = "The dots are the two thresholds. A curve that hugs the upper left corner is perfect."
    precision = "The area under the steps is the average precision."
    return figures_section(
        "Curves",
        "From left to right the threshold falls: more anomalies are found, and more normal images "
        "raise an alarm.",
        [
            figure("ROC.", roc, roc_chart(scored)),
            figure("Precision and recall.", precision, precision_recall_chart(scored)),
        ],
        columns=2,
    )


def _species_section(by_species: Sequence[Part]) -> list[str]:
    rows = [
        (
            shorten(part.species),
            f"{part.auroc:.4f}",
            bar(part.auroc),
            "anomaly" if part.anomaly else "normal",
            f"{len(part.scores):,}",
            share(round(part.above * len(part.scores)), len(part.scores)),
            number(part.median),
        )
        for part in by_species[:SHOWN]
    ]
    titles = (
        "Species",
        "AUROC #",
        "0 to 1",
        "Class",
        "Images #",
        "Above the threshold #",
        "Median score #",
    )
    more = f" ({SHOWN} of {len(by_species):,})" if len(by_species) > SHOWN else ""
    return [
        "<h2>By species</h2>",
        "<p>AUROC compares the images of a row with all images of the other class: a low value of "
        "an anomaly says that it is taken for something known, a low value of a normal species "
        "that it is taken for something new. Above the threshold at 95 % TNR lie found anomalies, "
        "and false alarms of normal images. The hardest ones of each class stand first.</p>",
        table(f"Species{more}", titles, rows),
    ]


def _histogram_section(scored: Scored, by_species: Sequence[Part]) -> list[str]:
    normal, anomalies = scored.scores[~scored.anomaly], scored.scores[scored.anomaly]
    both = f"{len(normal):,} normal, {len(anomalies):,} anomalies."
    figures = [_histogram("All images", both, scored, normal, anomalies)]
    for part in by_species[:DRAWN]:
        count = f"{len(part.scores):,} {'anomalies' if part.anomaly else 'normal'}."
        pair = (normal, part.scores) if part.anomaly else (part.scores, anomalies)
        figures.append(_histogram(part.species, count, scored, *pair))
    more = f" The {DRAWN} hardest are drawn." if len(by_species) > DRAWN else ""
    return figures_section(
        "Predicted scores by species",
        "Bars give shares of the images of each class: those of the species, and all images of the "
        f"other class. The dotted line is the threshold at 95 % TNR. No "
        f"threshold can separate what overlaps.{more}",
        figures,
        columns=3,
    )


def _histogram(
    title: str, text: str, scored: Scored, normal: FloatArray, anomalies: FloatArray
) -> str:
    name = title[:LONGEST_TEXT]
    return figure(f"{name}.", text, score_histogram(name, scored, normal, anomalies))


def _errors_section(scored: Scored) -> list[str]:
    threshold = np.full(len(scored.scores), scored.evaluation.at_tnr)
    return errors_section(
        Judged(scored.names, scored.species, scored.anomaly, scored.scores, threshold),
        kind="Species",
        missed="Anomalies furthest below the threshold at 95 % TNR",
        alarms="Normal images furthest above the threshold at 95 % TNR",
    )
