"""Reading and writing frames of camera traps, and all that can be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.camera_traps import FRAMES, draw_data
from training.anomaly.camera_traps import Box, Frame, read_camera_traps, write_camera_traps
from training.common.errors import DataError

FEEDER = Path(__file__).parents[4] / "shared" / "data" / "feeder_birds" / "train"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_data(tmp_path)


def document(data: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((data / "annotations.json").read_text(encoding="utf-8"))
    return read


def problems(data: Path, changed: object) -> str:
    text = changed if isinstance(changed, str) else json.dumps(changed)
    (data / "annotations.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_camera_traps(data)
    return str(caught.value)


def test_what_was_written_is_read(data: Path) -> None:
    assert tuple(read_camera_traps(data)) == FRAMES


def test_equal_frames_give_equal_bytes(data: Path) -> None:
    first = (data / "annotations.json").read_bytes()
    write_camera_traps(data / "annotations.json", read_camera_traps(data))
    assert (data / "annotations.json").read_bytes() == first
    assert [one["name"] for one in document(data)["categories"]] == ["fox", "hare"]


def test_location_sequence_and_size_may_be_missing_and_ids_may_be_text(data: Path) -> None:
    changed = document(data)
    for image in changed["images"]:
        image["id"] = f"image {image['id']}"
        for name in ("location", "seq_id", "width", "height"):
            del image[name]
    for one in changed["annotations"]:
        one["image_id"] = f"image {one['image_id']}"
    (data / "annotations.json").write_text(json.dumps(changed), encoding="utf-8")
    read = read_camera_traps(data)
    assert [frame.sequence for frame in read] == ["a/1.jpg", "2.jpg", "3.png"]
    assert {frame.location for frame in read} == {""}
    assert [frame.boxes for frame in read] == [frame.boxes for frame in FRAMES]


def test_a_box_that_reaches_a_pixel_beyond_the_image_is_cut_at_its_edge(data: Path) -> None:
    changed = document(data)
    changed["annotations"][2]["bbox"] = [-0.5, 10, 20.5, 20.5]
    (data / "annotations.json").write_text(json.dumps(changed), encoding="utf-8")
    assert read_camera_traps(data)[2].boxes == (Box("fox", 0, 10, 20, 20),)


def test_all_problems_are_said_at_once(data: Path) -> None:
    changed = document(data)
    images, boxes, categories = (changed[n] for n in ("images", "annotations", "categories"))
    (data / "images" / "2.jpg").unlink()
    (data / "images" / "3.png").write_bytes(b"no image")
    images[0]["width"] = 41
    images += [{**images[0]}, {"id": 9, "file_name": "../3.png"}, {"id": 10}, {"file_name": "x"}]
    images.append({"id": 11, "file_name": "a/1.jpg"})
    bad = [
        [30, 0, 12, 9],
        [0, 0, 0, 5],
        [0, 0, 5],
        [0, 0, float("nan"), 5],
        ["1", 1, 1, 1],
        [10**400, 0, 1, 1],
    ]
    boxes += [{"id": 10 + n, "image_id": 1, "category_id": 1, "bbox": b} for n, b in enumerate(bad)]
    boxes.append({"id": 20, "image_id": 77, "category_id": 88, "bbox": [0, 0, 1, 1]})
    boxes.append({"id": 21, "image_id": 3, "category_id": 1, "bbox": [0, 0, 900, 1]})
    boxes.append({**boxes[0]})
    categories += [{"id": 1, "name": "owl"}, {"id": 5, "name": "fox"}, {"id": 6, "name": " "}]
    said = problems(data, changed)
    for part in (
        f"{data / 'annotations.json'}: 20 problem(s), nothing was read",
        "image 2: ", "2.jpg is missing",
        "image 3: ", "3.png cannot be read",
        "image 1: a/1.jpg: width and height: expected 40 x 30, the size of the file, found 41 x 30",
        "images[3]: id 1 is there already",
        "image 9: file_name: expected a path below", "'../3.png'",
        "image 10: file_name: expected a path below",
        "images[6]: id: expected a number or text, found None",
        "file_name 'a/1.jpg' is that of ids 1, 11",
        "annotation 10: bbox [30, 0, 12, 9] reaches beyond a/1.jpg, which is 40 x 30",
        "annotation 11: bbox [0, 0, 0, 5]: expected width and height above 0",
        "annotation 12: bbox: expected four finite numbers, found [0, 0, 5]",
        "annotation 13: bbox: expected four", "nan",
        "annotation 14: bbox: expected four", "annotation 15: bbox: expected four",
        "annotation 20: image_id 77 is not among the images",
        "annotation 20: category_id 88 is not among the categories",
        "annotations[11]: id 1 is there already",
        "categories[2]: id 1 is there already",
        "category name 'fox' is that of ids 1, 5",
        "category 6: expected a name, found ' '",
    ):  # fmt: skip
        assert part in said, part


def test_a_file_that_was_cut_short_is_found(data: Path) -> None:
    path = data / "images" / "2.jpg"
    Image.effect_noise((40, 30), 60).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert "2.jpg cannot be read: image file is truncated" in problems(data, document(data))


def test_each_problem_is_one_line(data: Path) -> None:
    changed = document(data)
    changed["annotations"][0]["bbox"] = [0, 0, -1, 5]
    said = problems(data, changed)
    assert "1 problem(s)" in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected a COCO document as JSON"),
        ("[]", "expected a JSON object with images, annotations, categories, found list"),
        ('{"images": 3, "categories": [1]}', "images: expected a list, found int"),
        ('{"images": 3, "categories": [1]}', "annotations: expected a list, found nothing"),
        ('{"images": 3, "categories": [1]}', "categories[0]: expected an object, found 1"),
        ("[" * 200_000, "expected a COCO document as JSON"),
    ],
)
def test_a_document_of_another_form_is_refused(data: Path, text: str, said: str) -> None:
    assert said in problems(data, text)


def test_a_document_that_is_missing_or_no_text_is_refused(data: Path) -> None:
    (data / "annotations.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="expected a COCO document as JSON in UTF-8"):
        read_camera_traps(data)
    with pytest.raises(DataError, match="is missing: expected a COCO camera traps document"):
        read_camera_traps(data / "images")


def test_no_images_or_no_boxes_are_refused(data: Path) -> None:
    changed = document(data)
    assert "no annotations; expected at least one image with a box" in problems(
        data, {**changed, "annotations": []}
    )
    empty: dict[str, list[object]] = {"images": [], "annotations": [], "categories": []}
    assert "no images; expected at least one with a box" in problems(data, empty)


def test_an_error_leaves_an_older_document_as_it_was(data: Path) -> None:
    before = (data / "annotations.json").read_bytes()
    broken = [Frame("x.jpg", 1, 1, "", "", (Box("fox", float("nan"), 0, 1, 1),))]
    with pytest.raises(ValueError, match="NaN"):
        write_camera_traps(data / "annotations.json", broken)
    assert (data / "annotations.json").read_bytes() == before
    assert [path.name for path in data.iterdir() if path.name.startswith(".")] == []


def test_real_frames_of_a_feeder_are_read() -> None:
    if not FEEDER.is_dir():
        pytest.skip("the feeder's frames are not next to the repository")
    frames = read_camera_traps(FEEDER)
    assert len(frames) == 230
    boxes = [(box, frame) for frame in frames for box in frame.boxes]
    assert len(boxes) == 532
    assert {box.species for box, _ in boxes} == {"canario_do_amazonas", "chupim", "rolinha"}
    assert all(box.left + box.width <= frame.width for box, frame in boxes)
