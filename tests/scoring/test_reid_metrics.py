"""The reid track's metrics: by hand, compared with the definition, under changes without effect."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tests.support.oracles import official_cases
from wildlife_scoring.metrics import auroc
from wildlife_scoring.reid.charts import best_score_axis, threshold_chart
from wildlife_scoring.reid.metrics import NEW, TOTALS, dataset_score, score, sides, threshold_curve
from wildlife_scoring.reid.ranking import rank_measures
from wildlife_scoring.reid.result import Operating, implied_threshold
from wildlife_scoring.report.svg import POINTS

Row = tuple[str, str, bool, str]  # identity, dataset, new_identity, predicted
IDENTITIES = [f"i{n}" for n in range(6)]

# An individual is new or known in all of its rows, and of one dataset: its name's last digit says.
ROWS = st.builds(
    lambda name, label: (name, "ab"[int(name[1]) % 2], name in ("i4", "i5"), label),
    st.sampled_from(IDENTITIES),
    st.sampled_from([*IDENTITIES, NEW, "nobody"]),
)
TABLES = st.lists(ROWS, min_size=1, max_size=40)


def scores_of(rows: list[Row]) -> dict[str, float]:
    return score(*zip(*rows, strict=True))


def slow_sides(rows: list[Row], unknown: set[str]) -> tuple[float | None, float | None]:
    """BAKS and BAUS of the track's README.md: a loop for each, without the program."""
    found = []
    for side_is_new in (False, True):
        shares = []
        for individual in sorted({row[0] for row in rows}):
            if (individual in unknown) == side_is_new:
                answers = [row[3] for row in rows if row[0] == individual]
                wanted = NEW if side_is_new else individual
                shares.append(sum(answer == wanted for answer in answers) / len(answers))
        found.append(sum(shares) / len(shares) if shares else None)
    return found[0], found[1]


def slow_scores(rows: list[Row]) -> dict[str, float]:
    unknown = {row[0] for row in rows if row[2]}  # over the whole solution, once
    values = {}
    for dataset in sorted({row[1] for row in rows}):
        baks, baus = slow_sides([row for row in rows if row[1] == dataset], unknown)
        values[dataset] = (math.sqrt((baks or 0) * (baus or 0)), baks or 0, baus or 0)
    means = {key: sum(v[n] for v in values.values()) / len(values) for n, key in enumerate(TOTALS)}
    for dataset, three in values.items():
        means |= {f"{dataset}_{key}": three[n] for n, key in enumerate(TOTALS)}
    return means


# The official numbers


def test_the_official_cases_are_met() -> None:
    cases = official_cases("reid")
    assert len(cases) >= 5
    for case in cases:
        _, identity, dataset, new, predicted = zip(*case["rows"], strict=True)
        ours = score(identity, dataset, new, predicted)
        assert ours["geometric_mean"] == pytest.approx(case["final"], abs=1e-12)
        assert {key.partition("_")[0] for key in list(ours)[3:]} == set(case["per_dataset"])
        for name, values in case["per_dataset"].items():
            for key, value in values.items():
                assert ours[f"{name}_{key}"] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("test_only", "baks", "baus"),
    [
        ("", 5 / 6, math.nan),
        ("4", 5 / 6, math.nan),
        ("1", 3 / 4, 1.0),
        ("12", 1 / 2, 1 / 2),
        ("13", 1.0, 3 / 4),
        ("123", math.nan, 1 / 2),
    ],
)
def test_the_librarys_unit_vectors(test_only: str, baks: float, baus: float) -> None:
    truth, predicted = list("11233"), list("11231")
    new = [name in test_only for name in truth]
    assert sides(truth, new, predicted)[0] == pytest.approx(baks, abs=1e-15, nan_ok=True)
    # There the answer for a new individual is the label 1.
    as_new = [NEW if label == "1" else label for label in predicted]
    assert sides(truth, new, as_new)[1] == pytest.approx(baus, abs=1e-15, nan_ok=True)


# By hand, and the definition


def test_a_small_table_by_hand() -> None:
    rows = [
        ("ann", "cat", False, "ann"),
        ("ann", "cat", False, "bob"),
        ("bob", "cat", False, "bob"),
        ("new1", "cat", True, NEW),
        ("new2", "cat", True, "ann"),
        ("zoe", "dog", False, "zoe"),
    ]
    expected = {
        "geometric_mean": math.sqrt(0.75 * 0.5) / 2,
        "BAKS": (0.75 + 1) / 2,
        "BAUS": 0.25,
        "cat_geometric_mean": math.sqrt(0.75 * 0.5),
        "cat_BAKS": 0.75,
        "cat_BAUS": 0.5,
        "dog_geometric_mean": 0.0,  # without new individuals that side counts 0
        "dog_BAKS": 1.0,
        "dog_BAUS": 0.0,
    }
    ours = scores_of(rows)
    assert ours == pytest.approx(expected, abs=1e-15)
    assert list(ours) == list(expected)


def test_the_mean_of_roots_is_not_the_root_of_means() -> None:
    half = [("a", "x", False, "a"), ("b", "x", True, "a")]
    other_half = [("c", "y", False, "?"), ("d", "y", True, NEW)]
    ours = scores_of(half + other_half)
    assert (ours["BAKS"], ours["BAUS"], ours["geometric_mean"]) == (0.5, 0.5, 0.0)


def test_an_individual_that_one_row_calls_new_is_new_in_all_datasets() -> None:
    rows = [
        ("a", "x", False, NEW),
        ("b", "x", False, "b"),
        ("a", "y", True, NEW),
        ("c", "y", False, ""),
    ]
    assert scores_of(rows)["x_BAUS"] == 1.0
    assert scores_of(rows)["x_BAKS"] == 1.0


@given(TABLES)
def test_it_is_the_definition(rows: list[Row]) -> None:
    ours = scores_of(rows)
    assert ours == pytest.approx(slow_scores(rows), abs=1e-12)
    assert all(math.isfinite(value) and 0 <= value <= 1 for value in ours.values())


@given(TABLES)
def test_the_parts_agree_with_the_whole(rows: list[Row]) -> None:
    ours = scores_of(rows)
    for dataset in {row[1] for row in rows}:
        identity, _, new, predicted = zip(*(row for row in rows if row[1] == dataset), strict=True)
        assert dataset_score(identity, new, predicted) == ours[f"{dataset}_geometric_mean"]
        found = sides(identity, new, predicted)
        for key, side in zip(("BAKS", "BAUS"), found, strict=True):
            assert ours[f"{dataset}_{key}"] == (0.0 if math.isnan(side) else side)


# Changes without effect, and with one


@given(TABLES, st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: list[Row], chance: Any) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert scores_of(shuffled) == scores_of(rows)


@given(TABLES, st.permutations(IDENTITIES))
def test_the_names_of_the_individuals_do_not_matter(rows: list[Row], names: list[str]) -> None:
    renamed = dict(zip(IDENTITIES, (f"other {name}" for name in names), strict=True))
    other = [(renamed[i], d, new, renamed.get(label, label)) for i, d, new, label in rows]
    assert scores_of(other) == scores_of(rows)


@given(TABLES)
def test_the_names_of_the_datasets_do_not_matter(rows: list[Row]) -> None:
    names = {"a": "z_BAKS", "b": "y é"}
    ours = scores_of([(i, names[d], new, label) for i, d, new, label in rows])
    for key, value in scores_of(rows).items():
        dataset, _, rest = key.partition("_")
        assert ours[f"{names[dataset]}_{rest}" if dataset in names else key] == value


@given(TABLES, st.integers(2, 3))
def test_every_row_several_times_changes_nothing(rows: list[Row], times: int) -> None:
    assert scores_of(rows * times) == pytest.approx(scores_of(rows), abs=1e-15)


@given(TABLES, st.data())
def test_a_wrong_prediction_put_right_never_costs(rows: list[Row], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    identity, dataset, new, _ = rows[place]
    corrected = [*rows]
    corrected[place] = (identity, dataset, new, NEW if new else identity)
    before = scores_of(rows)
    assert all(value >= before[key] - 1e-12 for key, value in scores_of(corrected).items())


# Input of other kinds


def test_none_nan_and_empty_predictions_are_wrong() -> None:
    identity, new = ["nan", "None", "b", "a"], [False, False, True, False]
    gaps: Any = [float("nan"), None, "", "a"]
    assert sides(identity, new, gaps) == (1 / 3, 0.0)
    assert sides(np.array(identity), np.array(new), np.array(["nan", "?", NEW, "a"])) == (
        2 / 3,
        1.0,
    )


@pytest.mark.parametrize(
    ("identity", "new", "predicted", "message"),
    [
        ([1, 2], [True, False], ["1", "2"], "identity must hold text only, found 2 others"),
        (["a", "b"], [True, False], ["a", 7], "predicted must hold text only, found 1 others.*7"),
        (["a", None], [True, False], ["a", "b"], "identity must hold text only.*None"),
        (["a", ""], [True, False], ["a", "b"], "1 rows with an empty identity"),
        (["a", NEW], [True, False], ["a", "b"], "true identity is 'new_individual', an answer"),
        (["a", "b"], ["true", "false"], ["a", "b"], "must hold booleans only"),
        (["a", "b"], [1, 0], ["a", "b"], "must hold booleans only"),
        (["a", "b"], [True], ["a", "b"], "three lists of one length"),
        (["a", "b"], [True, False], ["a"], "three lists of one length"),
        ([["a"], ["b"]], [True, False], ["a", "b"], "identity must be one list"),
    ],
)
def test_other_input_is_refused(identity: Any, new: Any, predicted: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sides(identity, new, predicted)


def test_an_empty_table_and_an_empty_dataset_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one row, found 0 for 0 rows"):
        score([], [], [], [])
    with pytest.raises(ValueError, match="found 1 for 2 rows"):
        score(["a", "b"], ["x"], [True, False], ["a", "b"])
    with pytest.raises(ValueError, match="1 rows with an empty dataset"):
        score(["a", "b"], ["x", ""], [True, False], ["a", "b"])
    assert all(math.isnan(side) for side in sides([], [], []))


# Over the threshold, and the ranking

SCORED_ROWS = st.lists(
    st.tuples(
        st.sampled_from(IDENTITIES),
        st.sampled_from(IDENTITIES),
        st.one_of(st.sampled_from([0.0, 0.5, 1.0, -math.inf]), st.floats(-10, 10)),
    ),
    min_size=1,
    max_size=30,
)


@given(SCORED_ROWS)
def test_the_curve_is_what_each_threshold_would_score(rows: list[tuple[str, str, float]]) -> None:
    identity, best, values = zip(*rows, strict=True)
    new = [name in ("i4", "i5") for name in identity]
    curve = threshold_curve(identity, new, best, values)
    assert curve.threshold.tolist() == [*sorted(set(values)), math.inf]
    for place, threshold in enumerate(curve.threshold):
        answers = [b if value >= threshold else NEW for b, value in zip(best, values, strict=True)]
        at = (curve.baks[place], curve.baus[place])
        assert at == pytest.approx(sides(identity, new, answers), abs=1e-12, nan_ok=True)
        wanted = dataset_score(identity, new, answers)
        assert curve.score[place] == pytest.approx(wanted, abs=1e-6)


def test_the_curve_refuses_what_is_no_score_and_no_individual() -> None:
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="not NaN and below inf"):
            threshold_curve(["a"], [False], ["a"], [value])
    with pytest.raises(ValueError, match="nearest must name individuals"):
        threshold_curve(["a"], [False], [NEW], [0.5])
    with pytest.raises(ValueError, match="expected 1 scores"):
        threshold_curve(["a"], [False], ["a"], [0.5, 0.6])


def test_the_ranking_by_hand() -> None:
    unknown = np.array([False, False, False, False, True, True])
    rank = np.array([1, 2, 6, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, -np.inf, 0.75, -np.inf])
    found = rank_measures(unknown, rank, scores)
    assert (found.rank_1, found.rank_5) == (0.25, 0.5)
    assert found.map_10 == pytest.approx((1 + 1 / 2 + 1 / 6) / 4)
    assert found.auroc == pytest.approx((2 + 2 + 1 + 0.5) / 8)


def test_a_side_without_images_has_no_ranking() -> None:
    nothing = rank_measures(np.array([True]), np.array([0]), np.array([0.5]))
    assert all(
        math.isnan(v) for v in (nothing.rank_1, nothing.rank_5, nothing.map_10, nothing.auroc)
    )
    known = rank_measures(np.array([False]), np.array([1]), np.array([0.5]))
    assert known.rank_1 == 1
    assert math.isnan(known.auroc)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_auroc_is_scikit_learns(rows: list[tuple[bool, int]]) -> None:
    known, values = (np.array(column) for column in zip(*rows, strict=True))
    if known.all() or not known.any():
        return
    ours = auroc(values[known].astype(float), values[~known].astype(float))
    assert ours == pytest.approx(roc_auc_score(known, values), abs=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=20))
def test_no_threshold_repeats_more_of_the_decisions(rows: list[tuple[bool, int]]) -> None:
    said_new, values = (np.array(column) for column in zip(*rows, strict=True))

    def differ(threshold: float) -> int:
        return int(np.count_nonzero((values < threshold) != said_new))

    found = implied_threshold(values.astype(float), said_new)
    assert differ(found) == min(differ(t) for t in (*range(7), math.inf))


def test_a_long_curve_is_thinned_and_keeps_the_marked_place() -> None:
    values = np.linspace(0, 1, 5000)
    identity = [f"i{n % 50}" for n in range(5000)]
    curve = threshold_curve(identity, [n % 50 < 10 for n in range(5000)], identity, values)
    chart = threshold_chart(
        "x", Operating(curve, float(values[777]), 0, 5000), best_score_axis(values)
    )
    assert chart.count("H") < 4 * (POINTS + 20)
    assert f"threshold {values[777]:.4g}<" in chart
    assert math.isfinite(best_score_axis(np.array([-np.inf])).low)
