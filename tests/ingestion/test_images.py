"""What stands in the input folder: images, what is passed over, and what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.support.ingestion import Place, make_place, model_answering
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import InputImage, list_images, open_image, why_undecodable

GREY = "float(image.convert('L').getpixel((0, 0)))"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make_place(tmp_path)


def test_extensions_count_in_any_case(place: Place) -> None:
    for name in ["a.JPG", "b.Jpeg", "c.PNG", "d.tif", "e.TIFF", "f.bmp", "g.webp", "h.gif"]:
        place.image(name)
    assert [item.name[0] for item in list_images(place.input).images] == list("abcdefgh")


def test_images_are_sorted_by_code_points(place: Place) -> None:
    for name in ["é.png", "b.png", "B.png", "10.png", "9.png"]:
        place.image(name)
    listing = list_images(place.input)
    assert [item.name for item in listing.images] == [
        "10.png",
        "9.png",
        "B.png",
        "b.png",
        "é.png",
    ]
    assert [item.place for item in listing.images] == [1, 2, 3, 4, 5]


def test_what_systems_leave_behind_is_ignored_and_logged(place: Place) -> None:
    place.image("a.png", 0)
    for name in [".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", ".hidden.jpg"]:
        (place.input / name).write_bytes(b"x")
    place.image("__MACOSX/._a.png")
    (place.input / "metadata.csv").write_text("filename\n")
    outcome = place.run()
    assert outcome.rows == [["a.png", "0.0000"]]
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("input: ignored ")]
    # metadata.csv is none of them: it is read.
    names = ".DS_Store, ._a.png, .hidden.jpg, Thumbs.db, __MACOSX, desktop.ini"
    assert line == f"input: ignored {names}"


def test_other_files_and_sub_folders_are_skipped_with_the_reason(place: Place) -> None:
    place.image("a.png", 0)
    (place.input / "notes.txt").write_text("x")
    (place.input / "empty").mkdir()
    os.mkfifo(place.input / "pipe.jpg")
    for name in ["more/b.png", "more/deeper/c.JPG", "more/._d.png"]:
        place.image(name)
    outcome = place.run()
    assert outcome.rows == [["a.png", "0.0000"]]
    assert "skipped notes.txt: not an image by its extension" in outcome.out
    assert "skipped pipe.jpg: not a regular file" in outcome.out
    assert "skipped empty/: a sub-folder without images" in outcome.out
    assert "skipped more/: a sub-folder with 2 images that will NOT be predicted" in outcome.out
    assert "images belong at the root" in outcome.out


def test_an_empty_input_is_an_error(place: Place) -> None:
    assert "no image in" in place.fail()


def test_an_input_with_images_only_in_a_sub_folder_says_so(place: Place) -> None:
    place.image("images/a.png")
    with pytest.raises(IngestionError, match=r"images/: a sub-folder with 1 image that will NOT"):
        list_images(place.input)


def test_a_missing_input_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IngestionError, match="does not exist"):
        list_images(tmp_path / "nowhere")


def break_images(place: Place) -> None:
    """Of twenty sound images the 2nd, 7th, 12th and 20th, each in another way."""
    for number in range(1, 21):
        place.image(f"p{number:02}.jpg", size=(64, 64))
    (place.input / "p02.jpg").write_bytes(b"")
    (place.input / "p07.jpg").write_text("I am text")
    place.photo("p12.jpg", share=0.5)
    (place.input / "p20.jpg").unlink()
    (place.input / "p20.jpg").symlink_to("gone.jpg")


BROKEN = {
    "p02.jpg": "an empty file (0 bytes)",
    "p07.jpg": "no known image format, it begins with b'I am text'",
    "p12.jpg": "cannot be decoded",
    "p20.jpg": "cannot be read (No such file or directory)",
}


@pytest.mark.parametrize("one_by_one", ["0", "1"])
def test_all_unreadable_images_are_listed_with_their_reasons(place: Place, one_by_one: str) -> None:
    break_images(place)
    message = place.fail(INGESTION_ONE_BY_ONE=one_by_one)
    assert "4 images cannot be read" in message
    for name, reason in BROKEN.items():
        assert f"  - {name}: {reason}" in message
    assert "Traceback" not in message
    assert "p03.jpg" not in message


def test_a_truncated_image_is_not_blamed_on_the_submission(place: Place) -> None:
    place.photo("a.jpg", share=0.8)
    place.code("model.py", model_answering(GREY))
    message = place.fail()
    assert "1 image cannot be read" in message
    assert "a.jpg: cannot be decoded" in message
    assert "submission is not at fault" in message


def test_a_image_that_breaks_in_predict_batch_is_not_blamed_on_the_submission(
    place: Place,
) -> None:
    place.image("a.jpg", size=(64, 64))
    place.photo("b.jpg", share=0.8)
    place.code(
        "model.py",
        """
class Model:
    def load(self): pass
    def preprocess(self, image): return image
    def predict_batch(self, images): return [float(i.convert("L").getpixel((0, 0))) for i in images]
    def predict(self, image): return self.predict_batch([image])[0]
""",
    )
    message = place.fail()
    assert "b.jpg: cannot be decoded" in message
    assert "a.jpg" not in message


def test_a_fault_of_the_submission_on_a_sound_image_is_its_own(place: Place) -> None:
    place.images(3)
    place.code("model.py", model_answering("image.convert('nonsense')"))
    message = place.fail()
    assert "on p001.png (image 1 of 3)" in message
    assert "cannot be read" not in message


def test_a_submission_that_accepts_truncated_images_is_noted(place: Place) -> None:
    place.photo("a.jpg", share=0.9)
    allow = "from PIL import ImageFile\nImageFile.LOAD_TRUNCATED_IMAGES = True\n"
    place.code("model.py", allow + model_answering(GREY))
    outcome = place.run()
    assert outcome.status == 0
    assert "NOTE: the submission lets Pillow accept truncated images" in outcome.out


def test_a_decompression_bomb_is_an_unreadable_image(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.image("a.png", size=(64, 64))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "DecompressionBombError" in str(why_undecodable(InputImage(path, 1)))


def test_opening_reads_the_header_only(place: Place) -> None:
    image = open_image(InputImage(place.image("a.jpg", size=(640, 480)), 1))
    image.draft("RGB", (80, 60))
    assert image.size == (80, 60)  # no longer possible once the pixels are decoded


def test_a_sound_image_has_no_reason(place: Place) -> None:
    assert why_undecodable(InputImage(place.image("a.png"), 1)) is None


WITH_METADATA = """
class Model:
    def load(self): pass
    def predict(self, image, metadata): return float(metadata["weight"]) + len(metadata) / 100
"""
BATCH_WITH_METADATA = """
class Model:
    def load(self): pass
    def preprocess(self, image, metadata=None): return float(metadata["weight"])
    def predict_batch(self, prepared): return prepared
    def predict(self, image, metadata=None): return self.preprocess(image, metadata)
"""


def test_predict_gets_the_row_of_its_image(place: Place) -> None:
    place.images(2)
    (place.input / "metadata.csv").write_text("filename,weight\np002.png,2\np001.png,1\n")
    place.code("model.py", WITH_METADATA)
    assert place.run().rows == [["p001.png", "1.0200"], ["p002.png", "2.0200"]]


def test_preprocess_gets_the_row_of_its_image(place: Place) -> None:
    place.images(2)
    (place.input / "metadata.csv").write_text("\ufefffilename,weight\np002.png,2\np001.png,1\n")
    place.code("model.py", BATCH_WITH_METADATA)
    outcome = place.run()
    assert outcome.rows == [["p001.png", "1.0000"], ["p002.png", "2.0000"]]
    assert "predict_batch with" in outcome.out


def test_where_only_predict_takes_metadata_images_are_predicted_one_by_one(place: Place) -> None:
    place.images(1)
    (place.input / "metadata.csv").write_text("filename,weight\np001.png,1\n")
    batch = "    def preprocess(self, image): raise ValueError\n    predict_batch = preprocess\n"
    place.code("model.py", WITH_METADATA + batch)
    outcome = place.run()
    assert outcome.rows == [["p001.png", "1.0200"]]
    assert "predict takes metadata but preprocess does not" in outcome.out


def test_all_images_without_a_row_are_named_before_prediction_starts(place: Place) -> None:
    place.images(3)
    (place.input / "metadata.csv").write_text("filename,weight\np002.png,2\np002.png,2\nx\n")
    place.code("model.py", WITH_METADATA)
    message = place.fail()
    for problem in ["no row for p001.png", "no row for p003.png", "row 2: p002.png a second time"]:
        assert f"  - {problem}" in message
    assert "row 3 (x) does not have 2 fields" in message
    assert "Traceback" not in message


def test_a_metadata_table_without_file_names_is_an_error(place: Place) -> None:
    place.images(1)
    (place.input / "metadata.csv").write_text("name,weight\np001.png,2\n")
    place.code("model.py", WITH_METADATA)
    assert "no column `filename`; found: ['name', 'weight']" in place.fail()


def test_metadata_that_is_needed_but_absent_is_an_error(place: Place) -> None:
    place.images(1)
    place.code("model.py", WITH_METADATA)
    assert "give the parameter a default" in place.fail()


def test_what_is_no_file_is_never_waited_for(place: Place) -> None:
    place.image("a.png", 0)
    os.mkfifo(place.input / "metadata.csv")
    os.mkfifo(place.input / "pipe.png")
    (place.input / "zero.png").symlink_to("/dev/zero")
    (place.input / "nowhere.png").symlink_to("gone.png")
    (place.input / "around").symlink_to(place.input)
    said = place.fail()
    assert "nowhere.png: cannot be read (No such file or directory)" in said
    (place.input / "nowhere.png").unlink()
    outcome = place.run()
    assert outcome.rows == [["a.png", "0.0000"]]
    assert "skipped pipe.png: not a regular file" in outcome.out
    assert "skipped zero.png: not a regular file" in outcome.out
