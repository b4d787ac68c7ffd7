"""The generator of the anomaly sample data."""

from __future__ import annotations

import json
import platform
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sample_data.anomaly_generator import generated_files, light, scene, species, sprite, tables
from sample_data.anomaly_generator.collection import (
    TESTS,
    PlannedFrame,
    anomalies,
    collection,
)
from sample_data.anomaly_generator.objects import ODD_OBJECTS
from sample_data.anomaly_generator.places import SIZE, place
from sample_data.anomaly_generator.scene import Actor, box_of
from sample_data.anomaly_generator.species import KNOWN, ODD, UNSEEN
from sample_data.generator_common.bundle_folder import GENERATED
from tests.support.anomaly_sample import ANOMALY, path_of
from training.anomaly.camera_traps import read_camera_traps

MAX_BYTES = 8_000_000
STANDING = sprite.Pose(True, 0.1, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def frames() -> list[PlannedFrame]:
    return collection()


def drawn_here() -> bool:
    record = json.loads((ANOMALY / "generated.json").read_text(encoding="utf-8"))
    # The last bit of sine and cosine may differ on another kind of machine.
    return bool(record["versions"] == generated_files.VERSIONS) and platform.machine() == "x86_64"


# The files in git.


def test_tables_in_git_are_those_of_the_generator(frames: list[PlannedFrame]) -> None:
    for task in TESTS:
        own = [one for one in frames if one.task == task]
        for folder, name, columns in (
            ("reference_data", "ref.csv", tables.REFERENCE_COLUMNS),
            ("input_data", "metadata.csv", tables.INPUT_COLUMNS),
        ):
            path = ANOMALY / folder / task / name
            assert tables.frame_table(own, columns) == path.read_bytes()


def test_regenerated_frames_have_equal_bytes_and_boxes(frames: list[PlannedFrame]) -> None:
    if not drawn_here():
        pytest.skip("drawn with other versions, or on another kind of machine")
    documented = {one.file_name: one for one in read_camera_traps(ANOMALY / "train")}
    for one in frames[::60]:
        taken = one.shot()
        assert taken.jpeg == path_of(one).read_bytes(), one.filename
        if one.task == "train":
            boxes = [(b.left, b.top, b.width, b.height) for b in documented[one.filename].boxes]
            assert boxes == list(taken.boxes)


def test_generated_record_counts_the_files_and_the_folder_stays_small() -> None:
    record = json.loads((ANOMALY / "generated.json").read_text(encoding="utf-8"))
    parts = [ANOMALY / part for part in GENERATED if part != "generated.json"]
    files = [path for part in parts for path in (part, *part.rglob("*")) if path.is_file()]
    assert record["files"] == len(files)
    assert record["bytes"] == sum(path.stat().st_size for path in files) <= MAX_BYTES


# The plan.


def test_another_seed_draws_other_frames_in_the_same_numbers(frames: list[PlannedFrame]) -> None:
    other = collection(seed=1)
    assert Counter((one.task, bool(one.anomaly)) for one in other) == Counter(
        (one.task, bool(one.anomaly)) for one in frames
    )
    assert not {one.shot().jpeg for one in other[:3]} & {
        path_of(one).read_bytes() for one in frames
    }


@pytest.mark.parametrize("task", TESTS)
def test_half_of_what_is_dealt_as_an_anomaly_is_an_unseen_species(task: str) -> None:
    dealt = anomalies(task)
    unseen = [name for name in dealt if name in UNSEEN[task]]
    things = [name for name in dealt if name in ODD_OBJECTS[task]]
    assert 0.45 < len(unseen) / len(dealt) < 0.55
    assert 0.15 < len(things) / len(dealt) < 0.25
    assert len(dealt) - len(unseen) - len(things) == sum(map(len, ODD[task].values()))


# Species.


def test_an_individual_is_nearer_to_its_species_than_any_anomaly_is_to_a_known_one() -> None:
    rng = np.random.default_rng(0)
    known = [species.individual(one, rng) for one in KNOWN.values() for _ in range(50)]
    strange = [one for task in TESTS for one in UNSEEN[task].values()]
    for task in TESTS:
        strange += [species.odd(KNOWN[n], c) for c, names in ODD[task].items() for n in names]
    most = max(map(species.species_distance, known))
    assert most < min(species.species_distance(species.individual(one, rng)) for one in strange)


def test_each_species_is_the_nearest_one_to_itself_only() -> None:
    for traits in KNOWN.values():
        assert species.species_distance(traits) == 0
        assert species.species_distance(replace(traits, size=2 * traits.size)) > 1


# Drawing.


def test_a_box_bounds_what_is_solid() -> None:
    visible = np.zeros((10, 20, 1))
    assert box_of(visible) is None
    visible[2:5, 4:11] = 0.9
    visible[5, 4:11] = 0.2  # a blurred edge
    assert box_of(visible) == (4, 2, 7, 3)


def shot(*actors: Actor) -> scene.Shot:
    rng = np.random.default_rng(0)
    steady = replace(light.draw_light(rng, "day"), weather="dry", haze=0.0, blur=1.0)
    return scene.take(place(0, 1, "rocks"), actors, steady, rng)


def actor(name: str, x: float, y: float, step: float = 0.0) -> Actor:
    return Actor(name, KNOWN[name], (x, y), STANDING, step, seed=1)


@pytest.mark.parametrize("name", KNOWN)
def test_an_animal_stands_where_its_foot_is_and_is_larger_when_it_is_near(name: str) -> None:
    (far,), (near,) = shot(actor(name, 160, 100)).boxes, shot(actor(name, 160, 150)).boxes
    for (_, top, _, height), foot in ((far, 100), (near, 150)):
        assert abs(top + height - foot) <= 3
    assert near[3] > 1.15 * far[3]


def test_an_animal_in_front_hides_one_behind() -> None:
    alone = shot(actor("hare", 160, 120)).boxes[0]
    ears = shot(actor("hare", 160, 120), actor("boar", 160, 138)).boxes[0]
    assert ears[3] < alone[3] / 2
    beside = shot(actor("hare", 160, 120), actor("boar", 250, 138)).boxes[0]
    assert beside == alone


def test_an_animal_outside_the_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be seen"):
        shot(actor("hare", -200, 120))


def test_a_blur_at_the_edge_does_not_come_in_on_the_other_side() -> None:
    left, _, width, _ = shot(actor("deer", 20, 140, step=30.0)).boxes[0]
    assert left == 0
    assert width < SIZE[0] / 2


def test_a_place_stays_the_same() -> None:
    first = place(0, 3, "creek").scene
    place.cache_clear()
    assert np.array_equal(first, place(0, 3, "creek").scene)
    assert not np.allclose(first, place(0, 4, "creek").scene)
