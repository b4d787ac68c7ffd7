"""Frames as a YOLO trainer reads them, and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.support.camera_traps import FRAMES, draw_data
from training.anomaly.camera_traps import Box, read_camera_traps, write_camera_traps
from training.anomaly.prepare_yolo import main
from training.anomaly.yolo import label_text, read_yolo


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """YOLO folders of FRAMES."""
    out = tmp_path / "yolo"
    assert main(["to", str(draw_data(tmp_path / "data")), "--out", str(out), "--share", "0.4"]) == 0
    return out


def refused(yolo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    out = tmp_path / "refused"
    assert main(["back", str(yolo), "--out", str(out)]) == 1
    assert not out.exists()
    return capsys.readouterr().err


def test_a_label_has_the_class_and_the_centre_and_size_as_shares() -> None:
    text = label_text(FRAMES[0], ["fox", "hare"])
    assert text == (
        "0 0.1500000 0.4166667 0.2500000 0.6666667\n1 0.8750000 0.1500000 0.2500000 0.3000000\n"
    )
    animals = label_text(FRAMES[0], ["animal"]).splitlines()
    assert [line.split()[0] for line in animals] == ["0", "0"]
    assert label_text(FRAMES[1], ["fox"]) == ""


def test_the_way_there_and_back_changes_nothing(yolo: Path, tmp_path: Path) -> None:
    assert main(["back", str(yolo), "--out", str(tmp_path / "back"), "--link"]) == 0
    back = {frame.file_name: frame for frame in read_camera_traps(tmp_path / "back")}
    assert back == {frame.file_name: frame for frame in FRAMES}
    assert (tmp_path / "back" / "images" / "a" / "1.jpg").is_symlink()


def test_locations_are_apart_and_the_description_names_parts_and_classes(yolo: Path) -> None:
    described = yaml.safe_load((yolo / "data.yaml").read_text(encoding="utf-8"))
    assert described == {
        "train": "images/train",
        "val": "images/val",
        "names": {0: "fox", 1: "hare"},
    }
    files = {str(path.relative_to(yolo / "labels")) for path in (yolo / "labels").rglob("*.txt")}
    assert files == {"train/a/1.txt", "train/2.txt", "val/3.txt"}
    assert (yolo / "class_balance.csv").read_text(encoding="utf-8").startswith("species,part,boxes")


def test_the_same_command_again_changes_no_byte(yolo: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in yolo.rglob("*") if path.is_file()}
    arguments = ["to", str(tmp_path / "data"), "--out", str(yolo), "--share", "0.4"]
    assert main(arguments) == 0
    assert {path: path.read_bytes() for path in yolo.rglob("*") if path.is_file()} == before
    assert main([*arguments, "--seed", "1"]) == 1  # would mix two splits


def test_one_class_makes_every_box_an_animal(tmp_path: Path) -> None:
    data, out = draw_data(tmp_path / "data"), tmp_path / "yolo"
    assert main(["to", str(data), "--out", str(out), "--one-class", "--by", "sequence"]) == 0
    boxes = [box for found in read_yolo(out) for box in found.frame.boxes]
    assert {box.species for box in boxes} == {"animal"}
    assert len(boxes) == 3


def test_folders_of_other_tools_need_no_frames_table_and_may_list_names(yolo: Path) -> None:
    (yolo / "frames.csv").unlink()
    (yolo / "labels" / "train" / "2.txt").unlink()
    text = f"path: {yolo}\ntrain: images/train\nval: images/val\nnames: [vulpes, lepus]\n"
    (yolo / "data.yaml").write_text(text, encoding="utf-8")
    read = {found.frame.file_name: found.frame for found in read_yolo(yolo)}
    assert read["2.jpg"].boxes == ()
    assert read["a/1.jpg"].sequence == "a/1.jpg"
    assert read["3.png"].boxes == (Box("vulpes", 0, 0, 20, 30),)


def test_all_that_is_wrong_is_said_at_once(
    yolo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = yolo / "labels"
    lines = ["0 0.5 0.5 0.1", "7 0.5 0.5 0.1 0.1", "0 0.5 0.5 0 0.1", "1 0.9 0.5 0.9 0.1"]
    lines += ["0 nan 0.5 0.1 0.1", "fox 0.5 0.5 0.1 0.1"]
    (labels / "train" / "a" / "1.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (labels / "train" / "stray.txt").write_text("", encoding="utf-8")
    (labels / "train" / "2.txt").write_bytes(b"\xff\xfe")
    (yolo / "images" / "val" / "3.png").write_bytes(b"no image")
    Image.new("RGB", (9, 9)).save(yolo / "images" / "val" / "2.jpg")
    said = refused(yolo, tmp_path, capsys)
    for part in (
        "10 problem(s), nothing was read",
        "1.txt, line 1: expected `class x y width height`, found '0 0.5 0.5 0.1'",
        "1.txt, line 2: class 7 is not among the names 0 to 1",
        "1.txt, line 3: bbox", "expected width and height above 0",
        "1.txt, line 4: bbox", "reaches beyond a/1.jpg",
        "1.txt, line 5: expected finite numbers",
        "1.txt, line 6: expected `class x y width height`",
        "stray.txt has no image",
        "2.txt cannot be read",
        "3.png cannot be read",
        "'2.jpg' would be the name of",
    ):  # fmt: skip
        assert part in said, part


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("names: [a\n", "expected YAML in UTF-8"),
        ("3\n", "expected a mapping with names, found int"),
        ("train: images/train\n", "names: expected a list or numbers with names, found None"),
        ("train: images/none\nnames: [a]\n", "train: expected a folder images/..., found"),
        (f"train: {'x' * 300}/images\nnames: [a]\n", "train: expected a folder images/..., found"),
        ("names: {x: a}\ntrain: images/train\n", "names: expected a number with a name"),
        ("names: [a]\n", "expected one of train, val, test, found names"),
    ],
)
def test_a_description_of_another_form_is_refused(
    yolo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (yolo / "data.yaml").write_text(text, encoding="utf-8")
    assert said in refused(yolo, tmp_path, capsys)


def test_a_folder_without_description_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "data.yaml is missing" in refused(tmp_path, tmp_path, capsys)


def test_bad_annotations_leave_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw_data(tmp_path / "data")
    wide = replace(FRAMES[2], boxes=(Box("fox", 0, 0, 99, 5),))
    write_camera_traps(data / "annotations.json", [*FRAMES[:2], wide])
    assert main(["to", str(data), "--out", str(tmp_path / "out")]) == 1
    assert "reaches beyond 3.png" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
