"""The family track's metrics: by hand, by the definition, under changes without effect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score

from wildlife_scoring.family.metrics import per_family, score
from wildlife_scoring.tracks import TRACKS

KEYS = TRACKS["family"].keys
FAMILIES = ("Accipitridae", "Bufonidae", "Corvidae", "Dytiscidae", "Equidae")
# "Felidae" and "corvidae" are in no reference of these tests.
ANSWERS = (*FAMILIES, "Felidae", "corvidae")
Row = tuple[str, str]

ROWS = st.lists(st.tuples(st.sampled_from(FAMILIES), st.sampled_from(ANSWERS)), min_size=1)


def scores_of(rows: list[Row]) -> dict[str, float]:
    family, predicted = zip(*rows, strict=True)
    return score(family, predicted)


def slow_scores(rows: list[Row]) -> dict[str, float]:
    """The five values of the track's README.md: a loop for each, without the program."""
    families = {family for family, _ in rows}
    right = sum(family == predicted for family, predicted in rows)
    of_reference = sum(predicted in families for _, predicted in rows)
    recall, f1, images = {}, {}, {}
    for name in families:
        images[name] = sum(family == name for family, _ in rows)
        named = sum(predicted == name for _, predicted in rows)
        hits = sum(family == predicted == name for family, predicted in rows)
        recall[name] = hits / images[name]
        f1[name] = 2 * hits / (images[name] + named)
    return {
        "accuracy": right / len(rows),
        "balanced_accuracy": sum(recall.values()) / len(families),
        "f1_micro": 2 * right / (len(rows) + of_reference),
        "f1_macro": sum(f1.values()) / len(families),
        "f1_weighted": sum(f1[name] * images[name] for name in families) / len(rows),
    }


def test_a_case_worked_out_by_hand() -> None:
    rows = [("a", "a"), ("a", "a"), ("a", "b"), ("a", "elsewhere"), ("b", "b"), ("c", "b")]
    # a: 2 of 4 found, 2 named. b: 1 of 1 found, 3 named. c: 0 of 1 found, none named.
    assert scores_of(rows) == pytest.approx(
        {
            "accuracy": 3 / 6,
            "balanced_accuracy": (2 / 4 + 1 + 0) / 3,
            "f1_micro": 2 * 3 / (6 + 5),  # "elsewhere" is a false alarm for no family
            "f1_macro": (4 / 6 + 2 / 4 + 0) / 3,
            "f1_weighted": (4 * 4 / 6 + 1 * 2 / 4 + 0) / 6,
        },
        abs=1e-15,
    )


def test_the_keys_stand_in_the_leaderboards_order() -> None:
    found = scores_of([("a", "b")])
    assert tuple(found) == KEYS
    assert all(type(value) is float for value in found.values())


@given(ROWS)
def test_equals_the_definition(rows: list[Row]) -> None:
    assert scores_of(rows) == pytest.approx(slow_scores(rows), rel=0, abs=1e-12)


@given(ROWS)
def test_the_values_are_scikit_learns_over_the_families_of_the_reference(rows: list[Row]) -> None:
    family, predicted = zip(*rows, strict=True)
    labels = sorted(set(family))
    expected = {
        "accuracy": accuracy_score(family, predicted),
        # balanced_accuracy_score by its definition; the function itself warns of foreign labels.
        "balanced_accuracy": recall_score(family, predicted, labels=labels, average="macro"),
        **{
            f"f1_{average}": f1_score(
                family, predicted, labels=labels, average=average, zero_division=0
            )
            for average in ("micro", "macro", "weighted")
        },
    }
    assert scores_of(rows) == pytest.approx(expected, rel=0, abs=1e-12)


@given(ROWS)
def test_micro_f1_is_the_accuracy_unless_an_answer_is_no_family(rows: list[Row]) -> None:
    families = {family for family, _ in rows}
    found = scores_of(rows)
    assert found["f1_micro"] >= found["accuracy"] - 1e-12
    if {predicted for _, predicted in rows} <= families:
        assert found["f1_micro"] == found["accuracy"]


@given(ROWS)
def test_the_truth_is_perfect_and_a_family_from_elsewhere_scores_nothing(rows: list[Row]) -> None:
    assert set(scores_of([(family, family) for family, _ in rows]).values()) == {1.0}
    assert set(scores_of([(family, "Felidae") for family, _ in rows]).values()) == {0.0}


@given(ROWS)
def test_one_family_for_all_images_has_a_balanced_accuracy_of_chance(rows: list[Row]) -> None:
    families = {family for family, _ in rows}
    found = scores_of([(family, rows[0][0]) for family, _ in rows])
    assert found["balanced_accuracy"] == pytest.approx(1 / len(families), abs=1e-15)


@given(ROWS)
def test_which_foreign_family_is_named_does_not_matter(rows: list[Row]) -> None:
    families = {family for family, _ in rows}
    renamed = [
        (family, predicted if predicted in families else f"other {row % 3}")
        for row, (family, predicted) in enumerate(rows)
    ]
    assert scores_of(renamed) == scores_of(rows)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[Row], random: object) -> None:
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert scores_of(shuffled) == scores_of(rows)


@given(ROWS)
def test_the_names_of_the_families_do_not_matter(rows: list[Row]) -> None:
    other = dict(zip(ANSWERS, reversed(ANSWERS), strict=True))
    assert scores_of([(other[family], other[named]) for family, named in rows]) == scores_of(rows)


@given(ROWS, st.integers(2, 4))
def test_each_image_given_several_times_changes_nothing(rows: list[Row], times: int) -> None:
    assert scores_of(rows * times) == pytest.approx(scores_of(rows), rel=0, abs=1e-12)


@given(ROWS)
def test_naming_one_more_image_right_lowers_nothing(rows: list[Row]) -> None:
    before = scores_of(rows)
    for row, (family, predicted) in enumerate(rows):
        if family != predicted:
            after = scores_of([*rows[:row], (family, family), *rows[row + 1 :]])
            assert all(after[key] >= before[key] - 1e-12 for key in KEYS)
            break


def test_the_counts_of_each_family_stand_next_to_its_rates() -> None:
    found = per_family(["b", "a", "a", "c"], ["b", "a", "b", "x"])
    assert list(found.families) == ["a", "b", "c"]
    assert found.images.tolist() == [2, 1, 1]
    assert found.right.tolist() == [1, 1, 0]
    assert found.named.tolist() == [1, 2, 0]
    assert found.recall.tolist() == [0.5, 1, 0]
    assert found.f1 == pytest.approx([2 / 3, 2 / 3, 0])
    assert found.precision[:2].tolist() == [1, 0.5]
    assert np.isnan(found.precision[2])


@pytest.mark.parametrize(
    ("family", "predicted", "message"),
    [
        ([], [], "at least one row"),
        (["a", "b"], ["a"], "one length"),
        ([["a"]], [["a"]], "one length"),
        (["a", ""], ["a", "b"], "1 rows with an empty family"),
        (["a", "b"], ["a", None], "predicted must hold text only, found None"),
        ([1, 2], ["a", "b"], "family must hold text only, found 1"),
    ],
)
def test_columns_of_another_kind_are_refused(
    family: list[str], predicted: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        score(family, predicted)
