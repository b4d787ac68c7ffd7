"""From an image to a map of wing colour and edges, the same in training and in serving."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wildlife_wings.alignment import FRAME_HEIGHT, FRAME_WIDTH, find_pose, into_frame
from wildlife_wings.find_wings import background_colour, find_wings, read_small

Array = NDArray[np.float64]

CELL = 4  # pixels of the frame a cell is wide and high
MAP_ROWS, MAP_COLUMNS = FRAME_HEIGHT // CELL, FRAME_WIDTH // 2 // CELL
COLOUR_CHANNELS, EDGE_CHANNELS = 3, 4
CHANNELS = COLOUR_CHANNELS + EDGE_CHANNELS
# Wing colours relative to the background lie in about 0..1; glare above this is cut.
_BRIGHTEST = 1.5
# A cell that is mostly background leans to the wings' mean, as if this share of it were wing.
_PRIOR_COVER = 0.15
_EDGE_WEIGHT = 2.0


def aligned_wings(image: Image.Image) -> Array:
    """Return (72, 96, 4): red, green, blue relative to the background, and the wing's cover."""
    rgb = read_small(image)
    background = background_colour(rgb)
    mask = find_wings(rgb, background)
    # Dividing by the background takes out the lamp's brightness and colour.
    relative = np.minimum(rgb / background, _BRIGHTEST)
    shade = np.clip(1.0 - (relative[..., 0] + relative[..., 1] + relative[..., 2]) / 3, 0.0, 1.0)
    pose = find_pose(mask, shade)
    return into_frame(np.dstack([relative, mask.astype(np.float64)]), mask, pose)


def pattern_map(wings: Array) -> Array:
    """Turn aligned wings (72, 96, 4) into a map (18, 12, 7) of one side, from the body outwards.

    Left and right are averaged by their cover, which repairs a torn side. Channels: brightness,
    red minus green, yellow minus blue, and edges in four directions from headwards to tailwards.
    """
    colour, cover = wings[..., :3], wings[..., 3]
    area = _fold(cover)
    cells = np.stack([_fold(colour[..., c] * cover) for c in range(3)], axis=-1)
    full = 2.0 * CELL * CELL
    mean = cells.sum(axis=(0, 1)) / max(float(area.sum()), 1e-9)
    prior = _PRIOR_COVER * full
    cells = (cells + prior * mean) / (area + prior)[..., None]
    red, green, blue = cells[..., 0], cells[..., 1], cells[..., 2]
    channels = [(red + green + blue) / 3, red - green, (red + green) / 2 - blue]
    edges = _edges(colour.mean(axis=-1) * cover)
    mean_edge = [float(_fold(e * cover).sum()) / max(float(area.sum()), 1e-9) for e in edges]
    channels += [
        _EDGE_WEIGHT * (_fold(e * cover) + prior * m) / (area + prior)
        for e, m in zip(edges, mean_edge, strict=True)
    ]
    return np.stack(channels, axis=-1)


def _fold(plane: Array) -> Array:
    """(72, 96) -> (18, 12) sums over cells of the right half plus the mirrored left half."""
    folded = (plane + plane[:, ::-1])[:, FRAME_WIDTH // 2 :]
    sums: Array = folded.reshape(MAP_ROWS, CELL, MAP_COLUMNS, CELL).sum(axis=(1, 3))
    return sums


def _edges(grey: Array) -> list[Array]:
    """Gradient magnitude by direction, four bins from headwards to tailwards, each (72, 96)."""
    along, across = np.gradient(grey)
    # A direction and its mirror image share a bin, because left and right are folded together.
    direction = np.floor(np.arctan2(along, np.abs(across)) / np.pi * EDGE_CHANNELS + 2.0)
    direction = np.clip(direction, 0, EDGE_CHANNELS - 1)
    strength = np.hypot(across, along)
    return [np.where(direction == k, strength, 0.0) for k in range(EDGE_CHANNELS)]


def image_pattern_map(image: Image.Image) -> Array:
    """Return the (18, 12, 7) pattern map of any PIL image, finite float64."""
    return pattern_map(aligned_wings(image))
