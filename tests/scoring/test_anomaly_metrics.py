"""The anomaly track's metrics: by hand, by the definition, under changes without effect."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from wildlife_scoring.anomaly.metrics import RATE, evaluate, score
from wildlife_scoring.metrics import auroc, roc, share_at_or_above, threshold_at_tpr
from wildlife_scoring.tracks import TRACKS

KEYS = TRACKS["anomaly"].keys
Row = tuple[int, float]

# Values of which many are equal, and some are extreme.
VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 1.0]),
    st.integers(0, 20).map(lambda n: n / 20),
    st.floats(allow_nan=False, allow_infinity=False),
)
RATES = st.sampled_from([0.5, 0.8, 0.95, 1.0])


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float] = VALUES) -> list[Row]:
    """Rows of both classes."""
    kinds = [0, 1, *draw(st.lists(st.sampled_from([0, 1]), max_size=40))]
    return [(kind, draw(values)) for kind in draw(st.permutations(kinds))]


def scores_of(rows: list[Row], rate: float = RATE) -> dict[str, float]:
    anomaly, values = zip(*rows, strict=True)
    return score(anomaly, values, rate)


def slow_scores(rows: list[Row], rate: float = RATE) -> dict[str, float]:
    """The four values of the track's README.md: a loop for each, without the program."""
    normal = [value for kind, value in rows if kind == 0]
    anomalies = [value for kind, value in rows if kind == 1]
    pairs = [(high > low) + (high == low) / 2 for high in anomalies for low in normal]
    total, recall_before = 0.0, 0.0
    steps = sorted({value for _, value in rows})
    for threshold in reversed(steps):
        above = [kind for kind, value in rows if value >= threshold]
        recall = sum(above) / len(anomalies)
        total += (recall - recall_before) * (sum(above) / len(above))
        recall_before = recall
    at_tpr = max(t for t in steps if sum(v >= t for v in anomalies) / len(anomalies) >= rate)
    at_tnr = min(t for t in steps if sum(v <= t for v in normal) / len(normal) >= rate)
    return {
        "auroc": sum(pairs) / len(pairs),
        "average_precision": total,
        "fpr_at_95_tpr": sum(value >= at_tpr for value in normal) / len(normal),
        "recall_at_95_tnr": sum(value > at_tnr for value in anomalies) / len(anomalies),
    }


def test_a_case_worked_out_by_hand() -> None:
    rows = [(0, 0.1), (0, 0.2), (0, 0.5), (0, 0.6), (1, 0.4), (1, 0.5), (1, 0.9)]
    assert scores_of(rows) == pytest.approx(
        {
            # 0.4 is above two normal images, 0.5 above two and equal to one, 0.9 above all four
            "auroc": (2 + 2.5 + 4) / 12,
            # from the top: 0.9 hit, 0.6 miss, 0.5 one of two, 0.4 hit
            "average_precision": 1 / 3 * 1 + 1 / 3 * 2 / 4 + 1 / 3 * 3 / 5,
            "fpr_at_95_tpr": 2 / 4,  # all three anomalies are at or above 0.4
            "recall_at_95_tnr": 1 / 3,  # all four normal images are at or below 0.6
        },
        abs=1e-15,
    )


def test_the_keys_stand_in_the_leaderboards_order() -> None:
    found = scores_of([(0, 0.5), (1, 0.5)])
    assert tuple(found) == KEYS
    assert all(type(value) is float for value in found.values())


@given(tables(), RATES)
def test_equals_the_definition(rows: list[Row], rate: float) -> None:
    assert scores_of(rows, rate) == pytest.approx(slow_scores(rows, rate), rel=0, abs=1e-12)


@given(tables())
def test_auroc_and_average_precision_are_scikit_learns(rows: list[Row]) -> None:
    anomaly, values = zip(*rows, strict=True)
    found = scores_of(rows)
    assert found["auroc"] == pytest.approx(roc_auc_score(anomaly, values), rel=0, abs=1e-12)
    expected = average_precision_score(anomaly, values)
    assert found["average_precision"] == pytest.approx(expected, rel=0, abs=1e-12)


@given(tables(st.integers(0, 30).map(float)), RATES)
def test_the_two_rates_are_points_of_scikit_learns_roc_curve(rows: list[Row], rate: float) -> None:
    anomaly, values = zip(*rows, strict=True)
    fpr, tpr, _ = roc_curve(anomaly, values, drop_intermediate=False)
    found = scores_of(rows, rate)
    assert found["fpr_at_95_tpr"] == pytest.approx(fpr[tpr >= rate].min(), abs=1e-12)
    # "t leaves at least the rate at or below it" counts above t: the point before t itself.
    assert found["recall_at_95_tnr"] == pytest.approx(tpr[1 - fpr >= rate - 1e-12].max(), abs=1e-12)


@given(tables(), st.sampled_from([0.0, 0.5, -3.25]))
def test_a_constant_ranks_by_chance_and_finds_nothing(rows: list[Row], constant: float) -> None:
    found = scores_of([(kind, constant) for kind, _ in rows])
    share = sum(kind for kind, _ in rows) / len(rows)
    assert found == pytest.approx(dict(zip(KEYS, (0.5, share, 1, 0), strict=True)), abs=1e-12)


@given(tables())
def test_the_truth_is_perfect_and_the_inverted_truth_finds_nothing(rows: list[Row]) -> None:
    right = scores_of([(kind, float(kind)) for kind, _ in rows])
    wrong = scores_of([(kind, 1.0 - kind) for kind, _ in rows])
    assert tuple(right.values()) == (1, 1, 0, 1)
    assert (wrong["auroc"], wrong["fpr_at_95_tpr"], wrong["recall_at_95_tnr"]) == (0, 1, 0)


@given(tables())
def test_reversed_scores_mirror_the_auroc(rows: list[Row]) -> None:
    mirrored = scores_of([(kind, -value) for kind, value in rows])
    assert mirrored["auroc"] == pytest.approx(1 - scores_of(rows)["auroc"], abs=1e-12)


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[Row], random: object) -> None:
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert scores_of(shuffled) == pytest.approx(scores_of(rows), rel=0, abs=1e-15)


@given(
    tables(st.integers(-40, 40).map(float)),
    st.sampled_from([lambda x: 3 * x + 7, lambda x: x**3, math.atan, lambda x: math.exp(x / 10)]),
)
def test_a_strictly_monotone_rescaling_does_not_matter(
    rows: list[Row], rescale: Callable[[float], float]
) -> None:
    assert scores_of([(kind, rescale(value)) for kind, value in rows]) == scores_of(rows)


@given(tables(), st.integers(2, 4))
def test_each_image_given_several_times_changes_nothing(rows: list[Row], times: int) -> None:
    assert scores_of(rows * times) == pytest.approx(scores_of(rows), rel=0, abs=1e-12)


@pytest.mark.parametrize(("positives", "kept"), [(20, 19), (19, 19), (21, 20), (100, 95), (1, 1)])
def test_the_threshold_keeps_the_smallest_sufficient_number(positives: int, kept: int) -> None:
    values = np.arange(positives + 1) / 1000
    positive = np.arange(positives + 1) > 0
    threshold = threshold_at_tpr(positive, values, 0.95)
    assert round(share_at_or_above(values[positive], threshold) * positives) == kept


def test_the_thresholds_are_kept_next_to_the_scores() -> None:
    found = evaluate([0, 0, 1, 1], [0.1, 0.7, 0.6, 0.9])
    assert (found.at_tnr, found.at_tpr) == (0.7, 0.6)
    assert math.copysign(1, evaluate([0, 1], [0.0, 0.0]).at_tpr) == 1  # a report shows no -0


@given(tables())
def test_the_drawn_roc_curve_has_the_area_that_is_reported(rows: list[Row]) -> None:
    anomaly, values = (np.array(column) for column in zip(*rows, strict=True))
    fpr, tpr = roc(anomaly == 1, values)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    area = np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2)
    expected = auroc(values[anomaly == 1], values[anomaly == 0])
    assert area == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize("kept", [0, 1])
def test_one_class_alone_is_refused(kept: int) -> None:
    counts = ("0 anomalies and 3 normal", "3 anomalies and 0 normal")[kept]
    with pytest.raises(ValueError, match=f"undefined metrics: the table has {counts} images"):
        score([kept] * 3, [0.1, 0.2, 0.3])


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(ValueError, match="0 anomalies and 0 normal"):
        score([], [])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="1 scores are not finite"):
        score([0, 1, 1], [0.1, bad, 0.3])


@pytest.mark.parametrize(
    ("anomaly", "values", "message"),
    [
        ([0, 1, 2], [0.1] * 3, "0 and 1 only"),
        (["0", "1"], [0.1] * 2, "0 and 1 only"),
        ([0, 1], [0.1], "one length"),
        ([[0, 1]], [[0.1, 0.2]], "one length"),
    ],
)
def test_columns_of_another_kind_are_refused(
    anomaly: list[int], values: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(anomaly, values)


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.01, math.nan])
def test_a_rate_outside_its_range_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        score([0, 1], [0.1, 0.2], rate)
