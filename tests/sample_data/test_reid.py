"""The re-identification sample: its tables, images, competition, and how hard it is."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from kit.markdown import filled
from sample_data.reid_generator import tables
from sample_data.reid_generator.collection import DATASETS, TESTS, PlannedImage, collection
from tests.support.reid_sample import REID, Rows, landmark_points, path_of, rows
from tests.support.sample_bundle import (
    assert_names_only_what_exists,
    assert_phases_follow_each_other,
    read_competition,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def train() -> Rows:
    return rows(REID / "train" / "metadata.csv")


@pytest.fixture(scope="module")
def references() -> dict[str, Rows]:
    return {task: rows(REID / "reference_data" / task / "ref.csv") for task in TESTS}


@pytest.fixture(scope="module")
def images() -> list[PlannedImage]:
    return collection()


@pytest.fixture(scope="module")
def landmarks() -> dict[str, NDArray[np.float64]]:
    return landmark_points()


@pytest.fixture(scope="module")
def competition() -> dict[str, Any]:
    return read_competition("reid")


# The tables.


def test_the_database_has_the_columns_of_animalclef(train: Rows) -> None:
    assert tuple(train[0]) == tables.DATABASE_COLUMNS
    assert len(train) == 750
    assert {row["split"] for row in train} == {"database"}
    assert {row["dataset"] for row in train} == {"cat", "salamander", "turtle"}
    assert all(row["identity"].startswith(f"{row['dataset']}_") for row in train)
    assert len({row["image_id"] for row in train}) == len(train)


def test_individuals_have_1_to_40_images_and_many_have_one(train: Rows) -> None:
    for dataset in DATASETS:
        counts = Counter(row["identity"] for row in train if row["dataset"] == dataset)
        assert max(counts.values()) == 40
        assert sum(count == 1 for count in counts.values()) >= 10


@pytest.mark.parametrize("task", TESTS)
def test_each_dataset_asks_for_known_and_for_new_individuals(
    train: Rows, references: dict[str, Rows], task: str
) -> None:
    assert tuple(references[task][0]) == tables.REFERENCE_COLUMNS
    known = {row["identity"] for row in train}
    for row in references[task]:
        assert (row["identity"] in known) == (row["new_identity"] == "false")
    counts = Counter((row["dataset"], row["new_identity"]) for row in references[task])
    assert set(counts) == {(name, new) for name in DATASETS for new in ("true", "false")}
    assert min(counts.values()) >= 24


def test_new_individuals_of_the_tasks_are_not_the_same(references: dict[str, Rows]) -> None:
    first, second = (
        {row["identity"] for row in references[task] if row["new_identity"] == "true"}
        for task in TESTS
    )
    assert not first & second
    assert min(len(first), len(second)) >= 3 * 12


def test_a_known_individual_is_asked_for_from_a_side_that_the_database_shows(
    images: list[PlannedImage],
) -> None:
    shown = {(one.identity, one.side) for one in images if one.task == "train"}
    asked = {(one.identity, one.side) for one in images if one.task in TESTS and not one.new}
    assert asked <= shown


@pytest.mark.parametrize("task", TESTS)
def test_queries_have_a_row_each_and_it_tells_no_identity(
    references: dict[str, Rows], task: str
) -> None:
    folder = REID / "input_data" / task
    described = rows(folder / "metadata.csv")
    assert tuple(described[0]) == tables.QUERY_COLUMNS
    names = [row["filename"] for row in described]
    assert names == [row["filename"] for row in references[task]] == sorted(names)
    assert {path.name for path in folder.iterdir()} == {*names, "metadata.csv"}


def test_dates_are_of_several_seasons_and_some_cells_are_empty(train: Rows) -> None:
    days = [date.fromisoformat(row["date"]) for row in train if row["date"]]
    assert len({day.year for day in days}) >= 4
    assert 0 < len(train) - len(days) < 0.2 * len(train)
    assert {row["orientation"] for row in train} == {"", "left", "right", "top"}


def test_no_image_occurs_twice(images: list[PlannedImage]) -> None:
    assert len({one.filename for one in images}) == len(images)
    digests = {hashlib.sha256(path_of(one).read_bytes()).digest() for one in images}
    assert len(digests) == len(images)


# The landmarks.


def test_landmarks_have_the_rows_of_the_database(train: Rows) -> None:
    described = rows(REID / "train" / "landmarks.csv")
    assert tuple(described[0]) == tables.LANDMARK_COLUMNS
    assert [row["path"] for row in described] == [row["path"] for row in train]


@pytest.mark.parametrize("dataset", DATASETS)
def test_landmarks_lie_in_the_frame_or_near_it(
    images: list[PlannedImage], landmarks: dict[str, NDArray[np.float64]], dataset: str
) -> None:
    beyond = []
    for one in images:
        if one.task == "train" and one.dataset == dataset:
            with Image.open(path_of(one)) as image:
                size = np.array(image.size)
            points = landmarks[one.path] + 0.5  # now from the edge of the frame
            beyond.append(np.maximum(-points, points - size).max(axis=1) / size.max())
    assert np.mean(np.array(beyond) <= 0) > 0.85
    assert np.max(beyond) < 1 / 3


def unwarped(one: PlannedImage, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """What lies between the landmarks, as 16 x 32 brightnesses of mean 0, (512,)."""
    with Image.open(path_of(one)) as image:
        grey = np.asarray(image.convert("L").filter(ImageFilter.BoxBlur(1)), dtype=float)
    along, across = np.linspace(0, 4, 32), np.linspace(0, 1, 16)[:, None, None]
    first, second = (
        np.stack([np.interp(along, np.arange(5), edge[:, k]) for k in (0, 1)], axis=1)
        for edge in (points[:5], points[5:])
    )
    at = np.rint(first * (1 - across) + second * across).astype(int)
    x, y = (at[..., k].clip(0, grey.shape[1 - k] - 1).ravel() for k in (0, 1))
    return np.asarray(grey[y, x] - grey[y, x].mean())


def same_and_different(
    pairs: list[list[PlannedImage]], landmarks: dict[str, NDArray[np.float64]]
) -> tuple[float, float]:
    """Mean correlation of the two images of a pair, and of images of two pairs."""
    views = np.array([[unwarped(one, landmarks[one.path]) for one in pair] for pair in pairs])
    views /= views.std(axis=2, keepdims=True)
    views -= views.mean(axis=(0, 1))  # what all animals of a dataset share
    views /= np.linalg.norm(views, axis=2, keepdims=True)
    alike = views[:, 0] @ views[:, 1].T
    same = np.eye(len(pairs), dtype=bool)
    return float(alike[same].mean()), float(alike[~same].mean())


@pytest.mark.parametrize("dataset", DATASETS)
def test_landmarks_align_images_of_one_individual(
    images: list[PlannedImage], landmarks: dict[str, NDArray[np.float64]], dataset: str
) -> None:
    groups: dict[tuple[str, str], list[PlannedImage]] = defaultdict(list)
    for one in images:
        if one.task == "train" and one.dataset == dataset:
            groups[one.identity, one.side].append(one)
    pairs = [group[:2] for group in groups.values() if len(group) > 1][:20]
    same, different = same_and_different(pairs, landmarks)
    assert same > 0.25
    assert abs(different) < 0.1
    # The same landmarks, moved by some 8 pixels, align little.
    rng = np.random.default_rng(0)
    off = {path: points + rng.normal(0, 8, 2) for path, points in landmarks.items()}
    assert same_and_different(pairs, off)[0] < same / 2


# Nothing but the image tells.


def test_images_are_small_and_carry_no_metadata(images: list[PlannedImage]) -> None:
    for one in images[::7]:
        with Image.open(path_of(one)) as image:
            assert image.format == "JPEG"
            assert 128 <= max(image.size) <= 160
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize("task", TESTS)
def test_order_and_size_of_files_say_nothing_about_new_or_known(
    references: dict[str, Rows], task: str
) -> None:
    new = np.array([row["new_identity"] == "true" for row in references[task]])
    folder = REID / "input_data" / task
    size = [(folder / row["filename"]).stat().st_size for row in references[task]]
    # 0.2 is three standard errors of a correlation of 225 unrelated values.
    assert abs(np.corrcoef(np.arange(len(new)), new)[0, 1]) < 0.2
    assert abs(np.corrcoef(size, new)[0, 1]) < 0.2


def test_brightness_does_not_tell_individuals(images: list[PlannedImage]) -> None:
    """Images of one individual are as far apart in mean colour as those of different ones."""
    colour: dict[str, list[np.ndarray]] = defaultdict(list)
    for one in images:
        if one.task == "train" and one.dataset == "salamander":
            with Image.open(path_of(one)) as image:
                colour[one.identity].append(np.asarray(image).mean(axis=(0, 1)))
    several = [np.array(group) for group in colour.values() if len(group) >= 5]
    within = np.mean([group.var(axis=0, ddof=1).mean() for group in several])
    overall = np.concatenate(several).var(axis=0).mean()
    assert within / overall == pytest.approx(1, abs=0.15)


# The competition.


def test_competition_names_only_what_exists(competition: dict[str, Any]) -> None:
    assert_names_only_what_exists(REID, competition)


def test_phases_are_sequential_and_their_dates_are_quoted(competition: dict[str, Any]) -> None:
    assert_phases_follow_each_other(competition)


def test_leaderboard_has_the_keys_that_scoring_writes(
    competition: dict[str, Any], references: dict[str, Rows]
) -> None:
    from wildlife_scoring.reid.metrics import score

    (board,) = competition["leaderboards"]
    table = references["final"]
    written = score(
        [row["identity"] for row in table],
        [row["dataset"] for row in table],
        np.array([row["new_identity"] == "true" for row in table]),
        ["new_individual"] * len(table),
    )
    assert [column["key"] for column in board["columns"]] == list(written)
    assert [column["index"] for column in board["columns"]] == list(range(len(written)))
    assert all(len(column["title"]) <= 36 for column in board["columns"])
    assert board["columns"][board["primary_index"]]["key"] == "geometric_mean"


# How hard it is.


def test_raw_pixels_do_badly_and_true_patterns_solve_it() -> None:
    from sample_data.reid_generator import baselines

    pixels = baselines.evaluate(REID, baselines.METHODS["pixels, grey"])
    truth = baselines.evaluate(REID, baselines.METHODS["true pattern"])
    for task in TESTS:
        assert pixels[task]["geometric_mean"] < 0.15
        assert truth[task]["geometric_mean"] >= 0.95


def readme_scores(name: str) -> list[float]:
    lines = (REID / "README.md").read_text(encoding="utf-8").splitlines()
    said = [float(line.split("|")[3]) for line in lines if line.startswith(f"| {name} |")]
    assert len(said) == len(TESTS)
    return said


def test_readme_says_that_pixels_fail_and_local_features_see_something() -> None:
    for name in ("pixels, grey", "pixels, RGB"):
        assert max(readme_scores(name)) < 0.15
    assert all(0.4 < score < 0.9 for score in readme_scores("SIFT"))
    assert min(readme_scores("true pattern")) >= 0.95


@pytest.mark.slow
def test_readme_baselines_are_those_of_the_images() -> None:
    pytest.importorskip("cv2")
    from sample_data.reid_generator import baselines

    text = (REID / "README.md").read_text(encoding="utf-8")
    assert filled(text, "baselines", baselines.baseline_table(REID)) == text


def test_readme_counts_are_those_of_the_tables() -> None:
    from sample_data.reid_generator import baselines

    text = (REID / "README.md").read_text(encoding="utf-8")
    assert filled(text, "counts", baselines.counts_table()) == text


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="expected <!-- counts:begin -->"):
        filled("no markers", "counts", "table")
