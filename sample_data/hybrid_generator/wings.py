"""Draws one specimen: four wings with their pattern, body and antennae.

Pattern elements are polygons in wing coordinates (`outlines.py`), so the same pattern sits on any
outline and in any pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from .outlines import Forewing, Hindwing, Points, antenna, body, forewing, hindwing
from .phenotype import Colour, Phenotype, mix

SIDES = (-1, 1)  # left, right
DARK: Colour = (22, 17, 15)
TAN: Colour = (150, 128, 98)
WHITE: Colour = (236, 230, 216)
VEINS = np.array([0.13, 0.27, 0.41, 0.55, 0.69, 0.83])  # across the forewing, costa to lower edge
RAYS = np.array([0.2, 0.31, 0.42, 0.53, 0.64, 0.75, 0.86])  # along the hindwing's edge


@dataclass(frozen=True)
class Pose:
    """Where the specimen lies on the canvas: pixels, radians, clockwise."""

    x: float
    y: float
    scale: float  # pixels of half a wingspan
    rotation: float
    forewing_angles: tuple[float, float]  # left, right: raised above 0
    hindwing_angles: tuple[float, float]


@dataclass(frozen=True)
class Wear:
    """Damage of age: chips out of the margin, scratches, lost and faded scales (0..1)."""

    chips: int
    scratches: int
    fading: float


def _rotate(points: Points, angle: float) -> Points:
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = points[..., 0], points[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def _polygon(points: Points) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


class Specimen:
    """Paints into `image` in place; `rng` decides what differs between equal phenotypes."""

    def __init__(self, image: Image.Image, look: Phenotype, pose: Pose, rng: np.random.Generator):
        self.image, self.look, self.pose, self.rng = image, look, pose, rng
        self.fore: Forewing = forewing(look.species)
        self.hind: Hindwing = hindwing(look.species)

    # Placing.

    def _place(self, points: Points, side: int, angle: float, size: float) -> Points:
        """Canonical to canvas: resize, raise the wing, mirror, turn the whole specimen."""
        raised = _rotate(points * size, -angle) * [side, 1]
        return _rotate(raised, self.pose.rotation) * self.pose.scale + [self.pose.x, self.pose.y]

    def _on_forewings(self, points: Points) -> list[Points]:
        size = self.look.forewing_length
        angles = zip(SIDES, self.pose.forewing_angles, strict=True)
        return [self._place(points, side, angle, size) for side, angle in angles]

    def _on_hindwings(self, points: Points) -> list[Points]:
        size = self.look.hindwing_size
        angles = zip(SIDES, self.pose.hindwing_angles, strict=True)
        return [self._place(points, side, angle, size) for side, angle in angles]

    # Painting.

    def mask(self, polygons: list[Points], opacity: float = 1.0, blur: float = 0.0) -> Image.Image:
        """8-bit coverage of the polygons; `blur` is a radius in shares of half a wingspan."""
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        for polygon in polygons:
            draw.polygon(_polygon(polygon), fill=round(255 * min(1.0, opacity)))
        if blur:
            # A blur needs no detail: a quarter of the size looks the same in a tenth of the time.
            small = mask.reduce(4).filter(ImageFilter.GaussianBlur(blur * self.pose.scale / 4))
            mask = small.resize(mask.size, Image.Resampling.BILINEAR)
        return mask

    def paint(
        self,
        clip: Image.Image,
        polygons: list[Points],
        colour: Colour,
        opacity: float = 1.0,
        blur: float = 0.0,
    ) -> None:
        mask = ImageChops.multiply(self.mask(polygons, opacity, blur), clip)
        self.image.paste(colour, mask=mask)

    def lines(
        self, clip: Image.Image, lines: list[Points], colour: Colour, width: float, opacity: float
    ) -> None:
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        pixels = max(1, round(width * self.pose.scale))
        for line in lines:
            draw.line(_polygon(line), fill=round(255 * opacity), width=pixels, joint="curve")
        self.image.paste(colour, mask=ImageChops.multiply(mask, clip))

    # Wear.

    def chip(self, mask: Image.Image, edges: list[Points], count: int) -> None:
        """Bites out of the outer margin of a wing mask, in place."""
        draw = ImageDraw.Draw(mask)
        for _ in range(count):
            edge = edges[int(self.rng.integers(len(edges)))]
            at = int(self.rng.integers(len(edge) // 4, len(edge) - len(edge) // 5))
            radius = self.pose.scale * self.rng.uniform(0.012, 0.045)
            angles = np.sort(self.rng.uniform(0, 2 * np.pi, 7))
            reach = radius * self.rng.uniform(0.6, 1.5, (7, 1))
            bite = edge[at] + reach * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
            draw.polygon(_polygon(bite), fill=0)

    def wear(self, clip: Image.Image, wear: Wear) -> None:
        tan = mix(self.look.ground, TAN, 0.8)
        self.image.paste(tan, mask=clip.point(lambda value: round(value * wear.fading)))
        low, high = np.array(clip.getbbox()).reshape(2, 2)
        starts = self.rng.uniform(low, high, (wear.scratches, 2))
        steps = self.rng.normal(0, 0.07, (wear.scratches, 2)) * self.pose.scale
        for start, step in zip(starts, steps, strict=True):
            self.lines(clip, [np.stack([start, start + step])], TAN, 0.008, 0.55)

    # The hindwing.

    def draw_hindwings(self, clip: Image.Image) -> None:
        look = self.look
        self.image.paste(look.ground, mask=clip)
        gloss = self.hind.at(np.array([0.1, 1, 1, 1, 0.5]), np.array([0.0, 0.0, 0.1, 0.2, 0.2]))
        self.paint(clip, self._on_hindwings(gloss), TAN, 0.6, blur=0.05)
        if look.rays:
            self._draw_rays(clip)
        if look.bar > 0.02:
            self._draw_bar(clip)
        if look.margin:
            self._draw_margin(clip)
        ends = np.concatenate([[0.11], (RAYS[1:] + RAYS[:-1]) / 2])
        veins = [self.hind.at(np.array([0.1, 1.0]), np.full(2, t)) for t in ends]
        placed = [line for vein in veins for line in self._on_hindwings(vein)]
        self.lines(clip, placed, mix(look.ground, DARK, 0.5), 0.008, 0.6)

    def _draw_rays(self, clip: Image.Image) -> None:
        """Drops of red between the veins; the mimic's begin with a wider head."""
        look = self.look
        head = 0.55 if look.species == "B" else 0.15
        jitter = self.rng.normal(0, 0.035, len(RAYS))
        r = np.linspace(0, 1, 9)
        shape = head * (1 - r) ** 2 + 0.35 + 0.65 * np.sin(np.pi * r**1.4)
        shape[[0, -1]] = 0.05
        rays: list[Points] = []
        for t, wobble in zip(RAYS, jitter, strict=True):
            reach = (0.2 + 0.62 * look.rays * (1 + wobble)) - 0.12 * abs(t - 0.5)
            along_ray = 0.24 + (reach - 0.24) * r
            half = 0.021 * (0.4 + 0.6 * look.rays) * shape
            upper, lower = self.hind.at(along_ray, t - half), self.hind.at(along_ray, t + half)
            rays += self._on_hindwings(np.vstack([upper, lower[::-1]]))
        self.paint(clip, rays, look.red)

    def _draw_bar(self, clip: Image.Image) -> None:
        """One stripe of even width; a carrier shows only its shadow."""
        look = self.look
        r = np.linspace(0.16, look.bar_length, 12)
        taper = np.sqrt(np.clip(1 - ((r - r.mean()) / (0.52 * (r[-1] - r[0]))) ** 4, 0, 1))
        half = 0.031 * taper * (0.6 + 0.4 * look.bar) / np.maximum(r, 0.25)
        wave = self.rng.normal(0, 0.006, (2, 12))
        upper = self.hind.at(r, 0.35 - half + wave[0])
        lower = self.hind.at(r, 0.35 + half + wave[1])
        bar = np.vstack([upper, lower[::-1]])
        self.paint(clip, self._on_hindwings(bar), mix(look.ground, look.yellow, look.bar**0.75))

    def _draw_margin(self, clip: Image.Image) -> None:
        """White teeth along the outer edge, as deep as the locus says."""
        depth = 0.11 * self.look.margin
        teeth: list[Points] = []
        for t in np.linspace(0.2, 0.9, 19):
            deep = 1 - depth * self.rng.uniform(0.75, 1.25)
            corners = self.hind.at(
                np.array([1.05, deep, deep, 1.05]), t + np.array([-0.012, -0.005, 0.005, 0.012])
            )
            teeth += self._on_hindwings(corners)
        self.paint(clip, teeth, WHITE)

    # The forewing.

    def draw_forewings(self, clip: Image.Image) -> None:
        look = self.look
        self.image.paste(look.ground, mask=clip)
        sheen = self.fore.at(np.array([0.1, 0.5, 0.9, 0.5]), np.array([0.8, 0.6, 0.6, 1.0]))
        self.paint(clip, self._on_forewings(sheen), mix(look.ground, TAN, 0.35), 0.7, blur=0.07)
        if look.basal:
            self._draw_basal(clip)
        if look.line:
            u = np.linspace(0.06, 0.44, 8)
            half = 0.035 * np.sin(np.pi * np.linspace(0.08, 0.95, 8))
            stripe = np.vstack([self.fore.at(u, 0.66 - half), self.fore.at(u, 0.66 + half)[::-1]])
            self.paint(clip, self._on_forewings(stripe), look.yellow, look.line)
        self._draw_band(clip)
        veins = [self.fore.at(np.linspace(0.3, 1, 6), np.full(6, v)) for v in VEINS]
        placed = [line for vein in veins for line in self._on_forewings(vein)]
        self.lines(clip, placed, mix(look.ground, DARK, 0.5), 0.008, 0.7)
        edges = self._on_forewings(self.fore.outline)
        self.lines(clip, edges, mix(look.ground, DARK, 0.4), 0.012, 0.6)

    def _draw_basal(self, clip: Image.Image) -> None:
        """The dennis patch: fingers of red from the base, one in each cell."""
        cells = np.array([0.12, 0.3, 0.46, 0.62, 0.78, 0.93])
        reach = np.array([0.2, 0.33, 0.37, 0.36, 0.33, 0.28]) * self.look.basal
        reach = reach * (1 + self.rng.normal(0, 0.05, len(reach)))
        u, v = [0.02], [0.5]
        for cell, length in zip(cells, reach, strict=True):
            u += [0.72 * length, length, 0.72 * length]
            v += [cell - 0.06, cell, cell + 0.06]
        self.paint(clip, self._on_forewings(self.fore.at(np.array(u), np.array(v))), self.look.red)

    def _draw_band(self, clip: Image.Image) -> None:
        look = self.look
        v = np.linspace(0.1, 0.9, 25)
        # Cells between veins end at slightly different lengths: that makes the ragged edge.
        steps = self.rng.normal(0, 0.009, (3, len(VEINS) + 1))[:, np.searchsorted(VEINS, v)]
        rounded = np.clip(1 - np.abs((v - 0.5) / 0.41) ** 2.6, 0, None) ** 0.5
        gap = np.exp(-(((v - 0.46) / 0.13) ** 2))
        half = look.band_width / 2 * rounded * np.clip(1 - 1.15 * look.band_split * gap, 0, None)
        middle = look.band_place + look.band_slant * (v - 0.5)
        ragged = half > 0.006
        inner = middle - half + steps[0] * ragged
        outer = middle + half + steps[1] * ragged
        # The pigment of the lower allele takes the larger share: nearly dominant, not quite.
        seam = middle + 0.25 * half + steps[2] * ragged
        whole = np.vstack([self.fore.at(inner, v), self.fore.at(outer, v)[::-1]])
        self.paint(clip, self._on_forewings(whole), look.band_outer)
        if look.band_inner != look.band_outer:
            part = np.vstack([self.fore.at(inner, v), self.fore.at(seam, v)[::-1]])
            self.paint(clip, self._on_forewings(part), look.band_inner)

    # The whole.

    def draw(self, wear: Wear) -> None:
        hind_edges = self._on_hindwings(self.hind.edge)
        fore_edges = self._on_forewings(self.fore.lower)
        hind_clip = self.mask(self._on_hindwings(self.hind.outline))
        fore_clip = self.mask(self._on_forewings(self.fore.outline))
        self.chip(hind_clip, hind_edges, wear.chips)
        self.chip(fore_clip, fore_edges, wear.chips // 2)
        self._cast_shadow(ImageChops.lighter(hind_clip, fore_clip))
        self.draw_hindwings(hind_clip)
        self.wear(hind_clip, wear)
        self.draw_forewings(fore_clip)
        self.wear(fore_clip, wear)
        self._draw_body()

    def _cast_shadow(self, silhouette: Image.Image) -> None:
        radius = 0.05 * self.pose.scale / 4
        small = silhouette.reduce(4).filter(ImageFilter.GaussianBlur(radius))
        soft = small.point(lambda value: value * 0.45).resize(silhouette.size)
        drop = round(0.03 * self.pose.scale)
        self.image.paste((70, 66, 62), mask=ImageChops.offset(soft, drop, drop))

    def _draw_body(self) -> None:
        draw = ImageDraw.Draw(self.image)
        thin = max(1, round(0.01 * self.pose.scale))
        for side in SIDES:
            bend = float(self.rng.normal(0, 0.12))
            horn = _polygon(self._place(antenna(), side, bend, 1.0))
            draw.line(horn, fill=DARK, width=thin, joint="curve")
            draw.line(horn[-5:], fill=DARK, width=2 * thin + 1, joint="curve")
        draw.polygon(_polygon(self._place(body(), 1, 0.0, 1.0)), fill=DARK)
        for x, y in ((-0.014, -0.125), (0.014, -0.125), (-0.02, -0.05), (0.02, -0.05)):
            spot = np.array([x, y]) + 0.006 * np.array([[-1, 0], [0, -1], [1, 0], [0, 1]])
            draw.polygon(_polygon(self._place(spot, 1, 0.0, 1.0)), fill=WHITE)
        back = np.array([[-0.006, 0.08], [0.006, 0.08], [0.004, 0.42], [-0.004, 0.42]])
        draw.polygon(_polygon(self._place(back, 1, 0.0, 1.0)), fill=mix(DARK, TAN, 0.35))
