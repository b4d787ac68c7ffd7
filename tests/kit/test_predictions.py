"""How far predictions may move before they count as others."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import KitError
from kit.regression.predictions import (
    TOLERANCE,
    Change,
    change,
    kind_of,
    parse_predictions,
    read_predictions,
)

SCORES = {f"{number}.jpg": f"{number / 10:.4f}" for number in range(40)}  # 0 to 3.9
LABELS = {f"{number}.jpg": f"family_{number % 3}" for number in range(100)}


def moved(by: float, same_machine: bool) -> Change:
    """One score moved."""
    new = SCORES | {"7.jpg": f"{0.7 + by:.7f}"}
    return change(SCORES, new, "score", same_machine)


def test_the_same_texts_are_identical_in_any_order() -> None:
    found = change(SCORES, dict(reversed(SCORES.items())), "score", True)
    assert found.identical
    assert found.within
    assert (found.largest, found.mean) == (0.0, 0.0)


def test_the_fourth_decimal_may_move_on_any_machine() -> None:
    found = moved(0.0001, same_machine=True)
    assert found.changed == ("7.jpg",)
    assert found.within
    assert found.largest == pytest.approx(0.0001)
    assert found.mean == pytest.approx(0.0001 / 40)
    assert not moved(0.001, same_machine=True).within


def test_another_machine_may_move_two_thousandths_of_the_central_range() -> None:
    # The middle 90 % of 0 to 3.9 are 3.51.
    assert moved(0.0070, same_machine=False).within
    assert not moved(0.0071, same_machine=False).within


def test_an_outlier_does_not_widen_the_tolerance() -> None:
    stored = SCORES | {"outlier.jpg": "1000000.0000"}
    new = stored | {"7.jpg": "0.9000"}
    assert not change(stored, new, "score", False).within


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_the_tolerance_is_never_below_the_fourth_decimal(values: list[float]) -> None:
    rows = {str(number): f"{value:.4f}" for number, value in enumerate(values)}
    assert change(rows, rows, "score", True).allowed >= TOLERANCE


def test_the_changed_images_come_in_the_order_of_their_differences() -> None:
    new = SCORES | {"1.jpg": "0.2000", "2.jpg": "3.0000", "3.jpg": "-1.0000"}
    assert change(SCORES, new, "score", True).changed == ("2.jpg", "3.jpg", "1.jpg")


def test_labels_are_the_same_on_one_machine_and_two_of_a_hundred_may_differ_on_another() -> None:
    new = LABELS | {"1.jpg": "other", "2.jpg": "other"}
    assert not change(LABELS, new, "label", True).within
    assert change(LABELS, new, "label", False).within
    assert not change(LABELS, new | {"3.jpg": "other"}, "label", False).within
    assert change(LABELS, new, "label", True).largest is None


def test_a_part_of_the_images_is_compared_with_its_own_stored_ones() -> None:
    few = {name: SCORES[name] for name in ("3.jpg", "30.jpg")}
    found = change(SCORES, few, "score", True)
    assert found.identical
    assert found.images == 2


def test_images_without_a_stored_prediction_are_named() -> None:
    with pytest.raises(KitError, match=r"lack 1 of 41 images, such as new\.jpg"):
        change(SCORES, SCORES | {"new.jpg": "1"}, "score", True)
    with pytest.raises(KitError, match="expected a finite number") as caught:
        change(SCORES, SCORES | {"1.jpg": "nan", "2.jpg": "x"}, "score", True)
    assert caught.value.problems == ("1.jpg,nan", "2.jpg,x")


def test_what_predictions_are_is_read_from_their_texts() -> None:
    assert kind_of({"a": "1.5", "b": "-2e3"}) == "score"
    assert kind_of({"a": "1.5", "b": "cat"}) == "label"
    assert kind_of({"a": "nan"}) == "label"


def test_predictions_are_read_with_quoted_names(tmp_path: Path) -> None:
    path = tmp_path / "predictions.txt"
    path.write_text('"a, b.jpg",0.5\n\nc.jpg,1\n', encoding="utf-8")
    assert read_predictions(path) == {"a, b.jpg": "0.5", "c.jpg": "1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no row"),
        ("a.jpg\n", "line 1"),
        ("a.jpg,1\na.jpg,2\n", "a.jpg has a prediction already"),
    ],
)
def test_what_is_no_file_of_predictions_is_refused(text: str, problem: str) -> None:
    with pytest.raises(KitError, match="expected one prediction for each image") as caught:
        parse_predictions(text, "x.txt")
    assert problem in str(caught.value)


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="expected a file of predictions, found none"):
        read_predictions(tmp_path / "nothing.txt")
