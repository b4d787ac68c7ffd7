"""What a submission may answer, in the file and in the messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.ingestion import MEAN_GREY, make_place, model_answering
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.prediction_check import PredictionCheck, format_score

THREE = [InputImage(Path(f"{name}.png"), place) for place, name in enumerate("abc", start=4)]


def texts(result: Any, kind: str | None = "score") -> list[str]:
    return PredictionCheck(kind, total=9).texts(THREE[: len(result)], result)


def refusal(result: Any, kind: str | None = "score", images: list[InputImage] = THREE) -> str:
    with pytest.raises(IngestionError) as caught:
        PredictionCheck(kind, total=9).texts(images, result)
    return str(caught.value)


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.5, "0.5000"),
        (-0.00004, "0.0000"),
        (-0.00006, "-0.0001"),
        (1e-9, "0.0000"),
        (-0.0, "0.0000"),
        (123456.78916, "123456.7892"),
    ],
)
def test_scores_have_four_decimals_and_no_negative_zero(score: float, text: str) -> None:
    assert format_score(score) == text


def test_a_numpy_float64_is_a_python_float() -> None:
    assert texts([np.float64(0.25)]) == ["0.2500"]


def test_a_numpy_array_of_float64_is_a_list_of_answers() -> None:
    assert texts(np.array([0.25, 0.5, 1.0])) == ["0.2500", "0.5000", "1.0000"]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, "found None"),
        (1, "found int 1"),
        (True, "found bool True"),
        ("0.5", "found str '0.5'"),
        (np.float32(0.5), "found numpy.float32 np.float32(0.5)"),
        (np.array([0.1, 0.9]), "found numpy.ndarray of shape (2,)"),
        ([0.5], "found list [0.5]"),
        (float("nan"), "found nan, which is not finite"),
        (float("-inf"), "found -inf, which is not finite"),
    ],
)
def test_what_is_no_score_is_refused_with_what_to_return(answer: Any, found: str) -> None:
    message = refusal([0.5, answer, 0.5])
    assert f"  - b.png (image 5 of 9): {found}" in message
    assert "write `return float(score)`" in message


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, "found None"),
        (0.5, "found float 0.5"),
        ("", "found the empty label ''"),
        ("  ", "found the empty label"),
        ("two\nlines", "found a label with a line break or NUL"),
        ("nul\0", "found a label with a line break or NUL"),
        ("\udcff", "found a label that is not UTF-8"),
        ("x" * 257, "found a label of 257 characters"),
    ],
)
def test_what_is_no_label_is_refused_with_what_to_return(answer: Any, found: str) -> None:
    message = refusal(["fine", answer, "fine"], kind="label")
    assert f"  - b.png (image 5 of 9): {found}" in message
    assert "write `return str(label)`" in message


def test_a_label_of_256_characters_passes() -> None:
    assert texts(["x" * 256], "label") == ["x" * 256]


def test_all_wrong_answers_of_a_batch_are_reported_together() -> None:
    message = refusal([None, 0.5, "x"])
    assert "2 unusable predictions" in message
    assert "a.png" in message
    assert "c.png" in message
    assert "b.png" not in message


def test_without_a_track_the_first_answer_decides() -> None:
    assert texts(["a label"], kind=None) == ["a label"]
    assert texts([0.5], kind=None) == ["0.5000"]


def test_mixing_scores_and_labels_is_refused_in_one_batch_and_over_several() -> None:
    assert "b.png (image 5 of 9): found str 'x'" in refusal([0.5, "x", 0.5], kind=None)
    check = PredictionCheck(None, total=9)
    check.texts(THREE, ["a", "b", "c"])
    with pytest.raises(IngestionError, match=r"found float 0\.5"):
        check.texts(THREE, ["a", 0.5, "c"])


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ([0.5, 0.5], "returned 2 predictions for 3 images (images 4 to 6)"),
        ([0.5] * 4, "returned 4 predictions for 3 images"),
        (np.zeros((3, 2))[:2], "returned 2 predictions for 3 images"),
        (None, "returned None for images 4 to 6; expected a list of 3 predictions"),
        (0.5, "returned float 0.5 for images"),
        ("abc", "returned str 'abc' for images"),
        ({"a": 1, "b": 2, "c": 3}, "returned dict"),
        (np.float64(0.5), "returned numpy.float64"),
        (np.array(0.5), "returned numpy.ndarray"),
        ((x for x in [0.1, 0.2, 0.3]), "returned generator"),
    ],
)
def test_a_batch_with_the_wrong_number_of_answers_is_refused(result: Any, found: str) -> None:
    assert found in refusal(result)


@pytest.mark.parametrize(
    "answer", ["None", "float('nan')", "'0.5'", "__import__('array').array('d', [0.5])"]
)
def test_an_unusable_answer_ends_the_run_with_nothing_written(tmp_path: Path, answer: str) -> None:
    place = make_place(tmp_path, model_answering(f"0.5 if name < 'p003' else {answer}"))
    place.images(5)
    message = place.fail()
    assert "1 unusable prediction" in message
    assert "p003.png (image 3 of 5): found" in message


def test_a_short_batch_ends_the_run_with_nothing_written(tmp_path: Path) -> None:
    place = make_place(tmp_path, MEAN_GREY.replace("return prepared", "return prepared[1:]"))
    place.images(5)
    assert "predict_batch returned 4 predictions for 5 images" in place.fail()


def test_a_float_on_a_label_track_is_refused(tmp_path: Path) -> None:
    place = make_place(tmp_path, metadata="track: reid\n")
    place.images(1)
    assert "found float" in place.fail()
