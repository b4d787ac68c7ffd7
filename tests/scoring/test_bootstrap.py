"""Bootstrap intervals: weights against repeated rows, scipy, groups, pairs, coverage."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
from numpy.typing import NDArray

from wildlife_scoring.anomaly import metrics as anomaly_metrics
from wildlife_scoring.bootstrap.intervals import Interval, differences, intervals
from wildlife_scoring.bootstrap.labels import family, reid
from wildlife_scoring.bootstrap.resampling import (
    Statistic,
    Units,
    Values,
    Weights,
    leave_one_out,
    resample,
    whole,
)
from wildlife_scoring.bootstrap.scores import anomaly, hybrid
from wildlife_scoring.family import metrics as family_metrics
from wildlife_scoring.hybrid import metrics as hybrid_metrics
from wildlife_scoring.reid import metrics as reid_metrics

Rows = NDArray[np.intp]
Case = tuple[Statistic, Callable[[Rows], dict[str, float]], int]
ROWS = 120


def hybrid_case(rng: np.random.Generator) -> Case:
    group = rng.choice(["major", "minor", "mimic"], ROWS)
    truth = rng.random(ROWS) < 0.4
    scores = np.round(rng.normal(size=ROWS) + truth, 1)  # many ties

    def slow(rows: Rows) -> dict[str, float]:
        return hybrid_metrics.score(truth[rows].astype(int), group[rows], scores[rows])

    return hybrid(truth, group, scores), slow, ROWS


def anomaly_case(rng: np.random.Generator) -> Case:
    truth = rng.random(ROWS) < 0.3
    scores = np.round(rng.normal(size=ROWS) + truth, 1)

    def slow(rows: Rows) -> dict[str, float]:
        return anomaly_metrics.score(truth[rows].astype(int), scores[rows])

    return anomaly(truth, scores), slow, ROWS


def reid_case(rng: np.random.Generator) -> Case:
    dataset = rng.choice(["lynx", "newt"], ROWS)
    identity = np.char.add(dataset, rng.integers(0, 12, ROWS).astype(np.str_)).astype(object)
    new = np.array([name[-1] in "789" for name in identity.tolist()])
    answers = np.where(rng.random(ROWS) < 0.6, identity, "new_individual").astype(object)

    def slow(rows: Rows) -> dict[str, float]:
        return reid_metrics.score(identity[rows], dataset[rows], new[rows], answers[rows])

    return reid(identity, dataset, new, answers), slow, ROWS


def family_case(rng: np.random.Generator) -> Case:
    truth = rng.choice(
        ["Ardeidae", "Picidae", "Strigidae", "Turdidae"], ROWS, p=[0.5, 0.3, 0.15, 0.05]
    )
    answers = np.where(rng.random(ROWS) < 0.6, truth, rng.choice(["Picidae", "none"], ROWS))

    def slow(rows: Rows) -> dict[str, float]:
        return family_metrics.score(truth[rows], answers[rows])

    return family(truth, answers), slow, ROWS


CASES = [hybrid_case, anomaly_case, reid_case, family_case]


@pytest.mark.parametrize("make", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_weights_give_what_repeated_rows_give(
    make: Callable[[np.random.Generator], Case], seed: int
) -> None:
    statistic, slow, rows = make(np.random.default_rng(seed))
    rng = np.random.default_rng(100 + seed)
    drawn = np.stack([np.bincount(rng.integers(0, rows, rows), minlength=rows) for _ in range(40)])
    drawn[0] = 1
    found = statistic(drawn.astype(float))
    for row, times in zip(found, drawn, strict=True):
        expected = slow(np.repeat(np.arange(rows), times))
        np.testing.assert_allclose(row, list(expected.values()), atol=1e-12)


def test_a_resample_without_a_class_has_no_value() -> None:
    truth = np.array([1, 0, 0, 1])
    found = anomaly(truth, [0.9, 0.1, 0.2, 0.3])(np.array([[0.0, 1, 1, 0], [1, 1, 1, 1]]))
    assert np.isnan(found[0]).all()
    assert found[1].tolist() == [1, 1, 0, 1]
    group = ["major", "major", "minor", "minor", "mimic", "mimic"]
    statistic = hybrid([1, 0, 1, 0, 1, 0], group, [3, 1, 3, 1, 3, 1])
    found = statistic(np.array([[1.0, 1, 0, 2, 1, 1]]))[0]
    assert np.isnan(found[[0, 2, 5]]).all(), "no hybrid of the minor group"
    assert found[[1, 3, 4, 6, 7]].tolist() == [1, 1, 1, 1, 1]


def mean_of(values: NDArray[np.float64]) -> Statistic:
    def statistic(weights: Weights) -> Values:
        return np.asarray(weights @ values / weights.sum(axis=1))[:, None]

    return statistic


@pytest.mark.parametrize(("method", "scipys"), [("bca", "BCa"), ("percentile", "percentile")])
def test_intervals_are_scipys(method: str, scipys: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(0).exponential(size=60)
    (found,) = intervals(mean_of(values), Units.rows(60), method=method, resamples=20_000)  # type: ignore[arg-type]
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method=scipys, vectorized=True,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = expected.high - expected.low
    assert found.low == pytest.approx(expected.low, abs=0.03 * width)
    assert found.high == pytest.approx(expected.high, abs=0.03 * width)
    assert found.method == method


def test_the_interval_of_an_area_is_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    truth = rng.random(80) < 0.5
    scores = rng.normal(size=80) + truth

    def area(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
        return anomaly_metrics.score(truth.astype(int), scores)["auroc"]

    found = intervals(anomaly(truth, scores), Units.rows(80), resamples=4_000)[0]
    expected = stats.bootstrap(
        (truth, scores), area, paired=True, n_resamples=4_000, vectorized=False,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found.low == pytest.approx(expected.low, abs=0.01)
    assert found.high == pytest.approx(expected.high, abs=0.01)


def test_units_that_are_drawn_together_have_a_wider_interval() -> None:
    rng = np.random.default_rng(0)
    specimen = np.repeat(np.arange(30), 8)
    values = rng.normal(size=30)[specimen] + 0.1 * rng.normal(size=240)
    alone = intervals(mean_of(values), Units.rows(240), resamples=2_000)[0]
    together = intervals(mean_of(values), Units.groups(specimen), resamples=2_000)[0]
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)
    means = np.array([values[specimen == name].mean() for name in range(30)])
    expected = intervals(mean_of(means), Units.rows(30), resamples=2_000)[0]
    assert together.low == pytest.approx(expected.low, abs=1e-9)
    assert together.high == pytest.approx(expected.high, abs=1e-9)


def test_an_individual_that_is_drawn_twice_counts_as_two() -> None:
    names = np.array(["a", "a", "b", "n"])
    new, answers = names == "n", ["a", "x", "b", "new_individual"]
    statistic = reid(names, ["d"] * 4, new, answers, by_individual=True)
    units = Units.groups(names)
    found = statistic(units.weights(np.array([[2, 1, 1], [1, 1, 1]])))
    assert found[:, 1].tolist() == pytest.approx([(2 * 0.5 + 1) / 3, 0.75])
    assert whole(statistic, units).tolist() == list(
        reid_metrics.score(names, ["d"] * 4, new, answers).values()
    )


def test_leaving_one_out_is_a_table_without_it() -> None:
    statistic, slow, rows = anomaly_case(np.random.default_rng(5))
    found = leave_one_out(statistic, Units.rows(rows))
    for left in (0, 17, rows - 1):
        expected = slow(np.delete(np.arange(rows), left))
        np.testing.assert_allclose(found[left], list(expected.values()), atol=1e-12)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(300) < 0.4
    first = rng.normal(size=300) + truth
    second = first + 0.1 * rng.normal(size=300) - 0.4 * truth
    units = Units.rows(300)
    one, other = anomaly(truth, first), anomaly(truth, second)
    fall = differences(one, other, units, resamples=2_000)[0]
    alone = intervals(one, units, resamples=2_000)[0]
    assert fall.value == pytest.approx(whole(other, units)[0] - whole(one, units)[0])
    assert fall.high - fall.low < 0.6 * (alone.high - alone.low)
    assert fall.high < 0
    assert fall.below > 0.99
    same = differences(one, one, units, resamples=100)[0]
    assert same == Interval(0.0, 0.0, 0.0, "percentile", 0, below=0.5, ties=1.0)


def test_the_seed_decides_everything_and_blocks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    statistic, _, rows = family_case(np.random.default_rng(0))
    units = Units.rows(rows)
    assert intervals(statistic, units, resamples=300, seed=4) == intervals(
        statistic, units, resamples=300, seed=4
    )
    assert intervals(statistic, units, resamples=300, seed=4) != intervals(
        statistic, units, resamples=300, seed=5
    )
    once = resample(statistic, units, 50, seed=1)
    monkeypatch.setattr("wildlife_scoring.bootstrap.resampling.BLOCK_VALUES", 7 * rows)
    assert np.array_equal(resample(statistic, units, 50, seed=1), once)


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(ValueError, match="expected columns of one length above 0"):
        anomaly([0, 1], [0.1])
    with pytest.raises(ValueError, match="expected resamples and units, found 0 and 3"):
        resample(mean_of(np.ones(3)), Units.rows(3), 0, seed=0)
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got 95"):
        intervals(mean_of(np.ones(3)), Units.rows(3), level=95)


@pytest.mark.slow
def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """AUROC of two normal distributions, whose true value is known."""
    rng, true, held, tries = np.random.default_rng(0), NormalDist().cdf(1 / 2**0.5), 0, 400
    for _ in range(tries):
        truth = np.arange(200) < 80
        scores = rng.normal(size=200) + truth
        found = intervals(anomaly(truth, scores), Units.rows(200), resamples=1_000)[0]
        held += found.low <= true <= found.high
    assert 0.92 <= held / tries <= 0.98
