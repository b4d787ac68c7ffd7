"""Clusters of crops: the k-distance curve and its knee, DBSCAN in PCA space, planes for the eye."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from training.anomaly.exploring.clusters import (
    OUTLIER,
    find_clusters,
    k_distances,
    knee,
    other_eps,
    pca_space,
)
from training.anomaly.exploring.planes import planes, usual_perplexity
from training.common.errors import DataError

TWENTY, FORTY = 20, 40


def groups(dimensions: int = 5) -> np.ndarray:
    """40 points about one place, 20 about another, and two far from all: (62, d)."""
    rng = np.random.default_rng(1)
    far = np.zeros((2, dimensions))
    far[0, 0], far[1, 1] = 30.0, -30.0
    second = rng.normal(size=(FORTY, dimensions)) + 12
    return np.concatenate([rng.normal(size=(TWENTY, dimensions)), far, second])


def test_the_k_distance_counts_the_point_itself_as_dbscan_does() -> None:
    points = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert k_distances(points, 1).tolist() == [0, 0, 0, 0]
    assert k_distances(points, 2).tolist() == [1, 1, 2, 4]
    assert k_distances(points, 3).tolist() == [3, 2, 3, 6]


def test_the_knee_is_where_a_curve_turns_up() -> None:
    flat, steep = np.linspace(1, 2, 90), np.linspace(2, 20, 11)[1:]
    assert knee(np.concatenate([flat, steep])) == pytest.approx(2.0)
    assert knee(np.full(7, 3.0)) == 3.0
    assert knee(np.array([4.0])) == 4.0


def test_the_suggested_eps_finds_the_groups_and_the_two_alone() -> None:
    found = find_clusters(groups(), min_samples=5)
    assert found.eps == found.suggested
    assert found.count == 2
    assert found.outliers[[TWENTY, TWENTY + 1]].all()
    assert found.outliers.sum() <= 4, "hardly any of the groups' own"
    assert set(found.label[TWENTY + 2 :]) <= {0, OUTLIER}, "the larger cluster has number 0"
    assert set(found.label[:TWENTY]) <= {1, OUTLIER}


def test_a_given_eps_is_used_and_the_suggestion_kept() -> None:
    suggested = find_clusters(groups(), min_samples=5).suggested
    found = find_clusters(groups(), min_samples=5, eps=100.0)
    assert (found.eps, found.suggested) == (100.0, suggested)
    assert found.count == 1
    assert not found.outliers.any()
    assert find_clusters(groups(), min_samples=5, eps=1e-6).count == 0


def test_what_another_eps_would_give() -> None:
    points = groups()
    found = find_clusters(points, min_samples=5)
    others = other_eps(points, found)
    assert [other.eps for other in others] == sorted(other.eps for other in others)
    (used,) = [other for other in others if other.eps == found.eps]
    assert (used.clusters, used.outliers) == (found.count, int(found.outliers.sum()))
    assert used.largest == int(np.count_nonzero(found.label == 0))
    for other in others:
        again = find_clusters(points, 5, other.eps)
        assert (other.clusters, other.outliers) == (again.count, int(again.outliers.sum()))


def test_pca_space_forgets_scale_and_constants() -> None:
    points = groups()
    space = pca_space(np.column_stack([points, np.full(len(points), 7.0)]))
    assert space.points.shape == (len(points), 5)
    assert space.kept == pytest.approx(1.0)
    scaled = pca_space(points * [1, 10, 100, 1000, 1e4] + 5)
    np.testing.assert_allclose(scaled.points, space.points, atol=1e-9)
    assert pca_space(np.random.default_rng(0).normal(size=(200, 300))).points.shape == (200, 50)


def test_what_cannot_be_clustered_is_said() -> None:
    with pytest.raises(DataError, match="features of all 9 crops are equal"):
        pca_space(np.ones((9, 4)))
    with pytest.raises(DataError, match=r"--min-samples 63: expected at most .* 62"):
        find_clusters(groups(), min_samples=63)
    with pytest.raises(DataError, match=r"eps of 0: give --eps"):
        find_clusters(np.zeros((9, 2)), min_samples=5)


def test_the_plane_keeps_groups_together_and_is_the_same_every_time() -> None:
    points = groups()
    with threadpool_limits(limits=1):
        first = planes(points, 10, seed=0)["t-SNE"]
        second = planes(points, 10, seed=0)["t-SNE"]
    assert np.array_equal(first, second)
    small, large = first[:TWENTY], first[TWENTY + 2 :]
    apart = np.linalg.norm(small.mean(0) - large.mean(0))
    assert apart > max(small.std(), large.std())


def test_one_component_is_enough_for_a_plane() -> None:
    plane = planes(np.arange(12.0)[:, None], 3, seed=0)["t-SNE"]
    assert plane.shape == (12, 2)
    assert np.isfinite(plane).all()


@pytest.mark.parametrize(("crops", "expected"), [(500, 30), (31, 10), (7, 2), (2, 1)])
def test_few_crops_have_a_smaller_perplexity(crops: int, expected: float) -> None:
    assert usual_perplexity(crops) == expected


def test_a_perplexity_of_too_many_neighbours_is_refused() -> None:
    with pytest.raises(DataError, match=r"--perplexity 62: expected less than .* 62.*for 20\.3"):
        planes(groups(), 62, seed=0)


def test_umap_is_a_second_plane_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class UMAP:
        def __init__(self, **options: object) -> None:
            asked.update(options)

        def fit_transform(self, points: np.ndarray) -> np.ndarray:
            return points[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP, __spec__=object()))
    found = planes(groups(), 10, seed=3)
    assert list(found) == ["t-SNE", "UMAP"]
    np.testing.assert_array_equal(found["UMAP"], groups()[:, :2])
    assert asked == {"n_neighbors": 10, "random_state": 3, "n_jobs": 1}
