"""Runs that end well: what is written, in which order, and what is said on the way."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.ingestion import MEAN_GREY, PROGRAM, Place, make_place, model_answering

pytestmark = pytest.mark.process


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def test_every_image_gets_a_row_in_the_order_of_the_names(place: Place) -> None:
    for name, level in [("b.png", 51), ("a.png", 0), ("Z.png", 255), ("a 1.png", 102)]:
        place.image(name, level)
    outcome = place.run()
    assert outcome.status == 0
    expected = [["Z.png", "1.0000"], ["a 1.png", "0.4000"], ["a.png", "0.0000"]]
    assert outcome.rows == [*expected, ["b.png", "0.2000"]]


def test_only_predictions_are_left_in_the_output(place: Place) -> None:
    place.images(3)
    place.run()
    assert place.left_behind() == ["predictions.txt"]


def test_the_file_has_no_header_and_unix_line_ends(place: Place) -> None:
    place.image("a.png", 0)
    place.run()
    assert (place.output / "predictions.txt").read_bytes() == b"a.png,0.0000\n"


AWKWARD_NAMES = [
    "with, comma.png",
    'with "quotes".png',
    "with  spaces .png",
    "'single'.png",
    "Ärmel-蝶-ñ.png",
    "e\u0301 decomposed.png",
    "line\nbreak.png",
    "#hash;semicolon\ttab.png",
]


def test_awkward_names_come_back_unchanged_from_the_csv(place: Place) -> None:
    for level, name in enumerate(AWKWARD_NAMES):
        place.image(name, level * 20)
    outcome = place.run(LC_ALL="C")
    assert [name for name, _ in outcome.written] == sorted(AWKWARD_NAMES)


def test_batches_and_one_by_one_give_equal_predictions(place: Place) -> None:
    place.images(37)
    batched = place.run()
    single = place.run(INGESTION_ONE_BY_ONE="1")
    assert "predict_batch with up to 16" in batched.out
    assert "one by one" in single.out
    assert len(batched.written) == 37
    assert batched.rows == single.rows


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_images_of_any_mode_are_passed_on_as_they_are(place: Place, mode: str) -> None:
    suffix = "tif" if mode in ("CMYK", "F") else "png"
    Image.new(mode, (8, 8), 1 if mode != "RGB" else (1, 1, 1)).save(place.input / f"a.{suffix}")
    place.code("model.py", model_answering("(print('MODE', image.mode), 0.5)[1]"))
    outcome = place.run()
    assert outcome.status == 0, outcome.err
    assert f"MODE {mode}\n" in outcome.out


def test_a_cmyk_jpeg_stays_cmyk(place: Place) -> None:
    Image.new("CMYK", (8, 8), (10, 20, 30, 40)).save(place.input / "a.jpg")
    place.code("model.py", model_answering("float(image.mode == 'CMYK')"))
    assert place.run().rows == [["a.jpg", "1.0000"]]


def test_an_exif_rotation_is_left_to_the_submission(place: Place) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10)).save(place.input / "a.jpg", exif=exif)
    place.code("model.py", model_answering("float(image.size == (30, 10)) + image.getexif()[274]"))
    assert place.run().rows == [["a.jpg", "7.0000"]]


def test_an_animated_image_is_passed_on_at_its_first_frame(place: Place) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (10, 200)]
    frames[0].save(place.input / "a.gif", save_all=True, append_images=frames[1:])
    place.code("model.py", model_answering("float(image.convert('L').getpixel((0, 0)))"))
    assert place.run().rows == [["a.gif", "10.0000"]]


def test_the_image_is_lazy_so_that_a_jpeg_can_be_decoded_at_reduced_scale(place: Place) -> None:
    place.image("a.jpg", size=(1600, 1200))
    draft = "image.draft('RGB', (200, 150)); return float(image.convert('L').size[0])"
    place.code("model.py", MEAN_GREY.replace("return float", draft + "\n        return float"))
    assert place.run().rows == [["a.jpg", "200.0000"]]


def test_the_image_knows_its_path_as_on_the_platform(place: Place) -> None:
    place.image("a.jpg")
    place.code("model.py", model_answering("float(os.path.isfile(image.filename))"))
    assert place.run().rows == [["a.jpg", "1.0000"]]


def test_labels_are_written_as_they_are(tmp_path: Path) -> None:
    place = make_place(tmp_path, model_answering("'Nymphalidae, é'"), "track: reid\n")
    place.image("a.png")
    assert place.run().rows == [["a.png", "Nymphalidae, é"]]


def test_the_submissions_prints_go_through(place: Place) -> None:
    place.images(1)
    place.code("model.py", "print('hello from the module')\n" + MEAN_GREY)
    assert "hello from the module" in place.run().out


def test_the_models_device_is_told(place: Place) -> None:
    place.images(1)
    place.code("model.py", MEAN_GREY + "\n    device = 'cpu:7'\n")
    assert "model loaded on cpu:7" in place.run().out


def test_the_batch_size_is_the_models(place: Place) -> None:
    place.images(7)
    sizes = MEAN_GREY.replace("return prepared", "print('BATCH', len(prepared)); return prepared")
    place.code("model.py", sizes + "\n    batch_size = 3\n")
    out = place.run().out
    assert [line for line in out.splitlines() if line.startswith("BATCH")] == [
        "BATCH 3",
        "BATCH 3",
        "BATCH 1",
    ]


def test_a_log_gets_timings_for_people_and_for_the_runner(place: Place) -> None:
    place.images(5)
    outcome = place.run()
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("TIMING ")]
    timing = json.loads(line.removeprefix("TIMING "))
    assert timing["images"] == 5
    assert timing["images_per_s"] == pytest.approx(5 / timing["predict_s"], rel=0.01)
    assert timing["load_s"] >= 0
    assert "5 images in" in outcome.out
    assert "95th percentile" in outcome.out


def test_an_older_predictions_file_is_replaced(place: Place) -> None:
    place.image("a.png", 0)
    (place.output / "predictions.txt").write_text("old.png,0.9\n")
    assert place.run().rows == [["a.png", "0.0000"]]


def test_an_older_predictions_file_does_not_survive_a_failure(place: Place) -> None:
    place.image("a.png")
    (place.output / "predictions.txt").write_text("old.png,0.9\n")
    place.code("model.py", model_answering("None"))
    place.fail()


def test_a_wrong_number_of_arguments_is_wrong_usage() -> None:
    program = [sys.executable, str(PROGRAM / "ingestion.py"), "only", "two"]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 2
    assert "usage: python3 ingestion.py INPUT_DIR OUTPUT_DIR PROGRAM_DIR" in done.stderr


def test_a_result_submission_has_nothing_to_run(place: Place) -> None:
    place.images(1)
    (place.submission / "model.py").unlink()
    (place.submission / "metadata").unlink()
    (place.submission / "predictions.txt").write_text("a.png,0.1\n")
    outcome = place.run()
    assert outcome.status == 0
    assert "result submission" in outcome.out
    assert outcome.rows is None


def test_predictions_next_to_metadata_are_no_result_submission(place: Place) -> None:
    place.images(1)
    (place.submission / "model.py").unlink()
    (place.submission / "predictions.txt").write_text("a.png,0.1\n")
    assert "only from a zip without a metadata file" in place.fail()


def test_a_terminal_gets_a_bar_with_rate_and_time_left(place: Place) -> None:
    place.images(4)
    ours, theirs = pty.openpty()
    status = subprocess.run(
        place.command(), env=place.environment(), stdout=subprocess.DEVNULL, stderr=theirs
    ).returncode
    os.close(theirs)
    drawn = os.read(ours, 10_000).decode()
    os.close(ours)
    assert status == 0
    assert "[##############################] 4/4 images (100 %)" in drawn
    assert "images/s" in drawn
    assert "0:00 left" in drawn


def test_a_log_gets_no_bar(place: Place) -> None:
    place.images(4)
    outcome = place.run()
    assert "\r" not in outcome.out + outcome.err
    assert outcome.err == ""
