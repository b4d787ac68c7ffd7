"""Animals around a centre: sea stars and urchins, corals, anemones and jellyfish."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sample_data.generator_common.shapes import Points

from ..marks import spots
from ..sketch import Sketch, curve, oval, strip


def star(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a sea star or a brittle star, from above; girth: of an arm at the disc."""
    sketch = Sketch()
    number, start = max(4, round(t["arms"])), rng.uniform(0, 2 * np.pi)
    for k in range(number):
        heading = start + 2 * np.pi * k / number + rng.normal(0, 0.06)
        turn, x, y = rng.normal(0, t["bend"]), 0.0, 0.0
        joints = [[x, y]]
        for step in range(5):
            x, y = x + t["reach"] / 5 * np.cos(heading), y + t["reach"] / 5 * np.sin(heading)
            # A thin arm winds one way and then the other.
            heading += turn * (0.5 if step < 2 else -0.7)
            joints.append([x, y])
        arm = strip(joints, (t["girth"] * 1.25, t["girth"] * 0.28))
        marks = spots(arm, t["spots"], rng) if "spots" in t else _rings(joints, t["girth"])
        sketch.add(arm, 0.95, marks=marks)
    disc = oval(0, 0, t["disc"], t["disc"])
    sketch.add(disc, 1.0, marks=spots(disc, 6, rng) if "spots" in t else [])
    return sketch


def _rings(joints: list[list[float]], girth: float) -> list[Points]:
    line = np.array(joints)
    at = np.linspace(1, len(line) - 1.2, 7)
    places = [[np.interp(a, np.arange(len(line)), line[:, axis]) for axis in (0, 1)] for a in at]
    return [
        oval(float(place[0]), float(place[1]), 0.3 * girth, 0.3 * girth, 10) for place in places
    ]


def urchin(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a sea urchin, from above: a ball of spines."""
    sketch = Sketch()
    number = max(12, round(t["spines"]))
    for k, angle in enumerate(np.linspace(0, 2 * np.pi, number, endpoint=False)):
        reach = t["disc"] + t["reach"] * rng.uniform(0.8, 1.1)
        angle += rng.normal(0, 0.04)
        way = np.array([np.cos(angle), np.sin(angle)])
        sketch.limb(
            [0.6 * t["disc"] * way, reach * way],
            (t["girth"], 0.3 * t["girth"]),
            0.7 + 0.12 * (k % 3),
        )
    sketch.add(oval(0, 0, t["disc"], t["disc"]), 0.75)
    for angle in rng.uniform(0, 2 * np.pi, 12):
        way = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.25, 0.75) * t["disc"]
        sketch.limb([way, way * 1.9], (t["girth"], 0.4 * t["girth"]), 1.1)
    return sketch


def branches(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a coral that forks upwards; the sketch's y points down, so it grows to -y."""
    sketch = Sketch()
    growing = [(0.0, 0.0, -np.pi / 2 + lean, 0.5, t["girth"])
               for lean in np.linspace(-0.8, 0.8, max(2, round(t["branches"])))]  # fmt: skip
    for _ in range(max(2, round(t["forks"]))):
        after = []
        for x, y, heading, long, wide in growing:
            end = (x + long * np.cos(heading), y + long * np.sin(heading))
            sketch.limb([[x, y], end], (wide, 0.8 * wide), rng.uniform(0.8, 1.1))
            for side in (-1, 1):
                lean = side * t["angle"] * rng.uniform(0.7, 1.3)
                after.append((*end, heading + lean, long * t["shrink"], 0.8 * wide))
        growing = [after[k] for k in range(len(after)) if rng.random() < 0.85]
    for x, y, _, _, wide in growing:
        sketch.add(oval(x, y, 0.55 * wide, 0.55 * wide, 12), 1.3, True)
    return sketch


def column(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a sea anemone from the side: a column with a crown of tentacles."""
    sketch = Sketch()
    high, w, number = t["height"], t["width"] / 2, max(8, round(t["tentacles"]))
    for row in (0, 1):
        for k in range(number // 2):
            place = (k + 0.5) / (number // 2) * 2 - 1
            root, lean = [place * w * 1.05, 0.0], place * (1.1 - 0.5 * row) + rng.normal(0, 0.12)
            reach = t["reach"] * rng.uniform(0.75, 1.1) * (1.0 if row else 0.85)
            middle = [root[0] + 0.5 * reach * np.sin(lean), -0.5 * reach * np.cos(lean)]
            tip = [root[0] + reach * np.sin(1.5 * lean), -reach * np.cos(1.1 * lean)]
            sketch.limb([root, middle, tip], (t["girth"] * 1.2, t["girth"] * 0.7), 0.8 + 0.25 * row)
    body = curve([[-1.1 * w, 0.0], [-0.85 * w, 0.5 * high], [-1.1 * w, high], [1.1 * w, high],
                  [0.85 * w, 0.5 * high], [1.1 * w, 0.0]])  # fmt: skip
    sketch.add(body, 0.9)
    sketch.add(oval(0, 0.0, 1.12 * w, 0.13), 1.1, True)
    return sketch


def bell(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a jellyfish from the side: threads and arms hang from a dome."""
    sketch = Sketch()
    w, high, sway = t["width"], t["dome"], rng.normal(0, 0.25)

    def hanging(place: float, reach: float, widths: tuple[float, float], shade: float) -> None:
        x, phase = place * w, rng.uniform(0, 2 * np.pi)
        joints = [[x + sway * d**2 + 0.07 * np.sin(7 * d + phase) * d, d * reach]
                  for d in np.linspace(0, 1, 7)]  # fmt: skip
        sketch.limb(joints, widths, shade)

    for place in np.linspace(-0.92, 0.92, max(6, round(t["threads"]))):
        hanging(float(place), t["reach"] * rng.uniform(0.6, 0.9), (0.03, 0.015), 0.8)
    for place in np.linspace(-0.35, 0.35, max(3, round(t["arms"]))):
        hanging(float(place), t["reach"] * rng.uniform(0.8, 1.1), (0.16, 0.05), 1.1)
    dome = curve([[-w, 0.06], [-0.92 * w, -0.5 * high], [-0.5 * w, -0.92 * high], [0, -high],
                  [0.5 * w, -0.92 * high], [0.92 * w, -0.5 * high], [w, 0.06], [0.5 * w, 0.0],
                  [0, 0.06], [-0.5 * w, 0.0]])  # fmt: skip
    rings = [oval(x * w, -0.5 * high, 0.11 * w, 0.2 * high)
             for x in np.linspace(-0.55, 0.55, max(2, round(t["rings"])))]  # fmt: skip
    sketch.add(dome, 1.1, marks=rings)
    return sketch
