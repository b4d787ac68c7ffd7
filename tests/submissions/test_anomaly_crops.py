"""Cutting boxes out of frames: where pixels land, what is grey, and what is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from wildlife_anomaly.crops import (
    GREY,
    crop_square,
    in_grey,
    is_night,
    rescaled,
    served_frame,
)

BOX = (100.0, 60.0, 40.0, 20.0)
RED, GREEN = (255, 0, 0), (0, 128, 0)


def frame_with_box() -> Image.Image:
    frame = Image.new("RGB", (320, 180), GREEN)
    ImageDraw.Draw(frame).rectangle((100, 60, 139, 79), fill=RED)
    return frame


def test_a_box_without_margin_fills_the_square_along_its_longer_side() -> None:
    square = crop_square(frame_with_box(), BOX, 80, margin=0.0)
    assert square.shape == (80, 80, 3)
    assert (square[22:58, 2:78] == RED).all()
    assert (square[:18] == GREEN).all()
    assert (square[62:] == GREEN).all()


def test_the_margin_is_a_share_of_the_longer_side_on_each_side() -> None:
    square = crop_square(frame_with_box(), BOX, 80, margin=0.5)
    reds = np.flatnonzero((square[40] == RED).all(axis=1))
    assert (reds[0], reds[-1]) == pytest.approx((20, 59), abs=1)


@pytest.mark.parametrize(
    ("box", "grey"),
    [
        ((-20.0, 60.0, 40.0, 40.0), np.s_[:, :38]),
        ((300.0, 60.0, 40.0, 40.0), np.s_[:, 42:]),
        ((100.0, -20.0, 40.0, 40.0), np.s_[:38, :]),
        ((100.0, 160.0, 40.0, 40.0), np.s_[42:, :]),
    ],
)
def test_outside_the_frame_the_square_is_grey(
    box: tuple[float, ...], grey: tuple[slice, ...]
) -> None:
    left, top, width, height = box
    square = crop_square(frame_with_box(), (left, top, width, height), 80, margin=0.0)
    assert (square[grey] == GREY).all()
    assert (square == GREEN).all(axis=2).mean() > 0.4


@pytest.mark.parametrize(
    "box",
    [
        (320.0, 0.0, 5.0, 5.0),
        (0.0, 180.0, 5.0, 5.0),
        (-5.0, 0.0, 5.0, 5.0),
        (10.0, 10.0, 0.0, 5.0),
        (10.0, 10.0, 5.0, float("nan")),
    ],
)
def test_a_box_outside_or_without_area_is_refused(box: tuple[float, ...]) -> None:
    left, top, width, height = box
    with pytest.raises(ValueError, match="inside a frame of 320 x 180 pixels"):
        crop_square(frame_with_box(), (left, top, width, height), 32, margin=0.1)


def test_a_tiny_box_at_the_edge_gives_a_square_too() -> None:
    assert crop_square(frame_with_box(), (319.5, 179.5, 0.4, 0.3), 32, 0.1).shape == (32, 32, 3)


def test_a_large_frame_is_read_smaller_and_its_boxes_follow() -> None:
    large = frame_with_box().resize((3200, 1800), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    large.save(stream, "JPEG", quality=95)
    with Image.open(stream) as opened:
        seen = served_frame(opened)
    assert 640 <= max(seen.size) < 1280
    box = rescaled((1000.0, 600.0, 400.0, 200.0), large.size, seen.size)
    square = crop_square(seen, box, 80, margin=0.0).astype(int)
    assert np.abs(square[24:56, 4:76] - RED).max() < 16


def test_a_small_frame_stays_as_it_is() -> None:
    frame = frame_with_box()
    assert np.array_equal(np.asarray(served_frame(frame)), np.asarray(frame))


def test_night_is_told_by_colour_alone() -> None:
    frame = frame_with_box()
    noise = np.random.default_rng(0).normal(0, 6, (180, 320, 3))
    night = np.clip(np.asarray(frame.convert("L").convert("RGB")) + noise, 0, 255)
    assert not is_night(frame)
    assert is_night(Image.fromarray(night.astype(np.uint8)))


def test_grey_crops_keep_their_brightness() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    grey = in_grey(pixels)
    assert np.ptp(grey, axis=-1).max() == 0
    expected = np.asarray(Image.fromarray(pixels[0]).convert("L")).astype(int)
    assert np.abs(grey[0, ..., 0].astype(int) - expected).max() <= 1
