"""Draw a bird on two legs from its traits, looking to the left."""

from __future__ import annotations

import numpy as np

from sample_data.generator_common.shapes import (
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


def draw(sheet: Sheet, traits: Traits, pose: Pose, rng: np.random.Generator) -> None:
    """Draw the legs, the tail, body and coat, the wing, the head."""
    _legs(sheet, traits, pose)
    _tail(sheet, traits)
    body = _body(traits)
    sheet.fill(body, traits.back)
    sheet.clip_to(body, _coat(sheet, traits, rng))
    _head(sheet, traits, pose)


def _body(traits: Traits) -> Points:
    d, low = traits.depth, traits.legs
    return smooth(
        [
            (-0.5, low + 0.75 * d), (-0.3, low + d), (0.05, low + 1.02 * d), (0.4, low + 0.8 * d),
            (0.62, low + 0.52 * d), (0.35, low + 0.2 * d), (0.0, low - 0.02 * d),
            (-0.3, low + 0.08 * d), (-0.5, low + 0.4 * d),
        ]
    )  # fmt: skip


def _legs(sheet: Sheet, traits: Traits, pose: Pose) -> None:
    for x, phase, shade in ((0.06, 0.5, 0.75), (0.0, 0.0, 1.0)):
        swing = 0.22 * min(traits.legs, 0.6) * np.sin(2 * np.pi * (pose.phase + phase))
        hip = traits.legs + 0.15 * traits.depth
        joints = [[x, hip], [x + 0.05 + swing / 2, 0.5 * traits.legs], [x + swing, 0.02],
                  [x + swing - 0.12, 0.0]]  # fmt: skip
        line = refine(np.array(joints))
        colour = tone(traits.limbs, shade)
        sheet.fill(limb(line, np.full(len(line), max(traits.leg_width, 0.05))), colour)


def _tail(sheet: Sheet, traits: Traits) -> None:
    start = np.array([0.42, traits.legs + 0.58 * traits.depth])
    reach = np.array([np.cos(traits.tail_droop), -np.sin(traits.tail_droop)]) * traits.tail
    line = refine(np.stack([start, start + 0.5 * reach + [0, 0.02], start + reach]))
    widths = np.interp(np.linspace(0, 1, len(line)), [0, 0.3, 1], [1.4, 1.0, 0.35])
    sheet.fill(limb(line, widths * traits.tail_width), mix(traits.back, traits.tip, 0.7))
    if traits.tail > 0.8:  # long ones are barred
        for at in range(3, len(line) - 1, 2):
            sheet.fill(
                limb(line[at : at + 2], widths[at : at + 2] * traits.tail_width), traits.marks
            )


def _coat(sheet: Sheet, traits: Traits, rng: np.random.Generator) -> Sheet:
    """Belly, wing, spots and a vest on the body."""
    coat = Sheet(sheet.unit / 3)
    low, d = traits.legs, traits.depth
    belly = [(-0.7, low + 0.5 * d), (0.0, low + 0.25 * d), (0.7, low + 0.3 * d), (0.7, -0.1),
             (-0.7, -0.1)]  # fmt: skip
    coat.fill(np.array(belly), traits.belly)
    wing = [(-0.22, low + 0.72 * d), (0.1, low + 0.84 * d), (0.6, low + 0.5 * d),
            (0.2, low + 0.36 * d)]  # fmt: skip
    coat.fill(smooth(wing), tone(traits.back, 0.82))
    if traits.spots > 0:
        for place in spread_points(rng, (-0.45, low), (0.5, low + d), round(26 * traits.spots)):
            coat.fill(blob(0.035, 1.2, 0.4, np.zeros((0, 2)), 10) + place, traits.marks)
    if traits.vest > 0.5:
        box = [[-0.26, -0.1], [0.32, -0.1], [0.32, 3.0], [-0.26, 3.0]]
        coat.fill(np.array(box), traits.cloth)
        for x in (-0.14, 0.12):
            band = [[x, -0.1], [x + 0.08, -0.1], [x + 0.08, 3.0], [x, 3.0]]
            coat.fill(np.array(band), (236, 236, 210))
    return coat


def _head(sheet: Sheet, traits: Traits, pose: Pose) -> None:
    angle = traits.neck_angle - 0.8 * pose.nod
    root = np.array([-0.36, traits.legs + 0.75 * traits.depth])
    end = root + traits.neck * np.array([-np.cos(angle), np.sin(angle)])
    bow = np.array([-0.12, -0.02]) * min(traits.neck, 1.0)  # necks of long birds are bent
    line = refine(np.stack([root + np.array([0.12, -0.08]), (2 * root + end) / 3 + bow, end]))
    base = 0.62 * traits.depth if traits.neck < 0.4 else 0.34 * traits.depth
    widths = np.interp(
        np.linspace(0, 1, len(line)), [0, 0.5, 1], [base, 0.55 * traits.head, 0.5 * traits.head]
    )
    sheet.fill(limb(line, widths), mix(traits.back, traits.face, 0.6))
    half = 2 * len(line) // 3
    sheet.fill(limb(line[half:], widths[half:]), traits.face)
    bill = traits.head * (0.5 + traits.muzzle)
    drop = traits.bill_curve * bill * 0.6 + 0.3 * pose.nod * bill
    tip = end - np.array([bill, 0.1 * traits.head + drop])
    middle = end - np.array([0.6 * bill, 0.02 * traits.head + 0.15 * drop])
    beak = refine(np.stack([end, middle, tip]))
    sheet.fill(
        limb(beak, np.linspace(0.34, 0.08, len(beak)) * traits.head), tone(traits.limbs, 0.9)
    )
    sheet.fill(blob(0.46 * traits.head, 1.15, 0, np.zeros((0, 2)), 18) + end, traits.face)
    if traits.face_bands > 0.5:
        sheet.dot(end[0] - 0.08, end[1], 0.26 * traits.head, (206, 34, 30))
        ring = line[max(0, half - 3) : half]
        sheet.fill(limb(ring, widths[max(0, half - 3) : half]), (240, 240, 236))
    eye = (255, 255, 255) if pose.shine else (16, 12, 12)
    x, y = end + np.array([-0.14, 0.1]) * traits.head
    sheet.dot(x, y, 0.1 * traits.head, eye)
