"""The nearest gallery rows: the definition in float64, hand cases, bad input, and faiss."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))

import similarity
from similarity import nearest

FINITE = st.floats(-100, 100, width=32)


def slow(queries: Any, gallery: Any, k: int, metric: str) -> list[list[tuple[int, float]]]:
    """The definition, one pair at a time in float64: best first, then the smaller row."""
    found = []
    for query in np.asarray(queries, dtype=np.float64):
        scores = []
        for row, other in enumerate(np.asarray(gallery, dtype=np.float64)):
            norm = np.sqrt(query @ query) * np.sqrt(other @ other)
            value = query @ other
            if metric == "cosine":
                value = value / norm if norm > 0 else 0.0
            scores.append((row, float(value)))
        found.append(sorted(scores, key=lambda item: (-item[1], item[0]))[:k])
    return found


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("block", [1, 1000, 2**26])
def test_it_is_the_definition_whatever_the_block(
    metric: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similarity, "BLOCK_BYTES", block)
    drawn = np.random.default_rng(1)
    queries, gallery = drawn.normal(size=(37, 12)), drawn.normal(size=(53, 12))
    found = nearest(queries, gallery, 7, metric)
    expected = slow(queries, gallery, 7, metric)
    assert found.index.tolist() == [[row for row, _ in rows] for rows in expected]
    assert found.score == pytest.approx(np.array([[s for _, s in rows] for rows in expected]), 1e-5)
    assert found.score.dtype == np.float32
    assert found.how == "blocks"


@given(
    arrays(np.float32, (5, 3), elements=FINITE),
    arrays(np.float32, (9, 3), elements=FINITE),
    st.integers(1, 12),
)
def test_the_scores_are_right_and_belong_to_their_rows(queries: Any, gallery: Any, k: int) -> None:
    found = nearest(queries, gallery, k, "dot")
    expected = slow(queries, gallery, k, "dot")
    assert found.index.shape == (5, min(k, 9))
    best = np.array([[score for _, score in rows] for rows in expected])
    assert found.score == pytest.approx(best, rel=1e-4, abs=0.05)
    of_rows = np.take_along_axis(queries @ gallery.T, found.index, axis=1)
    assert found.score == pytest.approx(of_rows, rel=1e-4, abs=0.05)
    assert all(len(set(row)) == len(row) for row in found.index.tolist())


def test_of_equal_rows_the_first_comes_first() -> None:
    found = nearest([[1.0, 0.0]], [[0.0, 1.0], [2.0, 0.0], [1.0, 0.0], [3.0, 0.0]], 4)
    assert found.index.tolist() == [[1, 2, 3, 0]]
    assert found.score.tolist() == [[1.0, 1.0, 1.0, 0.0]]


def test_a_row_of_zeros_is_like_nothing() -> None:
    found = nearest([[0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], 2)
    assert found.score.tolist() == [[0.0, 0.0]]
    assert nearest([[1.0, 0.0]], [[0.0, 0.0], [-1.0, 0.0]], 1).index.tolist() == [[0]]


def test_no_queries_find_nothing() -> None:
    found = nearest(np.zeros((0, 4)), np.ones((3, 4)), 2)
    assert found.index.shape == found.score.shape == (0, 2)


@pytest.mark.parametrize("metric", ["cosine", "dot"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_rows_that_are_not_finite_are_named(metric: str, bad: float) -> None:
    gallery = np.ones((5, 2))
    gallery[3, 1] = bad
    with pytest.raises(ValueError, match=r"1 of 5 gallery rows hold NaN, inf or huge.*row 3"):
        nearest(np.ones((2, 2)), gallery, 1, metric)
    with pytest.raises(ValueError, match="1 of 5 queries rows"):
        nearest(gallery, np.ones((2, 2)), 1, metric)


@pytest.mark.parametrize(
    ("queries", "gallery", "k", "metric", "message"),
    [
        ([[1.0]], np.zeros((0, 1)), 1, "dot", "gallery is empty"),
        ([[1.0]], [[1.0, 2.0]], 1, "dot", "queries have 1 columns, the gallery 2"),
        ([1.0], [[1.0]], 1, "dot", "queries must have two axes"),
        ([[1.0]], [[1.0]], 0, "dot", "k must be at least 1, found 0"),
        ([[1.0]], [[1.0]], 1, "euclidean", "one of cosine, dot, found 'euclidean'"),
    ],
)
def test_other_input_is_refused(
    queries: Any, gallery: Any, k: int, metric: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        nearest(queries, gallery, k, metric)


def test_blocks_stay_within_their_bytes() -> None:
    for rows in (1, 13_074, 10**6, 10**9):
        size = similarity.rows_in_block(rows)
        assert size >= 1
        assert size == 1 or size * rows * 4 <= similarity.BLOCK_BYTES


class FlatIndex:
    """What faiss.IndexFlatIP does, for the two methods that are used."""

    def __init__(self, columns: int) -> None:
        self.columns = columns

    def add(self, rows: Any) -> None:
        assert rows.dtype == np.float32
        assert rows.flags.c_contiguous
        self.rows = rows

    def search(self, queries: Any, k: int) -> tuple[Any, Any]:
        products = queries @ self.rows.T
        place = np.argsort(-products, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(products, place, axis=1), place


def test_a_large_gallery_is_faisss_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = np.random.default_rng(2)
    queries, gallery = drawn.normal(size=(4, 6)), drawn.normal(size=(30, 6))
    plain = nearest(queries, gallery, 5)
    monkeypatch.setattr(similarity, "FAISS_FROM", 29)
    monkeypatch.setattr(similarity.importlib.util, "find_spec", lambda name: None)
    without = nearest(queries, gallery, 5)
    assert "faiss would be quicker; it is not installed" in without.how
    monkeypatch.setattr(similarity.importlib.util, "find_spec", lambda name: name == "faiss")
    monkeypatch.setitem(sys.modules, "faiss", SimpleNamespace(IndexFlatIP=FlatIndex))  # type: ignore[arg-type]
    by_faiss = nearest(queries, gallery, 5)
    assert by_faiss.how == "faiss"
    for found in (without, by_faiss):
        assert found.index.tolist() == plain.index.tolist()
        assert found.score == pytest.approx(plain.score, rel=1e-5)
