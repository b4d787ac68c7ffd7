"""The rule that makes one of five verdicts of differences."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import bundles
from kit.regression.predictions import Change
from kit.regression.significance import Difference, Significance
from kit.regression.verdicts import (
    BETTER,
    EQUAL,
    IDENTICAL,
    NOISE,
    WORSE,
    Metric,
    beyond_noise,
    metrics_of,
    verdict_of,
)
from tests.support.kit import ROOT


def change(count: int = 10, within: bool = False) -> Change:
    names = tuple(str(number) for number in range(count))
    return Change("score", 100, names, 0.5, 0.1, 0.01, within)


def metric(better: float, p_fall: float | None = None, p_rise: float | None = None) -> Metric:
    return Metric("key", "Title", 0.5, 0.5 + better, better, None, None, p_fall, p_rise)


NONE = metric(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("changed", "metrics", "verdict"),
    [
        (change(0, within=True), [NONE], IDENTICAL),
        # Scores that jump by an image are equal, where the predictions moved by noise only.
        (change(within=True), [metric(-0.02, 0.63, 0.0)], EQUAL),
        (change(within=True), [metric(0.02, 0.0, 0.63)], EQUAL),
        # A monotonic change of the scores moves predictions and no score.
        (change(), [NONE, NONE], EQUAL),
        (change(), [metric(0.01, 0.3, 0.7)], BETTER),
        (change(), [metric(-0.01, 0.7, 0.3)], NOISE),
        (change(), [metric(-0.1, 0.98, 0.02)], WORSE),
        (change(), [metric(-0.1, 0.97, 0.02)], NOISE),
        # The one that ranks stands still: the next one decides.
        (change(), [NONE, metric(-0.01, 0.8, 0.2), metric(0.1, 0.0, 1.0)], NOISE),
        (change(), [NONE, metric(0.01, 0.2, 0.8), metric(-0.1, 0.9, 0.1)], BETTER),
        # Each of two others needs 98.75 %.
        (change(), [NONE, metric(-0.1, 0.98, 0.0), NONE], NOISE),
        (change(), [NONE, metric(-0.1, 0.99, 0.0), NONE], WORSE),
        (change(), [metric(0.01, 0.2, 0.8), metric(-0.1, 1.0, 0.0)], WORSE),
        # A rise beyond noise of the one that ranks pays for another's fall.
        (change(), [metric(0.1, 0.0, 0.99), metric(-0.1, 1.0, 0.0)], BETTER),
        # Nothing was resampled: any fall counts.
        (change(), [metric(-0.001)], WORSE),
        (change(), [metric(0.001)], BETTER),
        (change(0, within=True), [metric(-0.001)], WORSE),
        # Even tiny moves of the predictions, if they all go to the harm of the score.
        (change(within=True), [metric(-0.2, 1.0, 0.0)], WORSE),
    ],
)
def test_the_rule(changed: Change, metrics: list[Metric], verdict: str) -> None:
    assert verdict_of(changed, metrics) == verdict
    assert bool(beyond_noise(metrics)) == (verdict == WORSE)


def test_less_is_better_where_the_column_says_so_and_the_one_that_ranks_is_first() -> None:
    bundle = bundles.read(ROOT / "sample_data/anomaly")
    keys = ("auroc", "average_precision", "fpr_at_95_tpr", "recall_at_95_tnr")
    found = Significance(
        dict.fromkeys(keys, Difference(0.5, 0.6, 0.05, 0.15, 0.01, 0.99)), (), 100, ""
    )
    metrics = metrics_of(bundle, dict.fromkeys(keys, 0.5), dict.fromkeys(keys, 0.6), found)
    assert [one.key for one in metrics] == list(keys)
    of = {one.key: one for one in metrics}
    assert of["auroc"].better == pytest.approx(0.1)
    assert (of["auroc"].p_fall, of["auroc"].p_rise) == (0.01, 0.99)
    assert of["fpr_at_95_tpr"].better == pytest.approx(-0.1)
    assert (of["fpr_at_95_tpr"].p_fall, of["fpr_at_95_tpr"].p_rise) == (0.99, 0.01)


def test_columns_that_a_score_lacks_are_left_out(bundle: Path) -> None:
    read = bundles.read(bundle)
    found = metrics_of(read, {"challenge_score": 0.5}, {"challenge_score": 0.4, "other": 1}, None)
    assert [(one.key, one.falls(0.025)) for one in found] == [("challenge_score", True)]
