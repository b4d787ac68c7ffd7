"""Leaving species out in turn: who judges whom, and which settings win."""

from __future__ import annotations

import numpy as np
import pytest

from training.anomaly.camera_traps import Box, Frame
from training.anomaly.species.choose import choose, table_rows
from training.anomaly.species.features import Animals, check_species
from training.anomaly.species.fit import Setting
from training.anomaly.species.fitted import fit_species
from training.anomaly.species.validation import folds_of, out_of_fold, rounds
from training.common.errors import DataError
from wildlife_anomaly.anomaly_model import COLOUR, ENCODED
from wildlife_anomaly.scores import NEIGHBOURS, SVM

NAMES = ("crane", "fox", "hare")


def animals(apart: float, seed: int = 0, each: int = 24) -> Animals:
    rng = np.random.default_rng(seed)
    species = np.repeat(NAMES, each)
    centres = np.repeat(np.eye(3, 12) * apart, each, axis=0)
    features = {
        ENCODED: centres + rng.normal(size=(3 * each, 12)),
        COLOUR: rng.random((3 * each, 5)),
    }
    numbers = np.arange(3 * each)
    sequence = np.array([f"s{number // 3}" for number in numbers])
    return Animals(features, species, sequence, numbers)


def test_sequences_stay_whole_and_every_fold_has_some() -> None:
    sequences = np.array([f"s{number // 3}" for number in range(60)])
    folds = folds_of(sequences)
    assert all(len(set(folds[sequences == name])) == 1 for name in set(sequences))
    assert set(folds) == {0, 1, 2, 3}


def test_every_crop_is_judged_once_by_others() -> None:
    given = animals(apart=6.0)
    scores = out_of_fold(given, [Setting(ENCODED, NEIGHBOURS)])
    assert np.isfinite(scores).all()
    # A crop among the fitted ones would have itself as the nearest: the anomaly -1.
    assert scores.min() > -1 + 1e-6


def test_a_left_out_species_that_lies_apart_is_found_and_noise_is_not() -> None:
    far = rounds(animals(apart=12.0), [Setting(ENCODED, SVM, 0.1, 2.0), Setting(COLOUR, SVM)])
    assert [one.left_out for one in far] == list(NAMES)
    found = choose(animals(apart=12.0), mixed=False)
    assert found.best.crops > 0.9
    by_title = {row.title: row for row in found.rows}
    assert by_title["svm on colour, nu 0.1, gamma 2"].crops < 0.7


def test_the_table_has_all_measures_and_one_chosen_row() -> None:
    found = choose(animals(apart=4.0), mixed=True)
    cells = table_rows(found)
    titles = [row[0] for row in cells]
    assert any(title.startswith("relative mahalanobis on encoded") for title in titles)
    assert any(title.startswith("neighbours on encoded") for title in titles)
    assert [row[4] for row in cells].count("chosen") == 1


def test_a_fitted_score_is_low_for_known_animals_and_rises_with_distance() -> None:
    fitted = fit_species(animals(apart=6.0), animals(apart=6.0, seed=1), mixed=True)
    assert fitted.config["names"] == list(NAMES)
    assert 0 < fitted.no_detection < 0.5
    assert fitted.config["day"]["slope"] > 0


def frames_of(counts: dict[str, tuple[int, int]]) -> list[Frame]:
    """Frames with one box each: species -> (boxes, sequences)."""
    return [
        Frame(f"{name}{n}.jpg", 64, 64, "c", f"{name}{n % sequences}", (Box(name, 1, 1, 9, 9),))
        for name, (boxes, sequences) in counts.items()
        for n in range(boxes)
    ]


def test_species_that_cannot_be_learned_are_all_named() -> None:
    with pytest.raises(DataError) as caught:
        check_species(frames_of({"fox": (2, 2), "hare": (20, 1), "crane": (20, 4)}))
    message = str(caught.value)
    assert "fox: expected at least 8 boxes in 2 sequences, found 2 in 2" in message
    assert "hare: expected at least 8 boxes in 2 sequences, found 20 in 1" in message
    assert "crane" not in message


def test_one_species_alone_is_refused() -> None:
    with pytest.raises(DataError, match="at least 2 species, found fox"):
        check_species(frames_of({"fox": (20, 4)}))
