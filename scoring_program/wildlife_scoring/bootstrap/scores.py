"""The leaderboard's metrics of the tracks `hybrid` and `anomaly` for many weightings at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from wildlife_scoring.anomaly.metrics import RATE
from wildlife_scoring.bootstrap import weighted_ranking as ranking
from wildlife_scoring.bootstrap.resampling import Statistic, Values, Weights, require_rows
from wildlife_scoring.bootstrap.weighted_ranking import Places, Ranked
from wildlife_scoring.hybrid.metrics import TNR, round_scores


def hybrid(hybrid_stat: ArrayLike, ssp_indicator: ArrayLike, scores: ArrayLike) -> Statistic:
    """Return the eight metrics of the track in the leaderboard's order; NaN where undefined."""
    positive, group = np.asarray(hybrid_stat) == 1, np.asarray(ssp_indicator, dtype=np.str_)
    values = round_scores(scores)
    require_rows([positive, group, values])
    major, minor, mimic = (group == name for name in ("major", "minor", "mimic"))
    rows = {"A": ~mimic, "major": major, "minor": minor, "mimic": mimic}
    ranked = {name: Ranked(which, positive, values) for name, which in rows.items()}

    def statistic(weights: Weights) -> Values:
        counts = {name: one.counts(weights) for name, one in ranked.items()}
        precision = {name: ranking.average_precision(*pair) for name, pair in counts.items()}
        a, place = ranked["A"], ranking.place_at_tnr(counts["A"][1], TNR)
        of_major = a.at_or_above(weights, a.positive & major[a.order])
        recalls = [
            _recall(of_major, place),
            _recall(counts["A"][0] - of_major, place),
            _recall(counts["mimic"][0], ranking.place_at_tnr(counts["mimic"][1], TNR)),
        ]
        undefined = np.isnan(precision["mimic"]) | np.isnan(precision["A"])
        recalls = [np.where(undefined, np.nan, one) for one in recalls]
        columns = [_harmonic_mean(np.stack(recalls)), *recalls[:2]]
        columns += [precision[name] for name in ("A", "major", "minor")]
        return np.stack([*columns, recalls[2], precision["mimic"]], axis=1)

    return statistic


def anomaly(anomaly: ArrayLike, scores: ArrayLike) -> Statistic:
    """Return the four metrics of the track in the leaderboard's order; NaN where undefined."""
    positive, values = np.asarray(anomaly) == 1, np.asarray(scores, dtype=np.float64)
    require_rows([positive, values])
    ranked = Ranked(np.ones(len(values), dtype=np.bool_), positive, values)

    def statistic(weights: Weights) -> Values:
        positives, negatives = ranked.counts(weights)
        area = ranking.auroc(positives, negatives)
        at_tpr = ranking.taken(negatives, ranking.place_at_tpr(positives, RATE))
        recall = _recall(positives, ranking.place_at_tnr(negatives, RATE))
        columns = [
            area,
            ranking.average_precision(positives, negatives),
            ranking.share(at_tpr, negatives[:, -1]),
            recall,
        ]
        return np.where(np.isnan(area)[:, None], np.nan, np.stack(columns, axis=1))

    return statistic


def _recall(positives: Values, place: Places) -> Values:
    """Return (b,): the share of the positives strictly above the threshold at each place."""
    return ranking.share(ranking.taken(ranking.above(positives), place), positives[:, -1])


def _harmonic_mean(values: Values) -> Values:
    """Return the harmonic mean of (k, b) over the first axis, 0 where one value is 0."""
    smallest = values.min(axis=0)
    inverse = np.sum(1 / np.where(values > 0, values, 1.0), axis=0)
    mean = len(values) / inverse
    return np.where(np.isnan(smallest), np.nan, np.where(smallest > 0, mean, 0.0))
