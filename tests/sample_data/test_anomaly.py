"""The anomaly sample: its tables, frames, competition, and how hard it is."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kit.markdown import filled
from sample_data.anomaly_generator import baselines, tables
from sample_data.anomaly_generator.collection import (
    EMPTY,
    FRAMES,
    TESTS,
    PlannedFrame,
    collection,
)
from sample_data.anomaly_generator.species import KNOWN
from tests.support.anomaly_sample import ANOMALY, path_of
from tests.support.reid_sample import Rows, rows
from tests.support.sample_bundle import (
    assert_names_only_what_exists,
    assert_phases_follow_each_other,
    read_competition,
)
from training.anomaly.camera_traps import Frame, read_camera_traps
from wildlife_scoring.anomaly.metrics import score


@pytest.fixture(scope="module")
def train() -> list[Frame]:
    return read_camera_traps(ANOMALY / "train")


@pytest.fixture(scope="module")
def references() -> dict[str, Rows]:
    return {task: rows(ANOMALY / "reference_data" / task / "ref.csv") for task in TESTS}


@pytest.fixture(scope="module")
def frames() -> list[PlannedFrame]:
    return collection()


@pytest.fixture(scope="module")
def competition() -> dict[str, Any]:
    return read_competition("anomaly")


# Train.


def test_train_has_at_least_six_species_at_different_scales(train: list[Frame]) -> None:
    sizes = defaultdict(list)
    for frame in train:
        for box in frame.boxes:
            sizes[box.species].append(max(box.width, box.height))
    assert set(sizes) == set(KNOWN)
    assert len(sizes) >= 6
    assert min(map(len, sizes.values())) >= 30
    medians = [float(np.median(one)) for one in sizes.values()]
    assert max(medians) > 1.7 * min(medians)
    assert all(max(one) > 1.5 * min(one) for one in sizes.values())


def test_train_has_empty_frames_several_animals_and_sequences(train: list[Frame]) -> None:
    counts = Counter(len(frame.boxes) for frame in train)
    assert len(train) == FRAMES["train"][0]
    assert counts[0] >= 0.05 * len(train)
    assert counts[2] + counts[3] >= 0.15 * len(train)
    lengths = Counter(Counter(frame.sequence for frame in train).values())
    assert set(lengths) == {1, 2, 3, 4}


def test_a_sequence_is_of_one_camera_and_shows_the_same_species(train: list[Frame]) -> None:
    shown: dict[str, set[object]] = defaultdict(set)
    for frame in train:
        species = tuple(sorted(box.species for box in frame.boxes))
        shown[frame.sequence].add((frame.location, species))
    assert all(len(one) == 1 for one in shown.values())


def test_empty_frames_are_at_every_camera(frames: list[PlannedFrame]) -> None:
    for task in ("train", *TESTS):
        own = [one for one in frames if one.task == task]
        cameras = {one.location for one in own}
        assert {one.location for one in own if not one.actors} == cameras, task


def test_boxes_lie_in_their_frames_and_none_is_tiny(train: list[Frame]) -> None:
    for frame in train:
        assert (frame.width, frame.height) == (320, 180)
        for box in frame.boxes:
            assert min(box.width, box.height) >= 8, frame.file_name
            assert box.left + box.width <= 320
            assert box.top + box.height <= 180
            assert box.width * box.height < 0.25 * 320 * 180, frame.file_name


def test_a_box_differs_from_the_same_place_of_an_empty_frame(frames: list[PlannedFrame]) -> None:
    """The camera's median frame by day is what stands behind the animals; boxes depart from it."""
    inside, outside = [], []
    own = [one for one in frames if one.camera == 1 and one.light.time == "day"][:24]
    pixels = {one.number: np.asarray(Image.open(path_of(one)).convert("L"), float) for one in own}
    levels = {number: values - np.median(values) for number, values in pixels.items()}
    background = np.median(np.stack(list(levels.values())), axis=0)
    for one in own:
        apart = np.abs(levels[one.number] - background)
        mask = np.zeros(apart.shape, dtype=bool)
        for left, top, width, height in one.shot().boxes:
            mask[top : top + height, left : left + width] = True
        if mask.any():
            inside.append(apart[mask].mean())
            outside.append(apart[~mask].mean())
    assert len(inside) >= 10
    assert np.mean(inside) > 1.5 * np.mean(outside)


# The tasks.


@pytest.mark.parametrize("task", TESTS)
def test_a_task_has_anomalies_of_three_kinds_at_cameras_that_train_never_saw(
    train: list[Frame], references: dict[str, Rows], task: str
) -> None:
    table = references[task]
    assert tuple(table[0]) == tables.REFERENCE_COLUMNS
    normal, strange = FRAMES[task]
    assert Counter(row["anomaly"] for row in table) == {"0": normal, "1": strange}
    assert not {row["location"] for row in table} & {frame.location for frame in train}
    names = {row["species"] for row in table if row["anomaly"] == "1"}
    assert not names & set(KNOWN)
    odd = {name for name in names if name.split(" ")[0] in KNOWN}
    assert len(odd) >= 6
    assert len(names - odd) == 7  # four species and three things
    assert {row["species"] for row in table if row["anomaly"] == "0"} == {*KNOWN, EMPTY}


def test_the_tasks_share_no_camera_no_sequence_and_no_anomaly(
    references: dict[str, Rows],
) -> None:
    first, second = (references[task] for task in TESTS)
    for column in ("location", "sequence", "filename"):
        assert not {row[column] for row in first} & {row[column] for row in second}
    names = [{row["species"] for row in part if row["anomaly"] == "1"} for part in (first, second)]
    assert not names[0] & names[1]


@pytest.mark.parametrize("task", TESTS)
def test_input_has_a_row_each_which_tells_the_camera_only(
    references: dict[str, Rows], task: str
) -> None:
    folder = ANOMALY / "input_data" / task
    described = rows(folder / "metadata.csv")
    assert tuple(described[0]) == tables.INPUT_COLUMNS
    names = [row["filename"] for row in described]
    assert names == [row["filename"] for row in references[task]] == sorted(names)
    assert {path.name for path in folder.iterdir()} == {*names, "metadata.csv"}


def test_no_frame_occurs_twice(frames: list[PlannedFrame]) -> None:
    assert len({one.filename for one in frames}) == len(frames)
    digests = {hashlib.sha256(path_of(one).read_bytes()).digest() for one in frames}
    assert len(digests) == len(frames)


# Nothing but the animals tells.


@pytest.mark.parametrize("task", TESTS)
def test_order_size_light_and_number_of_animals_say_little_about_anomalies(
    frames: list[PlannedFrame], task: str
) -> None:
    own = [one for one in frames if one.task == task]
    anomaly = [int(bool(one.anomaly)) for one in own]
    told: dict[str, list[float]] = {
        "order": [one.number for one in own],
        "size of the file": [path_of(one).stat().st_size for one in own],
        "infra-red": [one.light.infrared for one in own],
        "weather": [one.light.weather != "dry" for one in own],
        "animals": [len(one.actors) for one in own],
        "camera": [one.camera for one in own],
    }
    for what, values in told.items():
        assert abs(score(anomaly, values)["auroc"] - 0.5) < 0.13, what


def test_frames_are_small_and_carry_no_metadata(frames: list[PlannedFrame]) -> None:
    for one in frames[::11]:
        with Image.open(path_of(one)) as image:
            assert (image.format, image.size) == ("JPEG", (320, 180))
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_frames_by_night_are_grey_and_those_by_day_are_not(frames: list[PlannedFrame]) -> None:
    def colourful(one: PlannedFrame) -> float:
        with Image.open(path_of(one)) as image:
            pixels = np.asarray(image, dtype=float)
        return float(np.ptp(pixels, axis=2).mean())

    night = [colourful(one) for one in frames[::5] if one.light.infrared]
    day = [colourful(one) for one in frames[::5] if one.light.time == "day"]
    assert min(len(night), len(day)) > 20
    assert max(night) < 4 < min(day)


# The competition.


def test_competition_names_only_what_exists(competition: dict[str, Any]) -> None:
    assert_names_only_what_exists(ANOMALY, competition)


def test_phases_are_sequential_and_their_dates_are_quoted(competition: dict[str, Any]) -> None:
    assert_phases_follow_each_other(competition)


def test_leaderboard_has_the_keys_that_scoring_writes(
    competition: dict[str, Any], references: dict[str, Rows]
) -> None:
    (board,) = competition["leaderboards"]
    anomaly = [int(row["anomaly"]) for row in references["final"]]
    written = score(anomaly, [0.5] * len(anomaly))
    assert [column["key"] for column in board["columns"]] == list(written)
    assert [column["index"] for column in board["columns"]] == list(range(len(written)))
    assert all(len(column["title"]) <= 36 for column in board["columns"])
    sorting = {column["key"]: column["sorting"] for column in board["columns"]}
    assert [key for key, order in sorting.items() if order == "asc"] == ["fpr_at_95_tpr"]
    assert board["columns"][board["primary_index"]]["key"] == "auroc"


# How hard it is.


def test_raw_pixels_do_badly_and_true_traits_solve_it() -> None:
    for mode in ("grey", "RGB"):
        pixels = baselines.evaluate(ANOMALY, baselines.METHODS[f"whole frames, {mode} pixels"])
        for task in TESTS:
            assert 0.45 < pixels[task]["auroc"] < 0.65
    truth = baselines.evaluate(ANOMALY, baselines.METHODS["true traits"])
    assert min(truth[task]["auroc"] for task in TESTS) >= 0.99


@pytest.mark.slow
def test_readme_baselines_are_those_of_the_images() -> None:
    text = (ANOMALY / "README.md").read_text(encoding="utf-8")
    assert filled(text, "baselines", baselines.baseline_table(ANOMALY)) == text


def test_readme_counts_are_those_of_the_tables() -> None:
    text = (ANOMALY / "README.md").read_text(encoding="utf-8")
    assert filled(text, "counts", baselines.counts_table()) == text
    assert filled(text, "species", baselines.species_table()) == text
