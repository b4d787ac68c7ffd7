"""An animal as a list of outlines in coordinates of its own, and its painting on a sheet.

The animal lies along x, its head to the left; y points down. Its size does not matter: a pose
scales it into the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from sample_data.generator_common.scenery import FINE, Size
from sample_data.generator_common.shapes import Colour, Points, fill, limb, refine, smooth, tone
from sample_data.reid_generator.views import View

Joints = Sequence[Sequence[float] | Points] | Points

_RIM = 0.62  # how dark a part's rim is next to the part
_EYE: Colour = (22, 20, 18)


@dataclass(frozen=True)
class Part:
    """One outline, (n, 2), with its shade (1 is the animal's colour) and marks within it."""

    outline: Points
    shade: float = 1.0
    second: bool = False  # painted in the second colour, marks in the first
    marks: tuple[Points, ...] = ()


@dataclass
class Sketch:
    """The parts of an animal, those behind first."""

    parts: list[Part] = field(default_factory=list)

    def add(
        self,
        outline: Points,
        shade: float = 1.0,
        second: bool = False,
        marks: Sequence[Points] = (),
    ) -> None:
        """Add a part in front of the others."""
        self.parts.append(Part(outline, shade, second, tuple(marks)))

    def pair(self, outline: Points, shade: float = 1.0, second: bool = False) -> None:
        """Add a part and its mirror image across the animal's axis."""
        self.add(outline, shade, second)
        self.add(outline * [1, -1], shade, second)

    def limb(self, joints: Joints, widths: tuple[float, float], shade: float = 0.8) -> None:
        """Add a tapered limb along joints, with its width at both ends."""
        self.add(strip(joints, widths), shade)

    def points(self) -> Points:
        """All outlines, (n, 2)."""
        return np.concatenate([part.outline for part in self.parts])


def strip(joints: Joints, widths: tuple[float, float]) -> Points:
    """Return the outline of a tapered limb along joints."""
    line = refine(np.array(joints, dtype=float))
    return limb(line, np.linspace(*widths, len(line)))


def oval(x: float, y: float, rx: float, ry: float, corners: int = 28) -> Points:
    """Return an ellipse, (corners, 2)."""
    at = np.arange(corners) * 2 * np.pi / corners
    return np.stack([x + rx * np.cos(at), y + ry * np.sin(at)], axis=1)


def curve(corners: Sequence[Sequence[float]]) -> Points:
    """Return a smooth closed outline through corners."""
    return smooth(np.array(corners, dtype=float))


def turned(points: Points, angle: float, about: Sequence[float] = (0.0, 0.0)) -> Points:
    """Return the points turned by an angle in radians."""
    centre = np.array(about, dtype=float)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray((points - centre) @ matrix + centre)


@dataclass(frozen=True)
class Painted:
    """An animal in a pose, FINE times as large as its image: colours, and its shape (mode L)."""

    skin: Image.Image
    shape: Image.Image


def posed(sketch: Sketch, size: Size, turn: float, zoom: float, rng: np.random.Generator) -> View:
    """Return a pose in which the animal fills about `zoom` of the frame, turned by `turn`."""
    frame = np.array(size, dtype=float) * FINE
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.diag([1.0, rng.uniform(0.85, 1.0)])
    points = sketch.points()
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    extent = np.abs((points - centre) @ matrix.T).max(axis=0) * 2
    scale = zoom * float((frame / np.maximum(extent, 1e-6)).min())
    middle = frame * (0.5 + rng.uniform(-1, 1, 2) * max(0.05, (1 - zoom) / 3))
    mirrored = bool(rng.random() < 0.5)
    return View(frame, centre, matrix * scale, middle, rng.normal(0, 0.05), 0.0, mirrored)


def paint(sketch: Sketch, view: View, first: Colour, second: Colour) -> Painted:
    """Paint the parts from back to front."""
    size = (int(view.frame[0]), int(view.frame[1]))
    skin, shape = Image.new("RGB", size, first), Image.new("L", size, 0)
    pens = ImageDraw.Draw(skin), ImageDraw.Draw(shape)
    for part in sketch.parts:
        own, other = (second, first) if part.second else (first, second)
        placed = view.place(part.outline)
        fill(pens[0], placed, tone(own, part.shade))
        if part.marks:
            _paint_marks(skin, placed, [view.place(one) for one in part.marks], other)
        pens[0].line([*map(tuple, placed), tuple(placed[0])], fill=tone(own, _RIM), width=FINE)
        fill(pens[1], placed, 255)
    return Painted(skin, shape)


def _paint_marks(skin: Image.Image, within: Points, marks: list[Points], colour: Colour) -> None:
    inside, drawn = Image.new("L", skin.size, 0), Image.new("L", skin.size, 0)
    fill(ImageDraw.Draw(inside), within, 255)
    pen = ImageDraw.Draw(drawn)
    for one in marks:
        fill(pen, one, 255)
    skin.paste(colour, mask=ImageChops.multiply(inside, drawn))


def eye(sketch: Sketch, x: float, y: float, radius: float) -> None:
    """Add an eye: a pale ring and a dark pupil."""
    sketch.add(oval(x, y, radius, radius, 14), 1.7)
    sketch.add(oval(x, y, 0.6 * radius, 0.6 * radius, 14), 0.12)
