"""One frame: a place, the animals in it in their order of distance, and the light."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from sample_data.generator_common.scenery import FINE, Pixels, fractal

from . import beast, bird
from .light import Light, expose
from .objects import OBJECT_SIZE, ODD_OBJECTS
from .places import SIZE, Place
from .species import Traits
from .sprite import FOOT, Pose, Sheet

QUALITY = 80
_MOST_BLUR = 6  # pixels
_SOLID = 0.35  # share of a pixel from which on it counts as the animal's
_OBJECTS = {name: draw for task in ODD_OBJECTS.values() for name, draw in task.items()}


@dataclass(frozen=True)
class Actor:
    """An animal or thing in one frame; `traits` is None for a thing."""

    name: str
    traits: Traits | None
    foot: tuple[float, float]  # pixels
    pose: Pose
    step: float  # pixels that it moves between two frames
    seed: int  # of its markings


@dataclass(frozen=True)
class Shot:
    """A frame's file, and the box of what is visible of each actor: left, top, width, height."""

    jpeg: bytes
    boxes: tuple[tuple[int, int, int, int], ...]


def _drawn(actor: Actor, scale: float) -> tuple[Image.Image, tuple[float, float]]:
    """The actor, FINE times as large as in the image, and where its foot is on the drawing."""
    rng = np.random.default_rng(actor.seed)
    sheet = Sheet(scale * (actor.traits.size if actor.traits else OBJECT_SIZE))
    if actor.traits is None:
        _OBJECTS[actor.name](sheet, rng)
    else:
        (bird if actor.traits.bird else beast).draw(sheet, actor.traits, actor.pose, rng)
    return sheet.finished(actor.pose), (FOOT[0] * sheet.unit, FOOT[1] * sheet.unit)


def _layer(actor: Actor, scale: float, blur: float) -> tuple[Pixels, Pixels]:
    """Colours, (180, 320, 3), and opacity, (180, 320, 1), of one actor."""
    drawing, foot = _drawn(actor, scale)
    full = Image.new("RGBA", (SIZE[0] * FINE, SIZE[1] * FINE), (0, 0, 0, 0))
    left, top = (round(a * FINE - b) for a, b in zip(actor.foot, foot, strict=True))
    full.paste(drawing, (left, top))
    small = np.asarray(full.resize(SIZE, Image.Resampling.BOX), dtype=float)
    alpha = small[..., 3:] / 255
    colours = _shaded(small[..., :3], alpha, actor) * alpha
    length = min(int(abs(actor.step) * blur), _MOST_BLUR)
    if length > 1:
        stacked = np.concatenate([colours, alpha], axis=2)
        moved = [_moved(stacked, by - length // 2, 0, "constant") for by in range(length)]
        colours, alpha = np.split(np.mean(moved, axis=0), [3], axis=2)
    return colours / np.maximum(alpha, 1e-6), alpha


def _moved(pixels: Pixels, right: int, down: int, edge: Literal["constant", "edge"]) -> Pixels:
    """The pixels moved by some pixels; what comes in is nothing, or like the edge."""
    padded = np.pad(pixels, ((_MOST_BLUR,) * 2, (_MOST_BLUR,) * 2, (0, 0)), mode=edge)
    top, left = _MOST_BLUR - down, _MOST_BLUR - right
    return padded[top : top + pixels.shape[0], left : left + pixels.shape[1]]


def _shaded(colours: Pixels, alpha: Pixels, actor: Actor) -> Pixels:
    """Light from above: bright at the back, dark at the feet, with the grain of a coat."""
    rows = np.flatnonzero(alpha.max(axis=(1, 2)) > _SOLID)
    top, bottom = (rows[0], rows[-1]) if len(rows) else (0, SIZE[1])
    down = np.clip((np.arange(SIZE[1]) - top) / max(bottom - top, 1), 0, 1)[:, None, None]
    rng = np.random.default_rng([actor.seed, 1])
    texture = 1 + 0.05 * fractal(rng, SIZE, 40, 0.8)[..., None]
    return np.asarray(np.clip(colours * (1.12 - 0.36 * down) * texture, 0, 255))


def _shadow(scene: Pixels, alpha: Pixels, actor: Actor, light: Light) -> Pixels:
    """The ground darker under the animal; by night the lamp is next to the lens."""
    if light.infrared:
        return scene
    columns = np.flatnonzero(alpha.max(axis=(0, 2)) > _SOLID)
    if not len(columns):
        return scene
    shape = Image.new("L", SIZE, 0)
    half = 0.5 * (columns[-1] - columns[0])
    y, flat = actor.foot[1], max(2.0, 0.16 * half)
    box = [columns[0] - 0.1 * half, y - flat, columns[-1] + 0.1 * half, y + flat]
    ImageDraw.Draw(shape).ellipse(box, fill=255)
    soft = np.asarray(shape.filter(ImageFilter.GaussianBlur(2.5)), dtype=float)[..., None] / 255
    return scene * (1 - 0.45 * soft)


def box_of(visible: Pixels) -> tuple[int, int, int, int] | None:
    """Return left, top, width, height of what is solid in (h, w, 1); None where nothing is."""
    solid = visible[..., 0] > _SOLID
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top


def take(place: Place, actors: Sequence[Actor], light: Light, rng: np.random.Generator) -> Shot:
    """Return the frame; raises ValueError where an actor cannot be seen at all."""
    right, down = (int(rng.integers(-1, 2)) for _ in "xy")  # wind shakes the camera
    scene = _moved(place.scene, right, down, "edge")
    front = _moved(np.asarray(place.front, dtype=float), right, down, "edge")
    over = front[..., 3:] / 255
    layers: dict[int, Pixels] = {}
    for number in sorted(range(len(actors)), key=lambda one: actors[one].foot[1]):
        actor = actors[number]
        colours, alpha = _layer(actor, place.scale(actor.foot[1]), light.blur)
        scene = _shadow(scene, alpha, actor, light)
        scene = scene * (1 - alpha) + colours * alpha
        layers = {other: visible * (1 - alpha) for other, visible in layers.items()}
        layers[number] = alpha
    scene = scene * (1 - over) + front[..., :3] * over
    boxes = [box_of(layers[number] * (1 - over)) for number in range(len(actors))]
    if None in boxes:
        raise ValueError(f"{actors[boxes.index(None)]} cannot be seen")
    image = expose(scene, light, place.horizon, rng)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True, subsampling="4:2:0")
    return Shot(buffer.getvalue(), tuple(box for box in boxes if box is not None))
