"""open_set.py of the reid submissions: who wins, and what is new."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildlife_reid.open_set import (
    NEW,
    Gallery,
    best_individuals,
    check_thresholds,
    decide,
    gallery_bytes,
    read_gallery,
)

ROOT = Path(__file__).resolve().parents[2]


GALLERY = Gallery(np.array(["ada", "bo", "bo", "cy"]), np.array(["cat", "cat", "cat", "newt"]))
THRESHOLDS = {"cat": 0.5, "newt": 0.8}


def verdict(scores: list[float], dataset: str | None = None) -> str:
    return decide(np.array(scores, dtype=float), GALLERY, THRESHOLDS, dataset)


def test_the_best_of_the_querys_dataset_wins_if_it_reaches_its_threshold() -> None:
    assert verdict([0.2, 0.6, 0.1, 0.9], "cat") == "bo"
    assert verdict([0.2, 0.5, 0.1, 0.9], "cat") == "bo"
    assert verdict([0.2, 0.49, 0.1, 0.9], "cat") == NEW
    assert verdict([0.9, 0.9, 0.9, 0.79], "newt") == NEW


@pytest.mark.parametrize("dataset", [None, "", "toad"])
def test_without_a_known_dataset_all_rows_compete(dataset: str | None) -> None:
    assert verdict([0.2, 0.6, 0.1, 0.9], dataset) == "cy"
    # The winner's own threshold counts, though `bo` would have passed that of its dataset.
    assert verdict([0.2, 0.7, 0.1, 0.75], dataset) == NEW


def test_the_first_row_wins_a_tie() -> None:
    assert verdict([0.7, 0.7, 0.7, 0.0], "cat") == "ada"


def test_what_is_not_finite_never_wins() -> None:
    assert verdict([math.nan, 0.6, math.inf, 0.0], "cat") == "bo"
    assert verdict([math.nan, math.nan, math.inf, 0.9], "cat") == NEW
    assert verdict([-math.inf] * 4) == NEW


def test_an_empty_gallery_knows_nobody() -> None:
    empty = Gallery(np.array([], dtype=str), np.array([], dtype=str))
    assert decide(np.array([]), empty, {}, "cat") == NEW
    assert best_individuals(np.array([]), empty, None) == []


def test_a_wrong_number_of_scores_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected 4 scores"):
        verdict([0.1, 0.2])


def test_a_dataset_without_threshold_is_found_at_loading() -> None:
    check_thresholds(GALLERY, THRESHOLDS)
    with pytest.raises(ValueError, match="newt"):
        check_thresholds(GALLERY, {"cat": 0.5})
    with pytest.raises(ValueError, match="nan"):
        check_thresholds(GALLERY, {"cat": 0.5, "newt": math.nan})


def test_candidates_are_listed_once_best_first() -> None:
    scores = np.array([0.1, 0.3, 0.4, 0.9])
    assert best_individuals(scores, GALLERY, "cat") == [("bo", 0.4), ("ada", 0.1)]
    assert best_individuals(scores, GALLERY, None)[0] == ("cy", 0.9)
    assert best_individuals(np.full(4, np.nan), GALLERY, None) == []


numbers = st.floats(-1, 1) | st.sampled_from([math.nan, math.inf, -math.inf])


@given(st.lists(numbers, min_size=4, max_size=4), st.sampled_from(["cat", "newt", None, "toad"]))
def test_the_decision_is_the_plainly_written_one(scores: list[float], dataset: str | None) -> None:
    rows = [r for r in range(4) if GALLERY.dataset[r] == dataset] or list(range(4))
    best = None
    for row in rows:
        if math.isfinite(scores[row]) and (best is None or scores[row] > scores[best]):
            best = row
    known = best is not None and scores[best] >= THRESHOLDS[str(GALLERY.dataset[best])]
    assert verdict(scores, dataset) == (str(GALLERY.identity[best]) if known else NEW)


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.floats(-2, 2), st.floats(0, 1))
def test_a_higher_threshold_only_turns_known_into_new(
    scores: list[float], low: float, more: float
) -> None:
    at = [decide(np.array(scores), GALLERY, {"cat": t, "newt": t}, None) for t in (low, low + more)]
    assert at[0] == at[1] or at[1] == NEW


def test_a_gallery_is_read_as_it_was_written(tmp_path: Path) -> None:
    content = gallery_bytes(GALLERY, {"centroids": np.eye(4, dtype=np.float32)})
    assert content == gallery_bytes(GALLERY, {"centroids": np.eye(4, dtype=np.float32)})
    (tmp_path / "g.npz").write_bytes(content)
    gallery, arrays = read_gallery(tmp_path / "g.npz")
    assert gallery.identity.tolist() == GALLERY.identity.tolist()
    assert gallery.dataset.tolist() == GALLERY.dataset.tolist()
    assert np.array_equal(arrays["centroids"], np.eye(4))


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "g.npz", centroids=np.eye(2))
    with pytest.raises(ValueError, match="identity"):
        read_gallery(tmp_path / "g.npz")
