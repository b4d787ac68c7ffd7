"""The hybrid track's metrics: by hand, by the definition, under changes without effect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from tests.support.oracles import official_cases
from tests.support.sample_bundle import leaderboard_keys
from wildlife_scoring.hybrid.metrics import (
    GROUPS,
    TNR,
    evaluate,
    harmonic_mean,
    round_scores,
    score,
)
from wildlife_scoring.metrics import average_precision, precision_recall, threshold_at_tnr

KEYS = leaderboard_keys("hybrid")
Row = tuple[int, str, float]

# Values of which many are equal, many differ in the fifth decimal only, and some are extreme.
VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 0.50004, 0.50006, 1.0]),
    st.floats(0, 1),
    st.integers(0, 20).map(lambda n: n / 20),
    st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float] = VALUES) -> list[Row]:
    """Rows in which each group has both classes."""
    kinds = [(stat, group) for group in GROUPS for stat in (0, 1)]
    kinds += draw(st.lists(st.sampled_from(kinds), max_size=30))
    return [(stat, group, draw(values)) for stat, group in draw(st.permutations(kinds))]


def scores_of(rows: list[Row], tnr: float = TNR) -> dict[str, float]:
    stat, group, values = zip(*rows, strict=True)
    return score(stat, group, values, tnr)


def slow_threshold(rows: list[Row], tnr: float) -> float:
    """The definition: try every predicted value from the smallest on, take the first that does."""
    negatives = [value for stat, _, value in rows if stat == 0]
    for threshold in sorted({value for _, _, value in rows}):
        if sum(value <= threshold for value in negatives) / len(negatives) >= tnr:
            return threshold
    raise AssertionError("the largest value leaves all negatives at or below it")


def slow_average_precision(rows: list[Row]) -> float:
    hybrids = sum(stat for stat, _, _ in rows)
    total, recall_before = 0.0, 0.0
    for threshold in sorted({value for _, _, value in rows}, reverse=True):
        above = [stat for stat, _, value in rows if value >= threshold]
        recall = sum(above) / hybrids
        total += (recall - recall_before) * (sum(above) / len(above))
        recall_before = recall
    return total


def slow_scores(rows: list[Row], tnr: float = TNR) -> dict[str, float]:
    """The eight values of the track's README.md: a loop for each, without the program."""
    rows = [(stat, group, float(f"{value:.4f}")) for stat, group, value in rows]
    parts = {name: [row for row in rows if row[1] == name] for name in GROUPS}
    parts["A"] = parts["major"] + parts["minor"]
    recall = {}
    for name in GROUPS:
        species = parts["mimic"] if name == "mimic" else parts["A"]
        threshold = slow_threshold(species, tnr)
        hybrids = [value for stat, _, value in parts[name] if stat == 1]
        recall[name] = sum(value > threshold for value in hybrids) / len(hybrids)
    precision = {name: slow_average_precision(part) for name, part in parts.items()}
    challenge = 0.0 if 0 in recall.values() else 3 / sum(1 / r for r in recall.values())
    return dict(
        zip(
            KEYS,
            [
                challenge,
                recall["major"],
                recall["minor"],
                precision["A"],
                precision["major"],
                precision["minor"],
                recall["mimic"],
                precision["mimic"],
            ],
            strict=True,
        )
    )


def test_a_case_worked_out_by_hand() -> None:
    rows = [(0, "major", 0.1), (0, "major", 0.4), (1, "major", 0.9), (1, "major", 0.4)]
    rows += [(0, "minor", 0.2), (1, "minor", 0.7), (1, "minor", 0.3), (1, "minor", 0.3)]
    rows += [(0, "mimic", 0.5), (0, "mimic", 0.6), (1, "mimic", 0.6), (1, "mimic", 0.8)]
    # Species A keeps 3 of 3 non-hybrids at 0.4, the mimic 2 of 2 at 0.6.
    assert scores_of(rows) == pytest.approx(
        {
            "challenge_score": 3 / (1 / (1 / 2) + 1 / (1 / 3) + 1 / (1 / 2)),
            "A_score_major_recall": 1 / 2,
            "A_score_minor_recall": 1 / 3,
            # from the top: 0.9 hit, 0.7 hit, 0.4 one of two, 0.3 both hit
            "A_PRC_AUC": 1 / 5 + 1 / 5 + 1 / 5 * 3 / 4 + 2 / 5 * 5 / 6,
            "A_PRC_AUC_major": 1 / 2 + 1 / 2 * 2 / 3,
            "A_PRC_AUC_minor": 1.0,
            "mimic_recall": 1 / 2,
            "mimic_PRC_AUC": 1 / 2 + 1 / 2 * 2 / 3,
        },
        abs=1e-15,
    )


def test_the_keys_stand_in_the_leaderboards_order() -> None:
    rows = [(stat, group, 0.5) for group in GROUPS for stat in (0, 1)]
    assert list(scores_of(rows)) == KEYS
    assert all(type(value) is float for value in scores_of(rows).values())


def test_the_official_programs_values() -> None:
    cases = official_cases("hybrid")
    assert len(cases) >= 5
    for case in cases:
        _, stat, group, values = zip(*case["rows"], strict=True)
        ours = score(stat, group, values)
        assert ours.keys() == case["scores"].keys()
        assert ours == pytest.approx(case["scores"], rel=0, abs=1e-12)


@given(tables(), st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]))
def test_equals_the_definition(rows: list[Row], tnr: float) -> None:
    assert scores_of(rows, tnr) == pytest.approx(slow_scores(rows, tnr), rel=0, abs=1e-12)


@given(tables(st.sampled_from([0.0, 0.9999, 1.0])))
def test_equals_the_definition_for_saturated_scores(rows: list[Row]) -> None:
    assert scores_of(rows) == pytest.approx(slow_scores(rows), rel=0, abs=1e-12)


@given(tables(), st.sampled_from([0.0, 0.5, -3.25]))
def test_a_constant_finds_nothing_and_ranks_by_chance(rows: list[Row], constant: float) -> None:
    values = scores_of([(stat, group, constant) for stat, group, _ in rows])
    assert values["challenge_score"] == 0
    for name in GROUPS:
        stats = [stat for stat, group, _ in rows if group == name]
        key = "mimic_PRC_AUC" if name == "mimic" else f"A_PRC_AUC_{name}"
        assert values[key] == pytest.approx(sum(stats) / len(stats), abs=1e-12)


@given(tables())
def test_scores_that_equal_the_truth_are_perfect_and_inverted_ones_find_nothing(
    rows: list[Row],
) -> None:
    right = scores_of([(stat, group, float(stat)) for stat, group, _ in rows])
    wrong = scores_of([(stat, group, 1.0 - stat) for stat, group, _ in rows])
    assert set(right.values()) == {1.0}
    assert wrong["challenge_score"] == 0
    assert wrong == pytest.approx(
        slow_scores([(stat, group, 1.0 - stat) for stat, group, _ in rows]), rel=0, abs=1e-12
    )


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[Row], random: object) -> None:
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert scores_of(shuffled) == scores_of(rows)


@given(
    tables(st.integers(-40, 40).map(float)),
    st.sampled_from([lambda x: 3 * x + 7, lambda x: x**3, math.atan, lambda x: math.exp(x / 10)]),
)
def test_a_strictly_monotone_rescaling_does_not_matter(rows: list[Row], rescale: object) -> None:
    rescaled = [(s, g, rescale(value)) for s, g, value in rows]  # type: ignore[operator]
    # Only where it leaves different scores different after rounding.
    assert len({round(v, 4) for *_, v in rescaled}) == len({v for *_, v in rows})
    assert scores_of(rescaled) == scores_of(rows)


@given(tables(st.sampled_from([n / 8 for n in range(9)])), tables())
def test_the_mimic_and_species_a_do_not_touch_each_other(
    rows: list[Row], others: list[Row]
) -> None:
    mixed = [r for r in rows if r[1] != "mimic"] + [r for r in others if r[1] == "mimic"]
    mixed_scores, a_scores, mimic_scores = scores_of(mixed), scores_of(rows), scores_of(others)
    for key in KEYS[1:]:
        source = mimic_scores if key.startswith("mimic") else a_scores
        assert mixed_scores[key] == source[key]


@given(tables(), st.sampled_from(GROUPS), st.sampled_from([0, 1]))
def test_a_group_with_one_class_is_named(rows: list[Row], name: str, kept: int) -> None:
    one_class = [row for row in rows if row[1] != name or row[0] == kept]
    with pytest.raises(ValueError, match=rf"undefined metric: group '{name}' has"):
        scores_of(one_class)


@given(tables(), st.sampled_from(GROUPS))
def test_an_absent_group_is_named(rows: list[Row], name: str) -> None:
    with pytest.raises(ValueError, match=f"group '{name}' has 0 hybrids and 0 non-hybrids"):
        scores_of([row for row in rows if row[1] != name])


def test_all_undefined_groups_are_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"'major'.*'minor'.*'mimic'"):
        score([1], ["minor"], [0.5])
    with pytest.raises(ValueError, match=r"'major'.*'minor'.*'mimic'"):
        score([], [], [])


@given(tables(), st.sampled_from([math.nan, math.inf, -math.inf]), st.integers(0, 5))
def test_a_score_that_is_not_finite_is_refused(rows: list[Row], bad: float, place: int) -> None:
    rows[place] = (*rows[place][:2], bad)
    with pytest.raises(ValueError, match="1 scores are not finite"):
        scores_of(rows)


@pytest.mark.parametrize(
    ("stat", "group", "values", "message"),
    [
        ([0, 1, 2], ["major"] * 3, [0.1] * 3, "hybrid_stat"),
        (["0", "1"], ["major"] * 2, [0.1] * 2, "hybrid_stat"),
        ([0, 1], ["major", "Minor"], [0.1] * 2, "ssp_indicator"),
        ([0, 1], ["major", "minor"], [0.1], "one length"),
        ([[0, 1]], [["major", "minor"]], [[0.1, 0.2]], "one length"),
    ],
)
def test_columns_of_another_kind_are_refused(
    stat: list[int], group: list[str], values: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(stat, group, values)


@pytest.mark.parametrize("tnr", [0.0, -0.1, 1.01, math.nan])
def test_a_tnr_outside_its_range_is_refused(tnr: float) -> None:
    with pytest.raises(ValueError, match="tnr"):
        score([0, 1], ["major", "minor"], [0.1, 0.2], tnr)


@pytest.mark.parametrize(("negatives", "kept"), [(20, 19), (19, 19), (21, 20), (100, 95), (1, 1)])
def test_the_threshold_keeps_the_smallest_sufficient_number(negatives: int, kept: int) -> None:
    scores = np.arange(negatives + 1) / 1000
    positive = np.arange(negatives + 1) == negatives
    assert threshold_at_tnr(positive, scores, 0.95) == (kept - 1) / 1000


def test_the_threshold_reports_the_share_that_it_keeps() -> None:
    rows = [(0, "major", n / 100) for n in range(19)] + [(0, "minor", 0.9), (1, "minor", 0.95)]
    rows += [(1, "major", 0.5), (0, "mimic", 0.3), (1, "mimic", 0.3)]
    stat, group, values = zip(*rows, strict=True)
    thresholds = evaluate(stat, group, values).thresholds
    assert (thresholds["A"].value, thresholds["A"].tnr) == (0.18, 19 / 20)
    assert (thresholds["mimic"].value, thresholds["mimic"].tnr) == (0.3, 1.0)


@given(
    st.lists(st.tuples(st.booleans(), VALUES), min_size=1).filter(
        lambda rows: any(positive for positive, _ in rows)
    )
)
def test_average_precision_is_scikit_learns(rows: list[tuple[bool, float]]) -> None:
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    expected = average_precision_score(positive, scores)
    assert average_precision(positive, scores) == pytest.approx(expected, rel=0, abs=1e-12)


def test_precision_and_recall_step_once_for_each_distinct_score() -> None:
    positive = np.array([True, False, True, False])
    precision, recall = precision_recall(positive, np.array([0.9, 0.5, 0.5, 0.1]))
    assert precision.tolist() == [1, 2 / 3, 2 / 4]
    assert recall.tolist() == [0.5, 1, 1]


def test_scores_are_compared_after_rounding_to_four_decimals() -> None:
    rows = [(stat, group, float(stat)) for group in GROUPS for stat in (0, 1)]
    rows[1] = (1, "major", 0.00004)
    assert scores_of(rows)["A_score_major_recall"] == 0
    rows[1] = (1, "major", 0.00006)
    assert scores_of(rows)["A_score_major_recall"] == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.00005)
@example(-0.00015)
@example(1e6 + 0.00005)
@example(1.7e308)
def test_rounding_is_that_of_printing_with_four_decimals(value: float) -> None:
    assert round_scores([value])[0] == float(f"{value:.4f}")


@pytest.mark.parametrize(
    ("values", "mean"), [([0, 1, 1], 0), ([0, 0, 0], 0), ([1, 1, 1], 1), ([0.5, 1, 1], 0.75)]
)
def test_the_harmonic_mean_is_zero_as_soon_as_one_value_is(
    values: list[float], mean: float
) -> None:
    assert harmonic_mean(values) == mean
