"""The detector's false alarms in the training frames, as one more known class."""

from __future__ import annotations

import numpy as np
import pytest

from training.anomaly.camera_traps import Box, Frame
from training.anomaly.species.background import (
    BACKGROUND,
    MOST,
    overlap,
    with_background,
    without_scarce_background,
)
from training.anomaly.species.features import FEWEST, Animals
from wildlife_anomaly.detector import Detection


def animals(counts: dict[str, int], seed: int = 0) -> Animals:
    random = np.random.default_rng(seed)
    species = np.array([name for name, count in counts.items() for _ in range(count)], np.str_)
    features = {kind: random.normal(size=(len(species), 6)) for kind in ("encoded", "colour")}
    sequence = np.array([f"s{at % 5}" for at in range(len(species))], np.str_)
    return Animals(features, species, sequence, np.arange(len(species)))


def test_only_boxes_away_from_every_animal_are_false_alarms() -> None:
    frame = Frame("a.jpg", 100, 60, "camera", "s", (Box("fox", 10, 10, 20, 20),))
    found = [
        Detection(12, 10, 20, 20, 0.9, "animal"),  # the fox
        Detection(10, 10, 20, 5, 0.8, "animal"),  # a quarter of it: no animal of its own
        Detection(60, 20, 10, 10, 0.3, "animal"),
    ]
    (made,) = with_background([frame], [found])
    assert made.boxes == (
        *frame.boxes,
        Box(BACKGROUND, 10, 10, 20, 5),
        Box(BACKGROUND, 60, 20, 10, 10),
    )
    assert with_background([frame], [[]]) == [frame]
    many = [Detection(30, at, 5, 5, 0.9 - 0.01 * at, "animal") for at in range(0, 40)]
    (made,) = with_background([frame], [many])
    assert [box.top for box in made.boxes[1:]] == list(range(MOST)), "the surest"


def test_overlap_by_hand() -> None:
    first = Box("fox", 0, 0, 10, 10)
    assert overlap(first, Box("fox", 5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap(first, Box("fox", 10, 10, 5, 5)) == 0
    assert overlap(first, first) == 1


def test_the_background_is_left_out_where_a_light_has_too_little_of_it() -> None:
    many, few = {"fox": 9, "hare": 9, BACKGROUND: FEWEST}, {"fox": 9, "hare": 9, BACKGROUND: 2}
    day, night = without_scarce_background(animals(many), animals(many, 1))
    assert BACKGROUND in day.species
    assert BACKGROUND in night.species
    day, night = without_scarce_background(animals(few), animals(many))
    assert set(day.species) == set(night.species) == {"fox", "hare"}
    day, night = without_scarce_background(animals({}), animals(many))  # night frames only
    assert BACKGROUND in night.species
