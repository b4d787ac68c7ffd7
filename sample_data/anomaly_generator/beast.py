"""Draw an animal on four legs from its traits, looking to the left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sample_data.generator_common.shapes import (
    Colour,
    Points,
    blob,
    limb,
    mix,
    refine,
    smooth,
    spread_points,
    tone,
)

from .species import Traits
from .sprite import Pose, Sheet

_HIPS = ((-0.34, 0.0, False), (0.4, 0.25, True), (-0.4, 0.5, False), (0.34, 0.75, True))


def draw(sheet: Sheet, traits: Traits, pose: Pose, rng: np.random.Generator) -> None:
    """Draw the far legs, the tail, trunk and coat, the near legs, the head."""
    _legs(sheet, traits, pose, near=False)
    _tail(sheet, traits)
    trunk = _trunk(traits)
    sheet.fill(trunk, traits.back)
    sheet.clip_to(trunk, _coat(sheet, traits, rng))
    if traits.quills > 0:
        _quills(sheet, traits, rng)
    _legs(sheet, traits, pose, near=True)
    _head(sheet, traits, pose)


def _trunk(traits: Traits) -> Points:
    d, low, arch = traits.depth, traits.legs, traits.arch
    top = low + d
    return smooth(
        [
            (-0.52, low + 0.72 * d), (-0.42, top), (-0.2, top + 0.4 * arch), (0.08, top + arch),
            (0.36, top + 0.3 * arch), (0.5, low + 0.82 * d), (0.52, low + 0.45 * d),
            (0.4, low + 0.1 * d), (0.1, low + 0.06 * d), (-0.2, low), (-0.42, low + 0.08 * d),
            (-0.54, low + 0.35 * d),
        ]
    )  # fmt: skip


def _legs(sheet: Sheet, traits: Traits, pose: Pose, near: bool) -> None:
    for number, (x, phase, hind) in enumerate(_HIPS):
        if (number >= 2) is not near:
            continue
        swing = 0.26 * traits.legs * np.sin(2 * np.pi * (pose.phase + phase))
        hip = traits.legs + 0.3 * traits.depth
        knee = 0.06 if hind else -0.02
        line = refine(
            np.array(
                [[x, hip], [x + knee, 0.5 * traits.legs], [x + swing, 0.03],
                 [x + swing - 0.05, 0.02]]
            )
        )  # fmt: skip
        thick = traits.leg_width * (1.35 if hind else 1.15)
        widths = np.interp(
            np.linspace(0, 1, len(line)), [0, 0.5, 1], [2.2 * thick, thick, 0.8 * thick]
        )
        colour = traits.limbs if near else tone(traits.limbs, 0.68)
        upper = mix(traits.back, traits.limbs, 0.3)
        sheet.fill(limb(line, widths), colour)
        half = len(line) // 2
        sheet.fill(limb(line[:half], widths[:half]), upper if near else tone(upper, 0.68))
        if traits.stripes > 0.3:
            _bands(sheet, line, widths, traits.marks, 3)


def _bands(
    sheet: Sheet, line: Points, widths: NDArray[np.float64], colour: Colour, step: int
) -> None:
    for at in range(step, len(line) - 1, step):
        sheet.fill(limb(line[at : at + 2], widths[at : at + 2]), colour)


def _tail(sheet: Sheet, traits: Traits) -> None:
    along = np.linspace(0, 1, 5)
    droop = traits.tail_droop * (0.6 + 0.5 * along)
    reach = traits.tail / 4
    start = np.array([0.46, traits.legs + 0.85 * traits.depth])
    steps = np.stack([np.cos(droop), -np.sin(droop)], axis=1) * reach
    line = refine(start + np.cumsum(steps, axis=0) - steps[0], 4)
    share = np.linspace(0, 1, len(line))
    widths = traits.tail_width * np.interp(share, [0, 0.5, 0.85, 1], [0.6, 1.0, 0.9, 0.45])
    sheet.fill(limb(line, widths), traits.back)
    if traits.rings > 0.3:
        _bands(sheet, line, widths, traits.marks, 3)
    cut = round(0.68 * len(line))
    sheet.fill(limb(line[cut:], widths[cut:]), traits.tip)


def _quills(sheet: Sheet, traits: Traits, rng: np.random.Generator) -> None:
    top = traits.legs + traits.depth
    for at in np.linspace(-0.3, 0.62, 70):
        base = np.array([at, top - 0.2 * traits.depth - 0.3 * max(0.0, at) * traits.depth])
        angle = rng.normal(1.15 - 0.9 * at, 0.16)
        tip = base + np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.3, 0.5)
        colour = traits.marks if rng.random() < 0.55 else traits.back
        sheet.fill(limb(refine(np.stack([base, tip])), np.linspace(0.03, 0.008, 6)), colour)


def _coat(sheet: Sheet, traits: Traits, rng: np.random.Generator) -> Sheet:
    """What lies on the trunk: belly, spots, stripes, a band along the back, a vest."""
    coat = Sheet(sheet.unit / 3)
    low, d = traits.legs, traits.depth
    for level in np.linspace(0.42, 0.12, 6):
        x = np.linspace(-0.6, 0.6, 13)
        edge = low + level * d - 0.06 * np.sin(3 * x)
        band = np.concatenate([np.stack([x, edge], axis=1), [[0.6, -0.1], [-0.6, -0.1]]])
        coat.fill(band, mix(traits.back, traits.belly, float((0.48 - level) * 2.6)))
    if traits.dorsal > 0:
        top = low + d + traits.arch
        edge = np.array([[-0.6, top - 0.1], [0.6, top - 0.2]]) - [0, traits.dorsal * d * 0.6]
        coat.fill(np.concatenate([edge, [[0.6, 2.0], [-0.6, 2.0]]]), traits.marks)
    if traits.spots > 0:
        places = spread_points(
            rng, (-0.45, low + 0.3 * d), (0.48, low + d), round(34 * traits.spots)
        )
        for place in places:
            waves = np.stack([rng.normal(0, 0.1, 3), rng.uniform(0, 6, 3)], axis=1)
            coat.fill(blob(0.03 * rng.uniform(0.8, 1.3), 1.1, 0, waves, 12) + place, traits.marks)
    if traits.stripes > 0:
        _stripes(coat, traits, rng)
    if traits.vest > 0.5:
        _vest(coat, traits)
    return coat


def _stripes(coat: Sheet, traits: Traits, rng: np.random.Generator) -> None:
    for x in np.linspace(-0.48, 0.48, 11):
        x += rng.normal(0, 0.01)
        line = np.array([[x - 0.06, traits.legs - 0.1], [x, traits.legs + 0.5 * traits.depth],
                         [x + 0.05, traits.legs + 1.3 * traits.depth]])  # fmt: skip
        coat.fill(limb(refine(line), np.linspace(0.02, 0.06, 11)), traits.marks)


def _vest(coat: Sheet, traits: Traits) -> None:
    """A cloth around the trunk with two pale bands, as rescued or working animals wear."""
    left, right = -0.3, 0.36
    box = [[left, -0.1], [right, -0.1], [right, 2.0], [left, 2.0]]
    coat.fill(np.array(box, dtype=float), traits.cloth)
    for x in (-0.16, 0.16):
        band = [[x, -0.1], [x + 0.07, -0.1], [x + 0.07, 2.0], [x, 2.0]]
        coat.fill(np.array(band, dtype=float), (236, 236, 210))


def _head(sheet: Sheet, traits: Traits, pose: Pose) -> None:
    angle = traits.neck_angle - pose.nod
    root = np.array([-0.4, traits.legs + 0.72 * traits.depth])
    end = root + traits.neck * np.array([-np.cos(angle), np.sin(angle)])
    end += np.array([-0.3 * traits.head, 0.1 * traits.head])
    line = refine(np.stack([root + np.array([0.1, -0.05]), (root + end) / 2 + [0, 0.02], end]))
    widths = np.linspace(0.72 * traits.depth, 0.62 * traits.head, len(line))
    sheet.fill(limb(line, widths), mix(traits.back, traits.face, 0.35))
    turn = 0.35 + 0.5 * pose.nod - 0.25 * min(angle, 1.0)
    cos, sin = np.cos(turn), np.sin(turn)
    rotate = np.array([[cos, sin], [-sin, cos]]) * traits.head

    def at(points: list[tuple[float, float]]) -> Points:
        return np.array(points, dtype=float) @ rotate + end

    _ears(sheet, traits, at, far=True)
    m = traits.muzzle
    skull = [(0.45, -0.1), (0.3, 0.42), (-0.12, 0.45), (-0.48, 0.16), (-0.48 - m, -0.04),
             (-0.5 - m, -0.26), (-0.3, -0.4), (0.2, -0.44)]  # fmt: skip
    sheet.fill(smooth(at(skull)), traits.face)
    muzzle = [(-0.4, 0.02), (-0.48 - m, -0.05), (-0.5 - m, -0.26), (-0.3, -0.4), (-0.1, -0.3)]
    sheet.fill(smooth(at(muzzle), 3), mix(traits.face, traits.belly, 0.5))
    if traits.face_bands > 0.5:
        sheet.fill(
            limb(refine(at([(0.42, 0.2), (-0.1, 0.1), (-0.4 - m, -0.05)])),
                 np.full(11, 0.3 * traits.head)),
            traits.marks,
        )  # fmt: skip
    _ears(sheet, traits, at, far=False)
    x, y = at([(-0.14, 0.12)])[0]
    eye = (255, 255, 255) if pose.shine else (18, 14, 12)
    sheet.dot(x, y, 0.075 * traits.head * (1.3 if pose.shine else 1), eye)
    x, y = at([(-0.47 - m, -0.1)])[0]
    sheet.dot(x, y, 0.09 * traits.head, (24, 20, 20))


def _ears(sheet: Sheet, traits: Traits, at: object, far: bool) -> None:
    assert callable(at)
    shift = -0.2 if far else 0.0
    length = traits.ears / traits.head
    half = 0.5 * traits.ear_width * length
    lean = 0.12 * length if traits.ears < 0.4 else 0.3 * length
    ear = [
        (x + 0.14 + shift, y)
        for x, y in (
            (-half, 0.32),
            (0.5 * lean - 0.7 * half, 0.36 + 0.6 * length),
            (lean, 0.36 + length),
            (0.6 * lean + half, 0.36 + 0.5 * length),
            (half, 0.3),
        )
    ]
    colour = tone(mix(traits.back, traits.face, 0.5), 0.72 if far else 0.92)
    sheet.fill(smooth(at(ear), 4), colour)
    shade = 0.75 if far else 1.0
    if traits.antlers > 0:
        for path in ([(0, 0), (0.2, 0.55), (0.05, 1.0)], [(0.14, 0.4), (-0.2, 0.75)],
                     [(0.17, 0.6), (0.5, 1.0)]):  # fmt: skip
            scale = traits.antlers / traits.head
            points = at([(0.05 + shift + x * scale, 0.4 + y * scale) for x, y in path])
            line = refine(points)
            sheet.fill(
                limb(line, np.linspace(0.035, 0.014, len(line))), tone((176, 150, 112), shade)
            )
    if traits.horns > 0:
        scale = traits.horns / traits.head
        path = [(0.0, 0.0), (0.1, 0.45), (0.45, 0.75), (0.9, 0.6)]
        line = refine(at([(0.05 + shift + x * scale, 0.4 + y * scale) for x, y in path]))
        sheet.fill(limb(line, np.linspace(0.085, 0.02, len(line))), tone((96, 84, 70), shade))
