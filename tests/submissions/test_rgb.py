"""Any PIL image to RGB: one case for each choice that wildlife_image/rgb.py documents."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tests.support.kit import ROOT
from wildlife_image.rgb import to_rgb

GREY = np.arange(0, 256, 5, dtype=np.uint8).reshape(4, 13)
RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0),
)  # fmt: skip
MODES = (
    "1", "L", "P", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "LA", "La", "PA",
    "I", "F", "I;16", "I;16L", "I;16B", "LAB",
)  # fmt: skip


def of_mode(mode: str, size: tuple[int, int]) -> Image.Image:
    """A gradient in that mode, by whichever way Pillow knows."""
    grey = Image.linear_gradient("L").resize(size)
    if mode == "LAB":
        return Image.new("LAB", size, (128, 100, 100))
    way = {"La": "LA", "RGBa": "RGBA", "PA": "P", "I;16L": "I", "I;16B": "I", "I;16": "I"}
    return grey.convert(way.get(mode, mode)).convert(mode)


def read(image: Image.Image) -> NDArray[np.uint8]:
    rgb = to_rgb(image)
    assert rgb.mode == "RGB"
    return np.asarray(rgb)


def grey_of(image: Image.Image) -> NDArray[np.uint8]:
    """(h, w) of an image whose three channels come out equal."""
    pixels = read(image)
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


@given(st.sampled_from(MODES), st.integers(1, 40), st.integers(1, 40))
def test_every_mode_and_size_becomes_rgb_of_that_size(mode: str, width: int, height: int) -> None:
    image = of_mode(mode, (width, height))
    rgb = to_rgb(image)
    assert (rgb.mode, rgb.size) == ("RGB", (width, height))
    assert rgb is not image


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=30),
    st.sampled_from([np.float32, np.float64]),
)
def test_no_float_image_gives_an_error_or_a_warning(
    values: list[float], kind: type[np.floating]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = np.array([values], dtype=np.float32)
        grey = grey_of(Image.fromarray(row))[0]
    finite = np.isfinite(row[0])
    order = np.argsort(row[0][finite], kind="stable")
    assert (np.diff(grey[finite][order].astype(int)) >= 0).all()  # a brighter value stays brighter
    assert (grey[np.isnan(row[0]) | (row[0] == -np.inf)] == 0).all()
    assert (grey[row[0] == np.inf] == 255).all()


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 3e9])
def test_a_float_image_is_the_8_bit_one_for_every_white_level(white: float) -> None:
    values = GREY.astype(np.float32) / 255 * np.float32(white)
    np.testing.assert_array_equal(grey_of(Image.fromarray(values)), GREY)


def test_a_float_tiff_and_an_8_bit_png_of_one_image_are_equal(tmp_path: Path) -> None:
    photograph = next((ROOT / "sample_data/reid/input_data").glob("*/*.jpg"))
    with Image.open(photograph) as image:
        grey = np.asarray(image.convert("L"))
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.float32) / 255).save(tmp_path / "grey.tif")
    with Image.open(tmp_path / "grey.png") as png, Image.open(tmp_path / "grey.tif") as tiff:
        assert tiff.mode == "F"
        np.testing.assert_array_equal(read(tiff), read(png))


def test_a_float_image_may_exceed_its_white_level_a_little() -> None:
    pixels = grey_of(Image.fromarray(np.array([[0.5, 1.2, -0.1]], dtype=np.float32)))
    assert pixels.tolist() == [[128, 255, 0]]


def test_16_bits_are_scaled_by_65535_and_8_bit_values_in_them_by_255() -> None:
    whole = Image.fromarray(GREY.astype(np.uint16) * 257)
    assert whole.mode == "I;16"
    np.testing.assert_array_equal(grey_of(whole), GREY)
    np.testing.assert_array_equal(grey_of(Image.fromarray(GREY.astype(np.uint16))), GREY)
    half = np.array([[0, 32768]], dtype=np.uint16)
    assert grey_of(Image.fromarray(half)).tolist() == [[0, 128]]  # never stretched to its maximum


def test_integers_of_32_bits() -> None:
    for factor in (1, 257, 1_000_000):
        values = GREY.astype(np.int32) * factor
        np.testing.assert_array_equal(grey_of(Image.fromarray(values)), GREY)
    assert grey_of(Image.fromarray(np.array([[-5, 0, 255]], np.int32))).tolist() == [[0, 0, 255]]


def test_not_a_number_does_not_set_the_white_level() -> None:
    values = np.array([[np.nan, np.inf, -np.inf, 1.0, 0.0]], dtype=np.float32)
    assert grey_of(Image.fromarray(values)).tolist() == [[0, 255, 0, 255, 0]]
    assert not grey_of(Image.fromarray(np.full((2, 2), np.nan, dtype=np.float32))).any()


def test_white_stands_behind_what_is_transparent() -> None:
    clear = Image.new("RGBA", (3, 1), (*RED, 0))
    clear.putpixel((1, 0), (*RED, 255))
    clear.putpixel((2, 0), (*BLACK, 128))
    assert read(clear)[0].tolist() == [[255] * 3, [*RED], [127] * 3]
    for mode in ("LA", "La"):
        grey = Image.new("LA", (1, 1), (0, 0)).convert(mode)
        assert read(grey)[0, 0].tolist() == [*WHITE]
    assert read(clear.convert("RGBa"))[0, :2].tolist() == [[255] * 3, [*RED]]


def test_a_palette_with_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "palette.png", transparency=0)
    with Image.open(tmp_path / "palette.png") as opened:
        assert opened.mode == "P"
        assert read(opened)[0].tolist() == [[*WHITE], [*GREEN]]
    assert read(image.convert("PA"))[0].tolist() == [[*RED], [*GREEN]]


def test_rgb_and_grey_with_a_transparent_colour(tmp_path: Path) -> None:
    for mode, colour in (("RGB", BLACK), ("L", 0)):
        Image.new(mode, (1, 1), colour).save(tmp_path / "key.png", transparency=colour)
        with Image.open(tmp_path / "key.png") as opened:
            assert read(opened)[0, 0].tolist() == [*WHITE]


def test_colours_of_other_spaces() -> None:
    for mode in ("CMYK", "YCbCr", "HSV", "RGBX"):
        for colour in (RED, GREEN, BLUE, WHITE, BLACK):
            pixel = read(Image.new("RGB", (1, 1), colour).convert(mode))[0, 0].astype(int)
            assert np.abs(pixel - colour).max() <= 3, (mode, colour)


def test_one_bit_is_black_and_white() -> None:
    bits = Image.fromarray(np.array([[True, False]]))
    assert bits.mode == "1"
    assert grey_of(bits).tolist() == [[255, 0]]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied_once(kind: str, orientation: int) -> None:
    half = Image.new("RGB", (32, 16), RED)
    half.paste(BLUE, (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    half.save(file, kind, exif=exif)
    with Image.open(io.BytesIO(file.getvalue())) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    with Image.open(file) as image:
        np.testing.assert_array_equal(read(image), expected)
    assert expected.shape[:2] == ((32, 16) if orientation >= 5 else (16, 32))


@given(st.binary(max_size=60))
def test_a_damaged_exif_block_is_ignored(block: bytes) -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), BLUE).save(file, "PNG", exif=b"Exif\0\0MM\0*" + block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own
        with Image.open(file) as image:
            assert read(image)[0, 0].tolist() == [*BLUE]


def test_a_image_that_is_cut_off_is_an_error() -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(file, "JPEG")
    with (
        Image.open(io.BytesIO(file.getvalue()[: file.tell() // 2])) as image,
        pytest.raises(OSError, match="truncated"),
    ):
        to_rgb(image)


def test_a_jpeg_may_come_smaller_but_not_below_the_size_asked_for() -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((800, 400)).convert("RGB").save(file, "JPEG")
    with Image.open(file) as image:
        assert to_rgb(image, 100).size == (200, 100)
    with Image.open(file) as image:
        assert to_rgb(image).size == (800, 400)
