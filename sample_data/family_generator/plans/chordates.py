"""Animals with a backbone, seen from the side: quadrupeds, birds, fish; a snake from above."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..marks import spots, stripes
from ..sketch import Sketch, curve, eye, oval, strip, turned


def quadruped(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a mammal on four legs that looks to the left."""
    sketch = Sketch()
    length, deep = t["length"], t["depth"]
    _four_legs(sketch, t, rng)
    sketch.limb(
        [
            [length, -0.2 * deep],
            [length + 0.4 * t["tail"], 0.0],
            [length + 0.3 * t["tail"], t["tail"]],
        ],
        (0.07, 0.03),
    )
    shoulder = np.array([0.12 * length, -0.2 * deep])
    lift = np.arctan2(1.0, 0.45) if t["neck"] > 0.3 else 0.6
    lift += rng.normal(0, 0.1)
    head = shoulder + (t["neck"] + 0.3 * t["head"]) * np.array([-np.cos(lift), -np.sin(lift)])
    neck = strip([shoulder, head], (0.62 * deep, 0.8 * t["head"]))
    sketch.add(neck, 0.97, marks=spots(neck, 5, rng) if "spots" in t else [])
    h = deep / 2
    body = curve(
        [[0, 0.1 * h], [0.1 * length, -0.85 * h], [0.5 * length, -h], [0.9 * length, -0.9 * h],
         [length, -0.1 * h], [0.9 * length, 0.8 * h], [0.5 * length, h], [0.1 * length, 0.8 * h]]
    )  # fmt: skip
    sketch.add(body, marks=spots(body, t["spots"], rng) if "spots" in t else [])
    _head(sketch, t, (float(head[0]), float(head[1])), rng)
    return sketch


def _four_legs(sketch: Sketch, t: Mapping[str, float], rng: np.random.Generator) -> None:
    for near in (0, 1):
        for x in (0.16, 0.86):
            x = x * t["length"] + (0.0 if near else 0.1 * t["length"])
            stride, down = rng.normal(0, 0.12) * t["legs"], 0.3 * t["depth"]
            sketch.limb(
                [
                    [x, 0],
                    [x + 0.5 * stride, down + 0.5 * t["legs"]],
                    [x + stride, down + t["legs"]],
                ],
                (1.3 * t["stout"], 0.85 * t["stout"]),
                0.85 if near else 0.65,
            )


def _head(
    sketch: Sketch, t: Mapping[str, float], at: tuple[float, float], rng: np.random.Generator
) -> None:
    x, y, r = *at, t["head"]
    _antlers(sketch, t.get("antlers", 0.0), x, y - 0.5 * r)
    ear = t["ears"]
    sketch.add(turned(oval(x + 0.2 * r, y - 0.5 * r - 0.4 * ear, 0.2 * ear, 0.55 * ear), -0.5,
                      (x + 0.2 * r, y - 0.5 * r)), 0.75)  # fmt: skip
    sketch.add(curve([[x - 1.3 * r, y + 0.35 * r], [x - 0.7 * r, y - 0.35 * r], [x, y - 0.75 * r],
                      [x + 0.7 * r, y - 0.2 * r], [x + 0.4 * r, y + 0.6 * r],
                      [x - 0.7 * r, y + 0.7 * r]]), 1.05)  # fmt: skip
    trunk = t.get("trunk", 0.0)
    if trunk:
        sway = rng.normal(0, 0.15)
        sketch.limb(
            [
                [x - 0.9 * r, y],
                [x - 1.5 * r, y + 0.5 * trunk],
                [x - (1.3 + sway) * r, y + 1.2 * trunk],
            ],
            (0.55 * r, 0.2 * r),
            0.95,
        )
        sketch.add(oval(x + 0.55 * r, y + 0.1 * r, 0.9 * ear, 1.15 * ear), 0.82)
        sketch.limb([[x - 0.8 * r, y + 0.4 * r], [x - 1.7 * r, y + 1.3 * r]], (0.09, 0.02), 1.8)
    else:
        front = turned(
            oval(x, y - 0.5 * r - 0.4 * ear, 0.2 * ear, 0.55 * ear), -0.1, (x, y - 0.5 * r)
        )
        sketch.add(front, 0.9)
    eye(sketch, x - 0.35 * r, y - 0.2 * r, 0.13 * r)


def _antlers(sketch: Sketch, size: float, x: float, y: float) -> None:
    if size < 0.05:
        return
    for lean in (-0.15, 0.35):
        tip = np.array([x + lean * size, y - size])
        sketch.limb([[x, y], [x + (lean + 0.3) * size, y - 0.5 * size], tip], (0.055, 0.03), 0.55)
        for up in (0.35, 0.65):
            root = np.array([x + (lean + 0.25) * size * up * 1.4, y - up * size])
            sketch.limb([root, root + size * np.array([-0.3, -0.2])], (0.04, 0.02), 0.55)


def bird(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a bird that looks to the left, on two legs."""
    sketch = Sketch()
    long, h = t["body"], t["depth"] / 2
    for k, x in enumerate((0.5, 0.62)):
        sway = rng.normal(0, 0.06)
        foot = [x * long + sway, 0.8 * h + t["legs"]]
        sketch.limb([[x * long, 0.5 * h], foot], (0.06, 0.035), 0.55 + 0.15 * k)
        sketch.limb(
            [[foot[0] + 0.04, foot[1]], [foot[0] - 0.16, foot[1] + 0.01]], (0.05, 0.03), 0.6
        )
    tilt = -t["upright"] + rng.normal(0, 0.06)
    tail = turned(curve([[0.8 * long, -0.1 * h], [long + t["tail"], -0.5 * h],
                         [long + t["tail"], 0.0], [0.8 * long, 0.4 * h]]), tilt)  # fmt: skip
    sketch.add(tail, 0.75)
    chest = turned(np.array([[0.1 * long, -0.15 * h]]), tilt)[0]
    lean = rng.normal(0, 0.06)
    bend = chest + t["neck"] * np.array([-0.28, -0.5])
    head = chest + t["neck"] * np.array([0.02 + lean, -1.0])
    sketch.add(strip([chest + np.array([0.08, 0.1]), bend, head], (0.9 * h, 0.16)), 0.95)
    sketch.add(turned(curve([[0, 0], [0.25 * long, -h], [0.7 * long, -0.8 * h], [long, -0.1 * h],
                             [0.7 * long, 0.8 * h], [0.25 * long, 0.95 * h]]), tilt))  # fmt: skip
    wing = curve([[0.25 * long, -0.3 * h], [0.6 * long, -0.6 * h], [1.02 * long, -0.1 * h],
                  [0.6 * long, 0.45 * h]])  # fmt: skip
    sketch.add(turned(wing, tilt), 0.8, True)
    _bill(sketch, t, float(head[0]), float(head[1]))
    return sketch


def _bill(sketch: Sketch, t: Mapping[str, float], x: float, y: float) -> None:
    r, bill, flat = 0.15, t["bill"], t["flat"]
    thick, blunt = 0.12, 0.02 + 0.08 * flat
    sketch.add(strip([[x - 0.5 * r, y], [x - r - bill, y + 0.06]], (thick, blunt)), 0.6, True)
    sketch.add(oval(x, y, 1.1 * r, 0.95 * r), 1.05)
    eye(sketch, x - 0.35 * r, y - 0.2 * r, 0.17 * r)


def owl(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return an owl that looks at the camera; the sketch's x runs across it."""
    sketch = Sketch()
    w, high, disc = t["width"] / 2, t["height"], t["disc"]
    body = curve([[0, -0.45 * high], [w, -0.2 * high], [0.95 * w, 0.3 * high],
                  [0.3 * w, 0.55 * high], [-0.3 * w, 0.55 * high],
                  [-0.95 * w, 0.3 * high], [-w, -0.2 * high]])  # fmt: skip
    for side in (-1, 1):
        sketch.limb([[side * 0.2, 0.45 * high], [side * 0.22, 0.62 * high]], (0.09, 0.12), 0.5)
    sketch.add(body, marks=spots(body, t["spots"], rng))
    for side in (-1, 1):
        wing = oval(side * 0.95 * w, 0.1 * high, 0.24 * w, 0.5 * t["wing"] * high)
        sketch.add(turned(wing, side * 0.12, (side * w, 0)), 0.75)
        x = side * 0.62 * disc
        tuft = [[x - 0.4 * disc, -0.45 * high], [x + side * 0.3 * disc, -0.5 * high - t["ears"]],
                [x + 0.4 * disc, -0.4 * high]]  # fmt: skip
        sketch.add(np.array(tuft), 0.8)
    sketch.add(oval(0, -0.32 * high, 0.95 * w, 0.24 * high), 0.9)
    for side in (-1, 1):
        sketch.add(oval(side * 0.6 * disc, -0.33 * high, 0.62 * disc, 0.62 * disc), 1.3, True)
        eye(sketch, side * 0.6 * disc, -0.33 * high, 0.36 * disc)
    sketch.add(np.array([[-0.06, -0.3 * high], [0.06, -0.3 * high], [0, -0.17 * high]]), 0.4)
    return sketch


def fish(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a fish that swims to the left; spread: how far the fins run along the back."""
    sketch = Sketch()
    h, fin = t["depth"] / 2, t["tail"]
    wag = rng.normal(0, 0.06)
    sketch.add(curve([[0.95, 0.02], [1.0 + fin, -0.85 * fin + wag], [1.0 + 0.6 * fin, wag],
                      [1.0 + 0.9 * fin, 0.7 * fin + wag], [0.95, -0.02]]), 0.8)  # fmt: skip
    back, wide = t["dorsal"], 0.12 + 0.3 * t["spread"]
    for side in (-1, 1):
        height = back * (1.0 if side < 0 else 0.45 + 0.5 * t["spread"])
        sketch.add(curve([[0.45 - wide, side * 0.75 * h], [0.5, side * (h + height)],
                          [0.56 + 0.8 * wide, side * (0.7 * h + 0.7 * height)],
                          [0.5 + wide, side * 0.6 * h]]), 0.75)  # fmt: skip
    nose = t["snout"] * 0.12
    body = curve([[-nose, 0.1 * h], [0.12, -0.7 * h], [0.4, -h], [0.75, -0.55 * h],
                  [1.0, -0.12 * h], [1.0, 0.12 * h], [0.75, 0.5 * h],
                  [0.4, 0.9 * h], [0.12, 0.65 * h]])  # fmt: skip
    sketch.add(body, marks=stripes(body, t["stripes"], rng) if "stripes" in t else [])
    side_fin = strip([[0.3, 0.25 * h], [0.38 + 0.5 * t["fin"], 0.4 * h + t["fin"]]], (0.16, 0.04))
    sketch.add(side_fin, 0.7)
    if "stripes" not in t:
        for x in (0.18, 0.21, 0.24):
            sketch.limb([[x, -0.3 * h], [x + 0.01, 0.35 * h]], (0.012, 0.012), 0.4)
    eye(sketch, 0.08, -0.15 * h, 0.05)
    return sketch


def snake(t: Mapping[str, float], rng: np.random.Generator) -> Sketch:
    """Return a snake that winds; waves: how often."""
    sketch = Sketch()
    at = np.linspace(0, 1, 60)
    phase, swing = rng.uniform(0, 2 * np.pi), 0.42 * (1 + 0.15 * rng.normal())
    angle = swing * 3.1 * np.sin(2 * np.pi * t["waves"] * at + phase)
    step = t["length"] / len(at)
    line = np.cumsum(np.stack([np.cos(angle), np.sin(angle)], axis=1) * step, axis=0)
    girth = t["girth"] * np.interp(at, [0, 0.1, 0.6, 1], [0.7, 1, 1, 0.15])
    across = np.stack([-np.sin(angle), np.cos(angle)], axis=1) * girth[:, None] / 2
    body = np.concatenate([line + across, (line - across)[::-1]])
    marks = [oval(*line[k], 0.5 * girth[k], 0.36 * girth[k], 12)
             for k in np.linspace(5, 54, round(t["spots"])).astype(int)]  # fmt: skip
    sketch.add(body, marks=marks)
    head = turned(oval(-0.6 * t["head"], 0, t["head"], 0.68 * t["head"]), -float(angle[0]))
    sketch.add(head + line[0], 0.9)
    for side in (-1, 1):
        spot = turned(np.array([[-0.9 * t["head"], side * 0.35 * t["head"]]]), -float(angle[0]))[0]
        eye(sketch, *(spot + line[0]), 0.16 * t["head"])
    return sketch
