"""Images of the input data: what Pillow refuses is found, what others read is no error."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from kit.checks.bundle.folder import check_bundle
from kit.checks.bundle.images import Tolerance, check_folder, decoding_order
from kit.findings.finding import Finding
from tests.support.bundle_defects import huge_png
from tests.support.checks import good_bundle, good_competition
from tests.support.kit import ROOT, make_bundle, write_tree

NOTHING = Tolerance()
SAMPLES = sorted(path.parent.name for path in (ROOT / "sample_data").glob("*/competition.yaml"))


def found(folder: Path, tolerance: Tolerance = NOTHING, seconds: float = 10) -> list[Finding]:
    return list(check_folder(folder, "input_data", tolerance, seconds))


def noise(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((200, 200), 90).save(path)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "JPG", "png", "bmp", "tif", "gif"])
def test_a_cut_off_image_of_any_format_is_found(tmp_path: Path, suffix: str) -> None:
    noise(tmp_path / "deep" / f"good.{suffix}")
    path = noise(tmp_path / f"cut.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (finding,) = found(tmp_path)
    assert finding.code == "image-unreadable"
    assert finding.found.startswith("1 of 2 images: cut.")


def test_all_bad_images_are_one_finding(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"{number}.jpg": b"x" for number in range(9)})
    (finding,) = found(tmp_path)
    assert "9 of 9 images" in finding.found
    assert "and 5 more" in finding.found


def test_an_image_without_its_last_mark_is_decoded_first(tmp_path: Path) -> None:
    paths = [noise(tmp_path / f"{number}.jpg") for number in range(30)]
    paths[17].write_bytes(paths[17].read_bytes()[:-400])
    order = decoding_order(paths)
    assert order[0] == paths[17]
    assert sorted(order) == sorted(paths)


def test_a_check_that_runs_out_of_time_says_how_far_it_came(tmp_path: Path) -> None:
    noise(tmp_path / "a.jpg")
    (finding,) = found(tmp_path, seconds=-1)
    assert (finding.code, finding.severity) == ("images-undecoded", "note")
    assert "0 of 1 images decoded" in finding.found


@pytest.mark.parametrize("track", SAMPLES)
def test_a_cut_off_image_of_a_sample_bundle_is_found(track: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "sample_data" / track, tmp_path / track))
    assert not [item for item in check_bundle(folder).findings if item.code.startswith("image")]
    image = next((folder / "input_data/final").glob("*.jpg"))
    image.write_bytes(image.read_bytes()[:-300])
    codes = [item.code for item in check_bundle(folder).findings if item.severity == "error"]
    assert codes == ["image-unreadable"]


def test_what_the_ingestion_program_tells_pillow_counts(tmp_path: Path) -> None:
    cut = noise(tmp_path / "cut.jpg")
    cut.write_bytes(cut.read_bytes()[:3000])
    (tmp_path / "large.png").write_bytes(huge_png(30_000, 30_000))
    assert {item.code for item in found(tmp_path)} == {"image-unreadable", "image-too-large"}
    lenient = Tolerance(any_size=True, cut_off=True)
    assert not found(tmp_path, lenient)
    bundle = good_bundle(tmp_path / "other")
    (bundle / "input_data/0.png").write_bytes(huge_png(30_000, 30_000))
    program = bundle / "ingestion_program/ingestion.py"
    assert "image-too-large" in {item.code for item in check_bundle(bundle).findings}
    program.write_text(program.read_text() + "\nImage.MAX_IMAGE_PIXELS = None\n")
    assert not {"image-too-large", "image-unreadable"} & {
        item.code for item in check_bundle(bundle).findings
    }


def test_images_that_nothing_opens_on_the_platform_are_a_warning(tmp_path: Path) -> None:
    content = good_competition()
    del content["tasks"][0]["ingestion_program"]
    bundle = make_bundle(tmp_path / "bundle", content)
    (bundle / "input_data/0.png").write_bytes(b"x")
    found_there = [item for item in check_bundle(bundle).findings if item.code.startswith("image")]
    assert [(item.code, item.severity) for item in found_there] == [("image-format", "warning")]


def test_pipes_and_dangling_links_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "nowhere")
    assert not found(tmp_path)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "I;16", "F", "CMYK"])
def test_good_images_of_all_modes_have_no_finding(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (9, 7)).save(tmp_path / "image.tif")
    assert not found(tmp_path)


def test_what_is_no_image_is_not_opened(tmp_path: Path) -> None:
    write_tree(tmp_path, {"metadata.csv": "filename\n", "._a.jpg": "x", "__MACOSX/._b.jpg": "x"})
    assert not found(tmp_path)
