"""The part of the reid report that candidates.csv fills: the ranking, and the threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wildlife_scoring.candidates import FILE_NAME, LISTED, Candidates
from wildlife_scoring.reid.charts import best_score_axis, score_histogram, threshold_chart
from wildlife_scoring.reid.ranking import Ranking, rank_measures
from wildlife_scoring.reid.result import Operating, Scored, operating
from wildlife_scoring.report.page import LONGEST_TEXT, figure, number, shorten, table

MISSING_CANDIDATES = (
    "<p>Not in this report: rank-1, rank-5, mAP@10, AUROC of known against new, and BAKS, BAUS and "
    "score over the threshold. predictions.txt holds one name for each image, and these need the "
    f"candidates behind it. A submission that offers <code>explain_batch(prepared)</code> gets "
    f"them: for each prepared image up to {LISTED} pairs of individual and score, best first. "
    f"The prediction step then writes <code>{FILE_NAME}</code> next to predictions.txt. The scores "
    "do not depend on it.</p>"
)


def candidates_section(scored: Scored, shown: Sequence[str]) -> list[str]:
    """Write the pieces for the datasets `shown`, or how to get candidates where none are given."""
    heading = "<h2>Ranking and threshold</h2>"
    if scored.candidates is None:
        return [heading, MISSING_CANDIDATES]
    return [
        heading,
        f"<p>From <code>{FILE_NAME}</code>, the submission's own list of up to {LISTED} "
        "individuals for each image. Not on the leaderboard.</p>",
        _ranking_table(scored, scored.candidates, shown),
        *_threshold_section(scored, scored.candidates, shown),
    ]


def _ranking_table(scored: Scored, candidates: Candidates, shown: Sequence[str]) -> str:
    measured = []
    for dataset in shown:
        rows = scored.rows(dataset)
        found = rank_measures(scored.unknown[rows], candidates.rank[rows], candidates.score[rows])
        measured.append((dataset, found))
    cells = [(shorten(name), *_ranking_cells(found)) for name, found in measured]
    if len(measured) > 1:
        columns = zip(*((m.rank_1, m.rank_5, m.map_10, m.auroc) for _, m in measured), strict=True)
        cells.append(("mean of the datasets", *_ranking_cells(Ranking(*map(_mean, columns)))))
    titles = ("Dataset", "Rank-1 #", "Rank-5 #", f"mAP@{LISTED} #", "AUROC #")
    explained = (
        f"<p>Rank-1 and rank-5: the share of the images of known individuals whose individual "
        f"is the first, or among the first five. mAP@{LISTED}: the mean over these images of "
        f"1/rank of the right individual, 0 where it is not among the {LISTED} (each list has one "
        "right entry; values of papers that rank all database images are not comparable). "
        "AUROC: the chance that a known individual's image has a higher best score than a new "
        "one's; 0.5 is chance.</p>"
    )
    return table("Ranking", titles, cells) + explained


def _ranking_cells(found: Ranking) -> tuple[str, ...]:
    values = (found.rank_1, found.rank_5, found.map_10, found.auroc)
    return tuple("\u2013" if math.isnan(value) else f"{value:.4f}" for value in values)


def _threshold_section(scored: Scored, candidates: Candidates, shown: Sequence[str]) -> list[str]:
    curves, histograms = [], []
    for dataset in shown:
        rows = scored.rows(dataset)
        values = candidates.score[rows]
        axis, stand = best_score_axis(values), operating(scored, candidates, dataset)
        text = _standing(stand, scored.scores[f"{dataset}_geometric_mean"])
        name = dataset[:LONGEST_TEXT]
        curves.append(figure(f"{name}.", text, threshold_chart(name, stand, axis)))
        chart = score_histogram(name, values, scored.unknown[rows], axis, stand.threshold)
        histograms.append(figure(f"{name}.", "", chart))
    return [
        "<h2>BAKS, BAUS and score over the threshold</h2>",
        "<p>What the score would be if each image were called new where its best candidate "
        "scores below the threshold. The dotted line is the threshold that repeats the most of the "
        "submission's own answers.</p>",
        f'<div class="grid2">{"".join(curves)}</div>',
        "<h2>Scores of the best candidates</h2>",
        "<p>Bars give shares of the images of known and of new individuals. No threshold can "
        "separate what overlaps.</p>",
        f'<div class="grid3">{"".join(histograms)}</div>',
    ]


def _standing(stand: Operating, own: float) -> str:
    root = stand.curve.score
    best = int(np.argmax(root))
    marked = int(np.searchsorted(stand.curve.threshold, stand.threshold))
    text = f"Own answers {own:.4f}; at the marked threshold {root[marked]:.4f}"
    if stand.differ:
        text += f" ({stand.differ:,} of {stand.images:,} answers differ from that rule)"
    return text + f"; the oracle threshold, {_at(stand, best)}, gives {root[best]:.4f}."


def _at(stand: Operating, place: int) -> str:
    value = float(stand.curve.threshold[place])
    if math.isfinite(value):
        return number(value)
    return "above all scores" if value > 0 else "below all scores"


def _mean(values: Sequence[float]) -> float:
    """The mean of the values that exist; NaN where none does."""
    there = [value for value in values if not math.isnan(value)]
    return math.fsum(there) / len(there) if there else math.nan
