"""Measures of agreement with known species, their fusion, and the rules for a frame."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wildlife_anomaly.anomaly_model import frame_score
from wildlife_anomaly.colour import FEATURES, colour_histograms
from wildlife_anomaly.detector import Detection
from wildlife_anomaly.scores import (
    MAHALANOBIS,
    NEIGHBOURS,
    SVM,
    Array,
    Known,
    Part,
    Space,
    agreement,
    calibrated,
    fused,
    log_odds,
    weighed,
)


class Constant:
    def __init__(self, value: float) -> None:
        self.value = value

    def decision_function(self, vectors: Array) -> Array:
        return np.full(len(vectors), self.value)


def two_species(rng: np.random.Generator) -> Known:
    first = rng.normal((5, 0, 0), 0.3, (30, 3))
    second = rng.normal((0, 5, 0), 0.3, (30, 3))
    vectors = np.concatenate([first, second])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Known(vectors, np.repeat([0, 1], 30))


@pytest.mark.parametrize("measure", [NEIGHBOURS, MAHALANOBIS])
def test_a_direction_of_no_species_agrees_least(measure: str) -> None:
    known = two_species(np.random.default_rng(0))
    given = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    found = agreement(measure, known, [])(given)
    assert found.shape == (3, 2)
    assert found[0].argmax() == 0
    assert found[1].argmax() == 1
    assert found[2].max() < min(found[0].max(), found[1].max())


def test_neighbours_by_hand() -> None:
    known = Known(np.array([[1.0, 0], [0, 1.0], [0.6, 0.8]]), np.array([0, 1, 1]))
    found = agreement(NEIGHBOURS, known, [])(np.array([[1.0, 0]]))
    np.testing.assert_allclose(found, [[1.0, 0.3]])


def test_an_svm_of_each_species_gives_a_column() -> None:
    known = two_species(np.random.default_rng(1))
    found = agreement(SVM, known, [Constant(0.5), Constant(-2.0)])(np.zeros((4, 3)))
    np.testing.assert_array_equal(found, np.tile([0.5, -2.0], (4, 1)))


def test_an_unknown_measure_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no measure 'distance'; there are svm, neighbours"):
        agreement("distance", two_species(np.random.default_rng(0)), [])


def test_a_space_gives_vectors_of_length_one() -> None:
    rng = np.random.default_rng(2)
    space = Space(rng.normal(size=6), np.full(6, 2.0), rng.normal(size=(6, 3)))
    lengths = np.linalg.norm(space(rng.normal(size=(5, 6))), axis=1)
    np.testing.assert_allclose(lengths, 1)
    assert np.isfinite(space(space.mean[None])).all()


def test_parts_count_the_same_on_the_scale_of_known_animals() -> None:
    parts = [Part("encoded", SVM, 1.0, 2.0), Part("colour", SVM, -3.0, 0.5)]
    found = fused(parts, {"svm on encoded": np.array([[-5.0, -9.0]]),
                          "svm on colour": np.array([[2.0, 2.5]])})  # fmt: skip
    np.testing.assert_allclose(found, [((5 - 1) / 2 + (-2.5 + 3) / 0.5) / 2])


def test_the_score_is_a_probability_that_rises_with_the_evidence() -> None:
    evidence = np.array([-1e9, -1.0, 0.0, 1.0, 1e9])
    scores = calibrated(evidence, -1.0, 2.0)
    assert (np.diff(scores) > 0).all()
    assert scores[0] >= 0
    assert scores[-1] <= 1
    assert calibrated(np.array([0.5]), -1.0, 2.0) == pytest.approx(0.5)


def test_log_odds_by_hand_and_at_the_ends() -> None:
    assert log_odds(0.5) == 0
    assert log_odds(0.9) == pytest.approx(np.log(9))
    assert [log_odds(one) for one in (0.0, 1e-300, 1.0)] == [-30, -30, 30]


def detection(label: str, score: float) -> Detection:
    return Detection(0, 0, 10, 10, score, label)


def test_the_most_anomalous_of_several_animals_counts() -> None:
    found = [detection("animal", 0.9), detection("animal", 0.4)]
    assert frame_score(np.array([0.2, 0.7]), found, {"animal", "fox"}) == 0.7


def test_a_label_that_no_species_has_is_an_anomaly_as_sure_as_the_detector() -> None:
    known = {"animal", "fox"}
    assert frame_score(np.array([0.2]), [detection("fox", 0.9)], known) == 0.2
    assert frame_score(np.array([0.2]), [detection("person", 0.9)], known) == 0.9
    assert frame_score(np.array([0.95]), [detection("person", 0.9)], known) == 0.95


def crop(colour: tuple[int, int, int], window: NDArray[np.uint8]) -> NDArray[np.uint8]:
    made = np.zeros((1, 8, 8, 4), dtype=np.uint8)
    made[..., :3] = colour
    made[..., 3] = window
    return made


def test_colours_outside_the_window_do_not_count() -> None:
    window = np.zeros((8, 8), dtype=np.uint8)
    window[2:6, 2:6] = 255
    one, other = crop((200, 30, 30), window), crop((200, 30, 30), window)
    other[:, :2, :, :3] = (0, 255, 0)
    np.testing.assert_array_equal(colour_histograms(one), colour_histograms(other))
    red, blue = colour_histograms(one), colour_histograms(crop((30, 30, 200), window))
    assert red.shape == (1, FEATURES)
    assert (red**2).sum() == pytest.approx(1)
    assert float((red * blue).sum()) == 0
    assert colour_histograms(one[:0]).shape == (0, FEATURES)


def test_evidence_counts_in_proportion_to_confidence() -> None:
    evidence, confidence = np.array([3.0, 3.0, 3.0, -8.0]), np.array([1.0, 0.5, 0.0, 0.7])
    np.testing.assert_allclose(weighed(evidence, confidence), [3, 1, -1, -1])
    assert weighed(np.zeros(0), np.zeros(0)).shape == (0,)
