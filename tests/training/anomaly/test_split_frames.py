"""Holding out locations or sequences, and the report of the class balance."""

from __future__ import annotations

import random

import pytest

from training.anomaly.camera_traps import Box, Frame
from training.anomaly.class_balance import balance_lines, balance_rows
from training.anomaly.split_frames import GROUPS, group_of, split_frames
from training.common.errors import DataError


def frames(locations: int = 6, sequences: int = 5, length: int = 3) -> list[Frame]:
    """Frames of two species, and of a third one that two locations have; sequences share names."""
    made = []
    for location in range(locations):
        for sequence in range(sequences):
            for at in range(length):
                species = ["fox", "hare", "owl" if location in (1, 4) else "fox"][sequence % 3]
                boxes = (Box(species, 0, 0, 5, 5),) if at else ()
                name = f"{location}_{sequence}_{at}.jpg"
                made.append(Frame(name, 9, 9, f"place {location}", f"s{sequence}", boxes))
    return made


@pytest.mark.parametrize("by", GROUPS)
def test_no_group_is_in_both_parts_and_no_frame_is_lost(by: str) -> None:
    given = frames()
    training, validation = split_frames(given, by, 0.2, seed=0)
    assert {group_of(one, by) for one in training} & {
        group_of(one, by) for one in validation
    } == set()
    assert sorted([*training, *validation], key=given.index) == given
    assert len(validation) / len(given) == pytest.approx(0.2, abs=0.15)


def test_each_part_has_every_species_where_that_can_be() -> None:
    for seed in range(5):
        for part in split_frames(frames(), "location", 0.3, seed):
            assert {box.species for one in part for box in one.boxes} == {"fox", "hare", "owl"}


def test_the_split_does_not_depend_on_the_order_of_the_frames() -> None:
    given = frames()
    mixed = random.Random(3).sample(given, len(given))
    first, second = (split_frames(some, "sequence", 0.2, 1) for some in (given, mixed))
    for one, other in zip(first, second, strict=True):
        assert {frame.file_name for frame in one} == {frame.file_name for frame in other}


def test_another_seed_gives_another_split() -> None:
    splits = {
        tuple(frame.file_name for frame in split_frames(frames(), "sequence", 0.2, seed)[1])
        for seed in range(4)
    }
    assert len(splits) > 1


def test_one_location_and_a_wrong_share_are_refused_at_once() -> None:
    with pytest.raises(DataError) as caught:
        split_frames(frames(locations=1), "location", 1.0, 0)
    said = str(caught.value)
    assert "share: expected more than 0 and less than 1, found 1.0" in said
    assert "expected frames of at least two locations, found one; split by sequence instead" in said


def test_the_balance_counts_boxes_frames_and_empty_frames() -> None:
    several = Frame("x", 9, 9, "", "", (Box("fox", 0, 0, 1, 1), Box("fox", 2, 2, 1, 1)))
    empty = Frame("y", 9, 9, "", "", ())
    hare = Frame("z", 9, 9, "", "", (Box("hare", 0, 0, 1, 1),))
    rows = balance_rows({"train": [several, empty, hare], "val": [empty]})
    assert [tuple(row.values()) for row in rows] == [
        ("fox", "train", "2", "1", "0.667"),
        ("hare", "train", "1", "1", "0.333"),
        ("(empty frames)", "train", "0", "1", "0.333"),
        ("fox", "val", "0", "0", "0.000"),
        ("hare", "val", "0", "0", "0.000"),
        ("(empty frames)", "val", "0", "1", "1.000"),
    ]


def test_what_is_lacking_or_uneven_is_said() -> None:
    fox = Frame("x", 9, 9, "", "", (Box("fox", 0, 0, 1, 1),) * 11)
    hare = Frame("z", 9, 9, "", "", (Box("hare", 0, 0, 1, 1),))
    lines = balance_lines({"train": [fox, hare], "val": [fox]})
    assert "note: train has 11 boxes of fox and 1 of hare: weight them" in lines
    assert "note: val has no box of hare" in lines
