"""The generator of the re-identification sample data, and writing its bundle."""

from __future__ import annotations

import json
import platform
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sample_data.generator_common import bundle_folder, scenery, shapes
from sample_data.generator_common.bundle_folder import GENERATED, Bundle
from sample_data.reid_generator import generated_files, tables, views
from sample_data.reid_generator.collection import DATASETS, TESTS, PlannedImage, collection, pattern
from sample_data.reid_generator.landmarks import in_image
from tests.support.reid_sample import REID, landmark_points, path_of

MAX_BYTES = 8_000_000


@pytest.fixture(scope="module")
def images() -> list[PlannedImage]:
    return collection()


# The tables.


def test_tables_in_git_are_those_of_the_generator(images: list[PlannedImage]) -> None:
    members = [one for one in images if one.task == "train"]
    path = REID / "train" / "metadata.csv"
    assert tables.image_table(members, tables.DATABASE_COLUMNS) == path.read_bytes()
    for task in TESTS:
        members = [one for one in images if one.task == task]
        path = REID / "reference_data" / task / "ref.csv"
        assert tables.image_table(members, tables.REFERENCE_COLUMNS) == path.read_bytes()


def test_regenerated_images_have_equal_bytes_and_landmarks(
    images: list[PlannedImage],
) -> None:
    record = json.loads((REID / "generated.json").read_text(encoding="utf-8"))
    if record["versions"] != generated_files.VERSIONS:
        pytest.skip(f"drawn with {record['versions']}, here are {generated_files.VERSIONS}")
    if platform.machine() != "x86_64":
        pytest.skip("the last bit of sine and cosine may differ on another kind of machine")
    landmarks = landmark_points()
    for one in images[::100]:
        taken = one.photograph()
        assert taken.jpeg == path_of(one).read_bytes(), one.filename
        if one.task == "train":
            np.testing.assert_allclose(landmarks[one.path], taken.landmarks, atol=0.0501)


def test_generated_record_counts_the_files_and_the_folder_stays_small() -> None:
    record = json.loads((REID / "generated.json").read_text(encoding="utf-8"))
    parts = [REID / part for part in GENERATED if part != "generated.json"]
    files = [path for part in parts for path in (part, *part.rglob("*")) if path.is_file()]
    assert record["files"] == len(files)
    assert record["bytes"] == sum(path.stat().st_size for path in files) <= MAX_BYTES


def test_another_seed_draws_other_animals_in_the_same_numbers(images: list[PlannedImage]) -> None:
    other = collection(seed=1)
    assert Counter((one.dataset, one.task, one.new) for one in other) == Counter(
        (one.dataset, one.task, one.new) for one in images
    )
    assert not {one.photograph().jpeg for one in other[:3]} & {
        path_of(one).read_bytes() for one in images
    }


@pytest.mark.parametrize("dataset", DATASETS)
def test_an_individual_keeps_its_pattern_and_its_sides_differ(dataset: str) -> None:
    sides = DATASETS[dataset].sides
    first = pattern(0, dataset, 5, sides[0]).vector()
    pattern.cache_clear()
    assert np.array_equal(first, pattern(0, dataset, 5, sides[0]).vector())
    others = [pattern(0, dataset, 6, sides[0]), *(pattern(0, dataset, 5, s) for s in sides[1:])]
    assert all(first @ other.vector() < 0.95 for other in others)


def test_a_smooth_curve_goes_through_its_corners() -> None:
    corners = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(shapes.smooth(corners, 5)[::5], corners, atol=1e-12)


def test_a_landmark_is_where_its_part_of_the_drawing_is_in_the_image() -> None:
    centre = np.array([[19.0, 40.0]])
    drawing = Image.new("L", (90, 60))
    corners = centre + np.array([[-5, -5], [5, -5], [5, 5], [-5, 5]])
    shapes.fill(ImageDraw.Draw(drawing), corners, 255)
    small = np.asarray(drawing.reduce(scenery.FINE), dtype=float)
    down, right = (np.average(at, weights=small) for at in np.indices(small.shape))
    np.testing.assert_allclose(in_image(centre)[0], [right, down], atol=0.01)


def test_the_right_side_is_the_mirror_of_the_left_in_the_frame() -> None:
    points = np.array([[0.1, 0.2], [0.9, 0.4]])
    common = (
        np.array([300.0, 200.0]),
        np.array([0.5, 0.3]),
        200 * np.eye(2),
        np.array([150, 90.0]),
    )
    left, right = (views.View(*common, 0.1, 0.2, one).place(points) for one in (False, True))
    np.testing.assert_allclose(left[:, 0] + right[:, 0], 300)
    np.testing.assert_allclose(left[:, 1], right[:, 1])


# The bundle's folder.


@pytest.fixture
def tiny(tmp_path: Path) -> Bundle:
    """A bundle of one file a part, at home in an empty folder."""
    home = tmp_path / "sample_data" / "tiny"
    (home / "pages").mkdir(parents=True)
    for name in ("competition.yaml", "README.md", "pages/a.md"):
        (home / name).write_text("by hand", encoding="utf-8")
    parts = [part for part in GENERATED if part != "generated.json"]
    files = [(part if "." in part else f"{part}/file", b"new") for part in parts]
    return Bundle(home, "make", 1, {"tool": "1"}, lambda: files)


def test_missing_altered_and_unknown_files_are_named(
    tiny: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    tiny.write(out)
    assert tiny.check(out) == 0
    (out / "train" / "file").write_bytes(b"other")
    (out / "train" / "more").write_bytes(b"")
    (out / "logo.png").unlink()
    assert tiny.differences(out) == [
        "missing: logo.png",
        "unknown: train/more",
        "differs: train/file",
    ]
    assert tiny.check(out) == 1
    assert "tool 1" in capsys.readouterr().out


def test_writing_a_bundle_elsewhere_makes_it_complete(tiny: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "train").mkdir(parents=True)
    (out / "train" / "stale").write_bytes(b"old")
    tiny.write(out)
    by_hand = set(bundle_folder.BY_HAND)
    assert {path.name for path in out.iterdir()} == by_hand | {
        *GENERATED,
        *bundle_folder.PROGRAMS,
    }
    assert [path.name for path in (out / "train").iterdir()] == ["file"]
    assert (out / "pages" / "a.md").read_text(encoding="utf-8") == "by hand"
