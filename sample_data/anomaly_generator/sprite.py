"""The sheet on which one animal or object is drawn, before it is put into a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from sample_data.generator_common.scenery import FINE
from sample_data.generator_common.shapes import Colour, Points, fill

# The sheet in trunk lengths, and where on it the middle of the trunk stands on the ground.
WIDTH, HEIGHT = 4.4, 3.3
FOOT = (2.2, 3.0)


@dataclass(frozen=True)
class Pose:
    """How an animal stands: what changes from frame to frame."""

    left: bool  # which way it looks
    phase: float  # of its gait, 0..1
    nod: float  # how much lower the neck is, in radians
    yaw: float  # share of the length that is seen
    tilt: float  # radians
    shine: bool = False  # eyes that throw the lamp's light back


class Sheet:
    """A drawing in trunk lengths; x from the middle of the trunk, y up from the ground.

    The animal looks to the left; `finished` turns it as its pose says.
    """

    def __init__(self, pixels: float) -> None:
        """pixels: the length of the trunk in the image."""
        self.unit = pixels * FINE
        size = (round(WIDTH * self.unit), round(HEIGHT * self.unit))
        self.skin = Image.new("RGBA", size, (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.skin)

    def place(self, points: Points) -> Points:
        """Return points in trunk lengths, (n, 2), as pixels of the sheet."""
        return np.stack([points[:, 0] + FOOT[0], FOOT[1] - points[:, 1]], axis=1) * self.unit

    def fill(self, points: Points, colour: Colour) -> None:
        fill(self.draw, self.place(points), colour)

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        at = np.linspace(0, 2 * np.pi, 13)[:-1]
        self.fill(np.stack([x + radius * np.cos(at), y + radius * np.sin(at)], axis=1), colour)

    def clip_to(self, outline: Points, coat: Sheet) -> None:
        """Lay what `coat` shows over the drawing, within the outline only."""
        mask = Image.new("L", self.skin.size, 0)
        fill(ImageDraw.Draw(mask), self.place(outline), 255)
        alpha = Image.composite(coat.skin.getchannel("A"), Image.new("L", mask.size, 0), mask)
        self.skin.paste(coat.skin.convert("RGB"), mask=alpha)

    def finished(self, pose: Pose) -> Image.Image:
        """Return the drawing, turned, FINE times as large as in the image, in mode RGBA."""
        image = self.skin
        if not pose.left:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        width, height = image.size
        foot = (FOOT[0] * self.unit, FOOT[1] * self.unit)
        cos, sin = np.cos(pose.tilt), np.sin(pose.tilt)
        a, b, d, e = cos / pose.yaw, sin, -sin / pose.yaw, cos
        data = (
            a,
            b,
            foot[0] - a * foot[0] - b * foot[1],
            d,
            e,
            foot[1] - d * foot[0] - e * foot[1],
        )
        return image.transform(
            (width, height), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
        )
