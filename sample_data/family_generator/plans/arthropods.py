"""Jointed animals, seen from above: insects, and those with eight legs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sample_data.generator_common.shapes import Points

from ..marks import middle_line, spots, stripes
from ..sketch import Sketch, curve, eye, oval, strip, turned


def insect(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return an insect; wings: number of pairs; shell: wing cases instead of wings."""
    sketch = Sketch()
    start = 0.0  # where the thorax begins
    middle, end = start + t["thorax"] / 2, start + t["thorax"]
    if t["legs"] > 0.05:
        _six_legs(sketch, t, middle, rng)
    if round(t["wings"]):
        _wings(sketch, t, middle, rng)
    waist = t["waist"] / 2
    sketch.add(strip([[middle, 0], [end + 0.12, 0]], (waist * 1.6, waist * 2)), 0.8)
    abdomen = _abdomen(t, end)
    sketch.add(abdomen, marks=_pattern(abdomen, t, rng))
    sketch.add(oval(middle, 0, t["thorax"] / 2, max(0.3 * t["thorax"], waist)), 0.72)
    head = oval(start - 0.4 * t["head"], 0, t["head"] / 2, 0.55 * t["head"])
    sketch.pair(_antenna(t, start - 0.7 * t["head"]), 0.6)
    sketch.add(head, 0.85)
    for side in (-1, 1):
        eye(sketch, start - 0.55 * t["head"], side * 0.36 * t["head"], 0.16 * t["head"])
    return sketch


def _abdomen(t: Mapping[str, float], end: float) -> Points:
    a, g = t["abdomen"], t["girth"] / 2
    side = [
        [end, 0.5 * g],
        [end + 0.25 * a, g],
        [end + 0.6 * a, 0.95 * g],
        [end + 0.9 * a, 0.4 * g],
    ]
    return curve([*side, [end + a, 0.0], *([x, -y] for x, y in side[::-1])])


def _pattern(abdomen: Points, t: Mapping[str, float], rng: np.random.Generator) -> list[Points]:
    marks: list[Points] = []
    if "shell" in t:
        marks += middle_line(float(abdomen[:, 0].min()), float(abdomen[:, 0].max()), 0.035)
        marks += spots(abdomen, t["spots"], rng)
    elif "stripes" in t:
        marks += stripes(abdomen, t["stripes"], rng)
    return marks


def _antenna(t: Mapping[str, float], x: float) -> Points:
    a = t["antennae"]
    return strip(
        [[x, 0.05], [x - 0.6 * a, 0.2 + 0.2 * a], [x - a, 0.15 + 0.45 * a]], (0.035, 0.025)
    )


def _six_legs(
    sketch: Sketch, t: Mapping[str, float], middle: float, rng: np.random.Generator
) -> None:
    reach, base = t["legs"], max(0.25 * t["thorax"], t["girth"] * 0.4 if "shell" in t else 0.0)
    for side in (-1, 1):
        for place, lean in ((-0.35, -0.7), (0.0, 0.1), (0.35, 0.75)):
            x, sway = middle + place * t["thorax"], rng.normal(0, 0.08) * reach
            knee = [x + lean * 0.5 * reach, side * (base + 0.55 * reach)]
            foot = [x + lean * 1.1 * reach + sway, side * (base + reach)]
            sketch.limb([[x, 0], knee, foot], (0.06, 0.03), 0.6)


def _wings(sketch: Sketch, t: Mapping[str, float], middle: float, rng: np.random.Generator) -> None:
    span, broad = t["span"], t["breadth"]
    flap = rng.normal(0, 0.12)
    for hind in (1, 0):
        size = span * (0.82 if hind else 1.0)
        wing = curve(_wing_corners(size, broad * size, t.get("tails", 0.0) if hind else 0.0))
        # Fore wings point forward, hind wings backward; swept wings lie closer to the body.
        angle = (0.55 if hind else -0.12) + t["sweep"] * (0.8 if hind else 0.5) + flap
        placed = turned(wing, -angle) + np.array([middle + (0.08 if hind else -0.05), 0.0])
        marks = spots(placed, t["spots"], rng) if "spots" in t and broad > 0.5 else []
        for side in (1, -1):
            sketch.add(placed * [1, side], 1.25, True, [one * [1, side] for one in marks])


def _wing_corners(span: float, broad: float, tail: float) -> list[list[float]]:
    """A wing that stands out across the body, y from 0 to the span."""
    corners = [
        [-0.04, 0.02],
        [-0.3 * broad, 0.5 * span],
        [-0.42 * broad, 0.95 * span],
        [0.1 * broad, span],
        [0.5 * broad, 0.75 * span],
    ]
    if tail > 0.05:
        corners += [[0.62 * broad + tail, 0.6 * span], [0.6 * broad, 0.45 * span]]
    return [*corners, [0.45 * broad, 0.3 * span], [0.06, 0.02]]


def eight_legs(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a spider, scorpion or crab: four pairs of legs, and claws or a tail where it has."""
    sketch = Sketch()
    _leg_pairs(sketch, t, rng)
    _claws(sketch, t, rng)
    if t["tail"] > 0.1:
        _tail(sketch, t, rng)
    if t["abdomen"] > 0.1:
        wide = 0.42 * t["abdomen"] if t["tail"] < 0.1 else 0.5 * t["width"]
        sketch.add(oval(0.35 * t["shield"] + 0.5 * t["abdomen"], 0, 0.5 * t["abdomen"], wide))
    s, w = t["shield"] / 2, t["width"] / 2
    front = 1.0 if t["width"] < 0.6 else 0.75
    side = [[-s, 0.35 * w], [-s * front, 0.75 * w], [-0.1 * s, w], [0.7 * s, 0.7 * w]]
    sketch.add(curve([*side, [s, 0.0], *([x, -y] for x, y in side[::-1])]), 0.9)
    for place in (-1, 1):
        eye(sketch, -0.82 * s, place * 0.22 * w, 0.045)
    return sketch


def _leg_pairs(sketch: Sketch, t: Mapping[str, float], rng: np.random.Generator) -> None:
    reach, w, s = t["legs"], t["width"] / 2, t["shield"]
    for side in (-1, 1):
        for k, lean in enumerate((-0.8, -0.25, 0.3, 0.9)):
            x, sway = s * (-0.25 + 0.18 * k), rng.normal(0, 0.05)
            knee = [x + lean * 0.45 * reach, side * (w + 0.5 * reach)]
            foot = [x + (lean + sway) * 0.9 * reach, side * (w + 0.95 * reach)]
            thick = 0.1 if t["legs"] > 0.8 else 0.075
            sketch.limb([[x, side * 0.5 * w], knee, foot], (thick, 0.4 * thick), 0.7)


def _claws(sketch: Sketch, t: Mapping[str, float], rng: np.random.Generator) -> None:
    reach, w, s, claw = t["reach"], t["width"] / 2, t["shield"] / 2, t["claws"]
    for side in (-1, 1):
        elbow = [-s - 0.3 * reach, side * (0.7 * w + 0.7 * reach)]
        hand = [-s - reach, side * (0.5 * w + (0.35 + rng.normal(0, 0.05)) * reach)]
        sketch.limb([[-0.8 * s, side * 0.6 * w], elbow, hand], (0.08, 0.07), 0.75)
        if claw < 0.05:
            continue
        for finger in (0.35, -0.35):
            tip = turned(oval(-0.5 * claw, 0, 0.55 * claw, 0.22 * claw), finger) + hand
            sketch.add(tip, 0.95, True)


def _tail(sketch: Sketch, t: Mapping[str, float], rng: np.random.Generator) -> None:
    """A segmented tail that curls back to one side and ends in a sting."""
    x, y = 0.35 * t["shield"] + t["abdomen"], 0.0
    heading, side = 0.0, float(rng.choice([-1, 1]))
    step = t["tail"] / 6
    for k in range(6):
        heading += side * (0.42 + rng.normal(0, 0.04))
        x, y = x + step * np.cos(heading), y + step * np.sin(heading)
        radius = 0.085 - 0.006 * k
        sketch.add(turned(oval(x, y, 0.6 * step, radius), -heading, (x, y)), 0.8 + 0.06 * (k % 2))
    end = [x + step * np.cos(heading + side), y + step * np.sin(heading + side)]
    sketch.limb([[x, y], end], (0.1, 0.015), 0.5)
