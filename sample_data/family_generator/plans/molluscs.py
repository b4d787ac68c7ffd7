"""Soft animals: cephalopods, snails and scallops."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sample_data.generator_common.shapes import Points

from ..marks import fan, spots
from ..sketch import Sketch, curve, eye, oval, strip


def cephalopod(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return an octopus or squid: the arms to the left, the mantle to the right."""
    sketch = Sketch()
    number, reach = max(4, round(t["arms"])), t["reach"]
    curl = t.get("curl", 0.15)
    opening = 0.28 + 0.85 * curl
    for k in range(number):
        out = np.pi + opening * 2 * (k / (number - 1) - 0.5)
        bend = curl * (0.9 if k >= number / 2 else -0.9) + rng.normal(0, 0.35) * curl
        joints, x, y, heading = [[0.0, 0.0]], 0.0, 0.0, out
        for _ in range(5):
            x, y = x + reach / 5 * np.cos(heading), y + reach / 5 * np.sin(heading)
            heading += bend * 0.5
            joints.append([x, y])
        sketch.limb(joints, (t["girth"] * 1.25, t["girth"] * 0.25), 0.75 + 0.1 * (k % 2))
    m, w, head = t["mantle"], t["width"] / 2, t["head"]
    if "fins" in t:
        f = t["fins"]
        for side in (-1, 1):
            sketch.add(curve([[head + 0.5 * m, side * 0.5 * w],
                              [head + 0.72 * m, side * (w + 0.6 * f)],
                              [head + 1.02 * m, side * 0.1]]), 0.8, True)  # fmt: skip
    half = [[0.5 * head, 0.6 * w], [head + 0.25 * m, w], [head + 0.7 * m, 0.8 * w]]
    body = curve([*half, [head + m, 0], *([x, -y] for x, y in half[::-1])])
    sketch.add(body, marks=spots(body, t["spots"], rng) if "spots" in t else [])
    sketch.add(oval(0.3 * head, 0, 0.75 * head, 0.62 * head), 0.92)
    for side in (-1, 1):
        eye(sketch, 0.35 * head, side * 0.45 * head, 0.2 * head)
    return sketch


def snail(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a snail that creeps to the left; turns: of its shell."""
    sketch = Sketch()
    foot, shell, stalk = t["foot"], t["shell"], t["stalks"]
    lift = rng.normal(0, 0.03)
    for k, lean in enumerate((-0.45, -0.1)):
        root, tip = [0.07, -0.08 + lift], [0.07 + lean * stalk, -0.1 - stalk + lift]
        sketch.limb([root, tip], (0.05, 0.03), 0.8 + 0.15 * k)
        sketch.add(oval(tip[0], tip[1], 0.035, 0.035, 12), 0.3)
    body = [[-0.03, -0.08 + lift], [0.12, -0.2 + lift], [0.3 * foot, -0.12], [0.75 * foot, -0.1],
            [1.05 * foot, 0.09], [0.5 * foot, 0.12], [0.05, 0.1]]  # fmt: skip
    sketch.add(curve(body), 0.95)
    x, y = 0.58 * foot, -0.78 * shell
    sketch.add(oval(x, y, shell, 0.92 * shell), 1.0, True, _spiral(x, y, shell, t["turns"]))
    return sketch


def _spiral(x: float, y: float, radius: float, turns: float) -> list[Points]:
    at = np.linspace(0, 1, round(18 * turns))
    angle, reach = 2 * np.pi * turns * at + 0.5, radius * 0.97 * (1 - at) ** 0.85
    line = np.stack([x + reach * np.cos(angle), y + 0.92 * reach * np.sin(angle)], axis=1)
    wide = 0.2 * radius / turns
    return [strip(line[k : k + 2], (2 * wide, 2 * wide)) for k in range(len(line) - 1)]


def scallop(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a scallop's shell, its hinge to the left; fan: half the opening in radians."""
    sketch = Sketch()
    reach, spread, ear = t["height"], t["fan"], t["ears"]
    sketch.add(np.array([[0.02, -ear], [0.26 * reach, -0.75 * ear], [0.3 * reach, 0.75 * ear],
                         [0.02, ear]]), 0.75, True)  # fmt: skip
    number = max(5, round(t["ribs"]))
    angles = np.linspace(-spread, spread, 8 * number)
    wavy = reach * (0.96 + 0.04 * np.cos(angles / (2 * spread) * 2 * np.pi * number))
    wavy *= 1 - 0.16 * (angles / spread) ** 2
    rim = np.stack([wavy * np.cos(angles), wavy * np.sin(angles)], axis=1)
    outline = np.concatenate([[[0.0, -0.04]], rim, [[0.0, 0.04]]])
    sketch.add(outline, 1.05, marks=fan(0.0, 0.0, 1.1 * reach, number, spread))
    return sketch
