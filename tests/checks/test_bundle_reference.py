"""The reference table against the input: an error where no score can result, else a warning."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit.checks.bundle.folder import check_bundle
from kit.findings.finding import Finding
from tests.support.checks import good_bundle, replace
from tests.support.kit import ROOT, write_tree

CODES = ("data-ids", "data-ids-partly", "reference-table")
SAMPLES = sorted(path.parent.name for path in (ROOT / "sample_data").glob("*/competition.yaml"))


def findings(folder: Path) -> list[Finding]:
    return [item for item in check_bundle(folder).findings if item.code in CODES]


def sample(track: str, folder: Path) -> Path:
    """A copy of a sample bundle."""
    return Path(shutil.copytree(ROOT / "sample_data" / track, folder / track))


@pytest.mark.parametrize("track", SAMPLES)
def test_a_sample_bundle_has_no_finding(track: str) -> None:
    assert not findings(ROOT / "sample_data" / track)


@pytest.mark.parametrize("track", SAMPLES)
def test_renamed_columns_of_a_known_track_are_an_error(track: str, tmp_path: Path) -> None:
    folder = sample(track, tmp_path)
    table = next((folder / "reference_data").rglob("*.csv"))
    text = table.read_text()
    table.write_text(text.replace("filename", "file", 1))
    (finding,) = findings(folder)
    assert (finding.code, finding.severity) == ("reference-table", "error")
    assert f"{track}: filename" in finding.found


@pytest.mark.parametrize("track", SAMPLES)
def test_names_in_other_letters_are_an_error_in_a_known_track(track: str, tmp_path: Path) -> None:
    folder = sample(track, tmp_path)
    images = sorted((folder / "input_data/development").glob("*.jpg"))
    images[0].rename(images[0].with_suffix(".JPG"))
    (missing,) = findings(folder)
    assert (missing.code, missing.severity) == ("data-ids", "error")
    assert "1 differ in capital letters only" in missing.found


def test_one_image_too_many_is_an_error_in_a_known_track_only(tmp_path: Path) -> None:
    folder = sample("reid", tmp_path)
    other = good_bundle(tmp_path)
    for place in (folder / "input_data/final", other / "input_data"):
        image = min(path for path in place.iterdir() if path.suffix in (".jpg", ".png"))
        shutil.copyfile(image, place / f"zz{image.suffix}")
    assert [(item.code, item.severity) for item in findings(folder)] == [("data-ids", "error")]
    assert [item.severity for item in findings(other)] == ["warning"]


def test_only_images_in_folders_that_the_reference_names_are_compared(tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    write_tree(
        folder / "input_data",
        {"train/a.png": b"x", "labels.csv": "filename\na.png\n", "readme.txt": "", "._0.png": b""},
    )
    assert not findings(folder)


@pytest.mark.parametrize("prefix", ["", "test/"])
def test_equal_names_in_a_folder_of_training_data_are_none_of_the_references(
    tmp_path: Path, prefix: str
) -> None:
    folder = good_bundle(tmp_path)
    (folder / "input_data").rename(folder / "test")
    shutil.copytree(folder / "test", folder / "input_data/train")
    shutil.copyfile(folder / "test/0.png", folder / "input_data/train/77.png")
    (folder / "test").rename(folder / "input_data/test")
    table = folder / "reference_data/ref.csv"
    rows = [f"{number}.png" for number in range(4)]
    table.write_text("filename,answer\n" + "".join(f"{prefix}{row},1\n" for row in rows))
    assert not findings(folder)


def test_a_reference_of_other_files_than_images_is_not_compared(tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    replace("reference_data/ref.csv", ".png", "")(folder)
    assert not findings(folder)


def test_a_reference_that_names_paths_is_compared_by_name(tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    (folder / "input_data").rename(folder / "images")
    (folder / "input_data").mkdir()
    (folder / "images").rename(folder / "input_data/images")
    table = folder / "reference_data/ref.csv"
    table.write_text(table.read_text().replace("\n", "\nimages/").removesuffix("images/"))
    assert "images/0.png" in table.read_text()
    assert not findings(folder)


def test_other_letters_without_any_match_are_an_error_everywhere(tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    replace("reference_data/ref.csv", ".png", ".PNG")(folder)
    assert [(item.code, item.severity) for item in findings(folder)] == [("data-ids", "error")]


def test_a_table_without_a_known_track_may_have_any_columns(tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    (folder / "reference_data/more.csv").write_text("a,b\n1,2\n")
    assert not findings(folder)
