"""Importing COCO camera traps, Pascal VOC and LILA's tables into the training layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.camera_traps import FRAMES, draw_images
from training.anomaly.camera_traps import Box, Frame, document_text, read_camera_traps
from training.anomaly.import_camera_traps import main

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """The images of FRAMES."""
    return draw_images(tmp_path / "originals")


def imported(tmp_path: Path, *arguments: object) -> list[Frame]:
    out = tmp_path / "out"
    assert main([*map(str, arguments), "--out", str(out)]) == 0
    return read_camera_traps(out)


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    out = tmp_path / "refused"
    assert main([*map(str, arguments), "--out", str(out)]) == 1
    assert not out.exists()
    return capsys.readouterr().err


# COCO camera traps.


def lila_document(tmp_path: Path, **changes: list[Any]) -> Path:
    """FRAMES as LILA has them: an empty image, a person, an animal without box, a lost file."""
    document: dict[str, Any] = json.loads(document_text(FRAMES))
    document["images"] += [{"id": "p", "file_name": "2.jpg"}, {"id": "l", "file_name": "gone.jpg"}]
    document["images"][1]["file_name"] = "2.jpg"
    del document["images"][3]
    document["categories"] += [{"id": 0, "name": "empty"}, {"id": 9, "name": "human"}]
    document["annotations"] += [
        {"id": "e", "image_id": 2, "category_id": 0},
        {"id": "h", "image_id": 2, "category_id": 9, "bbox": [0, 0, 5, 5]},
    ]
    path = tmp_path / "lila.json"
    path.write_text(json.dumps({**document, **changes}), encoding="utf-8")
    return path


def test_coco_as_lila_publishes_it(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = lila_document(tmp_path)
    options = ("--drop", "human", "--skip-missing")
    assert tuple(imported(tmp_path, "coco", table, "--images", images, *options)) == FRAMES
    said = capsys.readouterr().out
    assert "note: 1 images left out: the file is not there" in said
    assert "3 images of 2 locations, 3 boxes of 2 species, 1 images without a box" in said


def test_an_animal_without_a_box_leaves_its_image_out(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(document_text(FRAMES))
    del document["annotations"][0]["bbox"]
    table = tmp_path / "lila.json"
    table.write_text(json.dumps(document), encoding="utf-8")
    read = imported(tmp_path, "coco", table, "--images", images)
    assert [frame.file_name for frame in read] == ["2.jpg", "3.png"]
    assert "1 images left out: an animal without a box" in capsys.readouterr().out


def test_all_that_is_wrong_with_coco_is_said_at_once(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations = [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 0, 5]},
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 5]},
        {"id": 2, "image_id": 8, "category_id": 7, "bbox": [0, 0, 1, 5]},
        {"id": 3, "image_id": 3, "category_id": 1, "bbox": [0, 0, 21, 50]},
    ]
    table = lila_document(tmp_path, annotations=annotations)
    (images / "2.jpg").write_bytes(b"no image")
    said = refused(tmp_path, capsys, "coco", table, "--images", images)
    for part in (
        "7 problem(s), nothing was imported",
        "gone.jpg is missing",
        "2.jpg cannot be read",
        "annotation 1: bbox [0, 0, 0, 5]: expected width and height above 0",
        "annotations[1]: id 1 is there already",
        "annotation 2: image_id 8 is not among the images",
        "annotation 2: category_id 7 is not among the categories",
        "annotation 3: bbox [0, 0, 21, 50] reaches beyond 3.png, which is 20 x 30",
    ):
        assert part in said, part


def test_only_people_are_no_training_data(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = [{"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 5]}]
    table = lila_document(tmp_path, annotations=people)
    options = ("--skip-missing", "--drop", "human")
    said = refused(tmp_path, capsys, "coco", table, "--images", images, *options)
    assert "no boxes; expected at least one" in said


# Pascal VOC.

OBJECT = "<object><name>{}</name><bndbox>{}</bndbox></object>"


def voc_object(name: str, *sides: object) -> str:
    names = ("xmin", "ymin", "xmax", "ymax")
    boxes = "".join(f"<{n}>{side}</{n}>" for n, side in zip(names, sides, strict=True))
    return OBJECT.format(name, boxes)


def voc(folder: Path, name: str, *objects: str, size: Sequence[int] = (40, 30)) -> Path:
    path = folder / "xml" / f"{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    path.write_text(
        f"<annotation><filename>{Path(name).name}.jpg</filename>"
        f"<size><width>{width}</width><height>{height}</height></size>"
        f"{''.join(objects)}</annotation>",
        encoding="utf-8",
    )
    return folder / "xml"


def test_voc_counts_pixels_from_1_and_includes_the_last(tmp_path: Path, images: Path) -> None:
    voc(tmp_path, "a/1", voc_object("fox", 2, 3, 11, 22), voc_object("hare", 31, 1, 40, 9))
    folder = voc(tmp_path, "2")
    pattern = "(?P<location>.*/)?(?P<sequence>.+)"
    read = imported(tmp_path, "voc", folder, "--images", images, "--name-pattern", pattern)
    first = (Box("fox", 1, 2, 10, 20), Box("hare", 30, 0, 10, 9))
    assert read == [
        Frame("2.jpg", 40, 30, "", "2", ()),
        Frame("a/1.jpg", 40, 30, "a/", "1", first),
    ]


def test_voc_of_tools_that_count_from_0(tmp_path: Path, images: Path) -> None:
    folder = voc(tmp_path, "2", voc_object("fox", 0, 0, 40, 30.0), size=(0, 0))
    (frame,) = imported(tmp_path, "voc", folder, "--images", images, "--zero-based")
    assert frame.boxes == (Box("fox", 0, 0, 40, 30),)


def test_all_that_is_wrong_with_voc_is_said_at_once(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [
        voc_object("fox", 5, 5, 4, 9),
        voc_object("", 1, 1, 2, 2),
        voc_object("hare", 1, 1, 99, 9),
    ]
    voc(tmp_path, "a/1", *bad, voc_object("fox", 1, "x", 3, 4), size=(41, 30))
    voc(tmp_path, "gone")
    folder = voc(tmp_path, "2")
    (folder / "broken.xml").write_text("<annotation>", encoding="utf-8")
    (folder / "bomb.xml").write_text("<!DOCTYPE x [<!ENTITY a 'b'>]><annotation/>")
    (folder / "other.xml").write_text("<html/>", encoding="utf-8")
    (folder / "way.xml").write_text("<annotation><filename>../2.jpg</filename></annotation>")
    said = refused(
        tmp_path,
        capsys,
        "voc",
        folder,
        "--images",
        images,
        "--name-pattern",
        "(?P<location>[a-z]+)",
    )
    for part in (
        "12 problem(s), nothing was imported",
        "a/1.xml: size: expected 40 x 30, found 41 x 30",
        "a/1.xml: object 1: bbox", "expected width and height above 0",
        "a/1.xml: object 2: expected a name, found none",
        "a/1.xml: object 3: bbox", "reaches beyond a/1.jpg",
        "a/1.xml: object 4: bndbox: expected numbers xmin, ymin, xmax, ymax, found ['1', 'x'",
        "a/1.xml: the name 'a/1' does not match",
        "gone.xml: image 'gone.jpg' is not in",
        "2.xml: the name '2' does not match",
        "broken.xml: expected XML",
        "bomb.xml: expected no DOCTYPE and no ENTITY",
        "other.xml: expected <annotation>, found <html>",
        "way.xml: expected a path below",
    ):  # fmt: skip
        assert part in said, part


def test_no_xml_and_a_pattern_without_a_group_are_refused(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(tmp_path, capsys, "voc", images, "--images", images)
    assert "expected XML files of Pascal VOC, found none" in said
    for pattern in ("(?P<name>.+)", "(?P<location>"):
        with pytest.raises(SystemExit) as caught:
            main(["voc", "x", "--images", "y", "--out", "z", "--name-pattern", pattern])
        assert caught.value.code == 2


# LILA's tables.


def lila(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_table_with_boxes(tmp_path: Path, images: Path) -> None:
    table = lila(
        tmp_path,
        "file_name,location_id,sequence_id,common_name,bbox_x,bbox_y,bbox_w,bbox_h",
        "a/1.jpg,creek,s1,fox,1,2.5,10,20",
        "a/1.jpg,creek,s1,hare,30,0,10,9",
        "2.jpg,creek,s1,empty,,,,",
        "3.png,rock,s2,fox,0,0,20,30",
    )
    assert tuple(imported(tmp_path, "lila", table, "--images", images)) == FRAMES


def detections(tmp_path: Path, **boxes: list[tuple[str, float, list[float]]]) -> Path:
    path = tmp_path / "detector.json"
    listed = [
        {
            "file": name.replace("__", "/").replace("_", "."),
            "detections": [{"category": c, "conf": conf, "bbox": box} for c, conf, box in found],
        }
        for name, found in boxes.items()
    ]
    path.write_text(json.dumps({"images": listed}), encoding="utf-8")
    return path


def test_a_table_without_boxes_takes_those_of_a_detector(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_images(images, [Frame(f"{name}.jpg", 8, 8, "", "", ()) for name in "bcd"])
    table = lila(
        tmp_path,
        "filename,location,animal",
        *("a/1.jpg,creek,fox", "2.jpg,creek,", "3.png,rock,fox", "3.png,rock,hare"),
        *("b.jpg,x,fox", "c.jpg,x,fox", "d.jpg,x,blank"),
    )
    whole = [0.0, 0.0, 1.0, 1.0]
    found = detections(
        tmp_path,
        a__1_jpg=[("1", 0.9, [0.025, 0.1, 0.25, 0.5]), ("1", 0.1, whole), ("2", 0.9, whole)],
        **{"2_jpg": [], "3_png": [("1", 0.9, whole)], "c_jpg": [], "d_jpg": [("1", 0.9, whole)]},
    )
    options = ("--species-column", "animal", "--detections", found)
    assert imported(tmp_path, "lila", table, "--images", images, *options) == [
        Frame("a/1.jpg", 40, 30, "creek", "a/1.jpg", (Box("fox", 1, 3, 10, 15),)),
        Frame("2.jpg", 40, 30, "creek", "2.jpg", ()),
    ]
    said = capsys.readouterr().out
    for reason in (
        "an animal that the detector did not find",
        "empty, but the detector found an animal",
        "not in the detector's output",
        "several species, and no boxes that tell them apart",
    ):
        assert f"note: 1 images left out: {reason}" in said


def test_all_that_is_wrong_with_a_table_is_said_at_once(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (images / "3.png").write_bytes(b"")
    table = lila(
        tmp_path,
        "filename,species,x,y,w,h",
        *("a/1.jpg,fox,1,1,0,5", "a/1.jpg,fox,x,1,3,5", "2.jpg,,1,1,3,5", "2.jpg,fox,1,1"),
        *("gone.jpg,fox,1,1,3,5", "/2.jpg,fox,1,1,3,5", "3.png,fox,0,0,3,5", "2.jpg,fox,1,1,90,5"),
    )
    said = refused(tmp_path, capsys, "lila", table, "--images", images)
    for part in (
        "8 problem(s), nothing was imported",
        "line 2: bbox [1.0, 1.0, 0.0, 5.0]: expected width and height above 0",
        "line 3: bbox: expected four finite numbers, found ['x', 1.0, 3.0, 5.0]",
        "line 4: a box ['1', '1', '3', '5'] without a species",
        "line 5: has more or fewer fields than the header",
        "line 6: ", "gone.jpg is missing",
        "line 7: expected a path below",
        "line 8: ", "3.png cannot be read",
        "line 9: bbox", "reaches beyond 2.jpg",
    ):  # fmt: skip
        assert part in said, part


def test_columns_that_are_missing_are_named(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(tmp_path, capsys, "lila", lila(tmp_path, "a,b"), "--images", images)
    assert "no column of the image: expected one of file_name, filename" in said
    assert "no column of the species: expected one of species, common_name" in said
    assert "no boxes: expected columns x,y,w,h or x,y,width,height" in said
    assert "found columns a, b" in said


@pytest.mark.parametrize("text", ["[]", "{", '{"images": [{"file": "a", "detections": [{}]}]}'])
def test_another_detectors_output_is_refused(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    table = lila(tmp_path, "filename,species", "2.jpg,fox")
    (tmp_path / "other.json").write_text(text, encoding="utf-8")
    options = ("--detections", tmp_path / "other.json")
    said = refused(tmp_path, capsys, "lila", table, "--images", images, *options)
    assert "expected MegaDetector's JSON" in said


# Real data, where it lies next to the repository.


@pytest.mark.parametrize(
    ("arguments", "frames", "boxes"),
    [
        (("coco", "feeder_birds/train/annotations.json", "feeder_birds/train/images"), 230, 532),
        (("lila", "raccoon/boxes.csv", "raccoon/images"), 200, 217),
    ],
)
def test_real_data_is_imported(
    tmp_path: Path, arguments: tuple[str, str, str], frames: int, boxes: int
) -> None:
    command, table, images = arguments
    if not (DATA / table).is_file():
        pytest.skip("the real images are not next to the repository")
    read = imported(tmp_path, command, DATA / table, "--images", DATA / images, "--link")
    assert len(read) == frames
    assert sum(len(frame.boxes) for frame in read) == boxes
