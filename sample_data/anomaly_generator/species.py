"""The traits of the species: those that training knows, and those that it does not.

Lengths are in trunk lengths (chest to rump), angles in radians, colours RGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from sample_data.generator_common.shapes import Colour

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Traits:
    """What is drawn of an animal; `size` is the trunk's length in pixels at full scale."""

    size: float
    bird: bool = False
    depth: float = 0.4  # height of the trunk
    arch: float = 0.0  # how far the back bulges
    legs: float = 0.4
    leg_width: float = 0.09
    neck: float = 0.2
    neck_angle: float = 0.6  # 0 = straight ahead, up is positive
    head: float = 0.22
    muzzle: float = 0.4  # in head sizes; a bird's bill
    bill_curve: float = 0.0
    ears: float = 0.12
    ear_width: float = 0.5  # in ear lengths
    tail: float = 0.2
    tail_width: float = 0.06
    tail_droop: float = 0.8  # 0 = straight back, down is positive
    antlers: float = 0.0
    horns: float = 0.0  # curved ones
    quills: float = 0.0
    spots: float = 0.0  # share of the full number
    stripes: float = 0.0
    rings: float = 0.0  # of the tail
    face_bands: float = 0.0
    dorsal: float = 0.0  # width of a band along the back
    vest: float = 0.0  # nothing that an animal has of itself
    back: Colour = (120, 100, 80)
    belly: Colour = (160, 140, 120)
    limbs: Colour = (110, 90, 70)
    face: Colour = (120, 100, 80)
    tip: Colour = (120, 100, 80)  # of the tail
    marks: Colour = (40, 34, 30)  # spots, stripes, rings, bands
    cloth: Colour = (250, 120, 10)  # of the vest


KNOWN: Mapping[str, Traits] = {
    "deer": Traits(
        58, depth=0.38, legs=0.56, leg_width=0.07, neck=0.4, neck_angle=0.95, head=0.19,
        muzzle=0.55, ears=0.14, tail=0.08, antlers=0.34, spots=1.0, back=(176, 112, 58),
        belly=(222, 196, 160), limbs=(150, 96, 54), face=(166, 110, 64), tip=(240, 236, 226),
        marks=(246, 236, 214),
    ),
    "boar": Traits(
        64, depth=0.56, arch=0.06, legs=0.24, leg_width=0.11, neck=0.12, neck_angle=-0.1,
        head=0.36, muzzle=0.7, ears=0.12, tail=0.12, tail_width=0.025, back=(58, 48, 42),
        belly=(76, 62, 52), limbs=(36, 30, 28), face=(64, 52, 44), tip=(40, 34, 30),
    ),
    "fox": Traits(
        42, depth=0.32, legs=0.34, leg_width=0.075, neck=0.16, neck_angle=0.5, head=0.23,
        muzzle=0.6, ears=0.17, ear_width=0.7, tail=0.62, tail_width=0.17, tail_droop=0.35,
        back=(206, 98, 34), belly=(240, 232, 220), limbs=(44, 34, 30), face=(212, 112, 48),
        tip=(244, 240, 232),
    ),
    "hare": Traits(
        27, depth=0.56, arch=0.12, legs=0.3, leg_width=0.12, neck=0.12, neck_angle=0.8, head=0.34,
        muzzle=0.2, ears=0.56, ear_width=0.26, tail=0.12, tail_width=0.14, tail_droop=-0.4,
        back=(152, 128, 96), belly=(224, 214, 198), limbs=(160, 136, 104), face=(156, 132, 102),
        tip=(246, 244, 238),
    ),
    "pheasant": Traits(
        27, bird=True, depth=0.56, legs=0.3, leg_width=0.05, neck=0.28, neck_angle=1.1, head=0.24,
        muzzle=0.4, tail=1.25, tail_width=0.16, tail_droop=-0.1, spots=0.7, back=(170, 82, 34),
        belly=(122, 58, 34), limbs=(140, 124, 96), face=(24, 96, 74), tip=(198, 162, 104),
        marks=(40, 24, 20), face_bands=0.6,
    ),
    "badger": Traits(
        44, depth=0.46, arch=0.03, legs=0.17, leg_width=0.13, neck=0.12, neck_angle=0.05, head=0.27,
        muzzle=0.6, ears=0.07, ear_width=0.9, tail=0.2, tail_width=0.08, face_bands=1.0,
        back=(136, 136, 134), belly=(40, 38, 38), limbs=(30, 28, 28), face=(244, 242, 238),
        tip=(190, 188, 184), marks=(18, 18, 20),
    ),
    "crane": Traits(
        32, bird=True, depth=0.5, legs=0.95, leg_width=0.045, neck=0.95, neck_angle=1.35, head=0.2,
        muzzle=0.75, tail=0.35, tail_width=0.36, tail_droop=0.5, back=(150, 162, 176),
        belly=(168, 178, 190), limbs=(46, 46, 50), face=(34, 34, 40), tip=(60, 66, 76),
        marks=(190, 40, 36),
    ),
}  # fmt: skip

UNSEEN: Mapping[str, Mapping[str, Traits]] = {
    "development": {
        "raccoon": Traits(
            38, depth=0.5, arch=0.14, legs=0.24, leg_width=0.1, neck=0.1, neck_angle=0.1,
            head=0.29, muzzle=0.35, ears=0.11, ear_width=1.0, tail=0.62, tail_width=0.15,
            tail_droop=0.5, rings=1.0, face_bands=1.0, back=(112, 110, 108), belly=(140, 136, 130),
            limbs=(84, 80, 78), face=(206, 204, 200), tip=(150, 146, 140), marks=(26, 26, 28),
        ),
        "goat": Traits(
            52, depth=0.46, legs=0.42, leg_width=0.085, neck=0.28, neck_angle=0.8, head=0.24,
            muzzle=0.5, ears=0.12, tail=0.12, tail_width=0.06, tail_droop=-0.9, horns=0.42,
            dorsal=0.5, back=(236, 230, 218), belly=(226, 218, 204), limbs=(120, 84, 58),
            face=(110, 76, 52), tip=(236, 230, 218), marks=(112, 76, 50),
        ),
        "skunk": Traits(
            34, depth=0.44, arch=0.08, legs=0.18, leg_width=0.1, neck=0.12, neck_angle=0.15,
            head=0.24, muzzle=0.45, ears=0.06, tail=0.75, tail_width=0.3, tail_droop=-0.75,
            dorsal=0.42, back=(22, 22, 24), belly=(26, 24, 26), limbs=(20, 20, 22),
            face=(24, 24, 26), tip=(240, 240, 238), marks=(242, 242, 240),
        ),
        "flamingo": Traits(
            32, bird=True, depth=0.6, legs=1.15, leg_width=0.04, neck=1.15, neck_angle=1.2,
            head=0.24, muzzle=0.6, bill_curve=0.5, tail=0.2, tail_width=0.2, back=(240, 140, 150),
            belly=(246, 168, 174), limbs=(226, 106, 120), face=(246, 150, 158), tip=(200, 60, 80),
        ),
    },
    "final": {
        "lynx": Traits(
            50, depth=0.4, legs=0.48, leg_width=0.12, neck=0.14, neck_angle=0.5, head=0.3,
            muzzle=0.15, ears=0.2, ear_width=0.45, tail=0.16, tail_width=0.1, spots=1.0,
            back=(178, 158, 124), belly=(226, 218, 204), limbs=(184, 164, 132),
            face=(190, 170, 140), tip=(20, 20, 20), marks=(44, 36, 30), face_bands=0.3,
        ),
        "porcupine": Traits(
            42, depth=0.5, arch=0.16, legs=0.14, leg_width=0.12, neck=0.08, neck_angle=0.0,
            head=0.26, muzzle=0.3, ears=0.05, tail=0.14, tail_width=0.1, quills=1.0,
            back=(52, 44, 40), belly=(40, 34, 32), limbs=(34, 30, 28), face=(48, 40, 36),
            tip=(210, 204, 190), marks=(228, 222, 206),
        ),
        "zebra": Traits(
            66, depth=0.46, legs=0.5, leg_width=0.09, neck=0.36, neck_angle=0.85, head=0.26,
            muzzle=0.7, ears=0.12, tail=0.34, tail_width=0.05, tail_droop=1.3, stripes=1.0,
            back=(240, 238, 232), belly=(238, 234, 228), limbs=(226, 222, 216),
            face=(214, 210, 204), tip=(24, 24, 26), marks=(22, 22, 24), face_bands=0.4,
        ),
        "ibis": Traits(
            29, bird=True, depth=0.46, legs=0.5, leg_width=0.055, neck=0.55, neck_angle=0.9,
            head=0.24, muzzle=1.5, bill_curve=1.0, tail=0.3, tail_width=0.3, tail_droop=0.3,
            back=(240, 240, 236), belly=(236, 236, 230), limbs=(196, 48, 40), face=(208, 52, 42),
            tip=(20, 20, 24),
        ),
    },
}  # fmt: skip

# A change of appearance, and the species on which nobody can overlook it.
ODD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "development": {
        "white": ("deer", "boar", "fox", "hare", "pheasant"),
        "vest": ("deer", "boar", "fox", "badger", "crane"),
    },
    "final": {
        "black": ("deer", "fox", "hare", "crane"),
        "blanket": ("deer", "boar", "hare", "badger", "fox"),
    },
}
_OWN_COLOURS = ("back", "belly", "limbs", "face", "tip", "marks")
_COLOURS = (*_OWN_COLOURS, "cloth")
_VEST: Mapping[str, Colour] = {"vest": (250, 120, 10), "blanket": (40, 70, 200)}


def odd(traits: Traits, change: str) -> Traits:
    """Return the animal with one of the changes of ODD."""
    if change in _VEST:
        return replace(traits, vest=1.0, cloth=_VEST[change])
    shade = {"white": (240, 238, 234), "black": (24, 23, 26)}[change]
    plain: dict[str, object] = dict.fromkeys(_OWN_COLOURS, shade)
    return replace(traits, **plain, spots=0.0, face_bands=0.0)  # type: ignore[arg-type]


def individual(traits: Traits, rng: np.random.Generator) -> Traits:
    """Return an individual of the species: lengths by some 6 %, colours by some 6 levels."""
    changed: dict[str, object] = {}
    for part in fields(Traits):
        value = getattr(traits, part.name)
        if part.name in _COLOURS:
            shift = rng.normal(0, 6) + rng.normal(0, 3, 3)
            changed[part.name] = tuple(int(c) for c in np.clip(np.array(value) + shift, 8, 250))
        elif isinstance(value, float) and part.name != "vest":
            changed[part.name] = float(value * rng.lognormal(0, 0.06))
    size = traits.size * rng.lognormal(0, 0.08)
    return replace(traits, **{**changed, "size": float(size)})  # type: ignore[arg-type]


def vector(traits: Traits) -> Vector:
    """Return the traits as numbers in which an individual differs by about 1 from its species."""
    numbers: list[float] = [np.log(traits.size) / 0.08, 20.0 * traits.bird]
    for part in fields(Traits):
        value = getattr(traits, part.name)
        if part.name in _COLOURS:
            numbers += [level / 7 for level in value]
        elif part.name not in ("size", "bird"):
            numbers.append(value / 0.06)
    return np.array(numbers)


def species_distance(traits: Traits) -> float:
    """Return the distance to the nearest known species, root mean square over the traits."""
    own = vector(traits)
    apart = [own - vector(one) for one in KNOWN.values()]
    return float(min(np.sqrt(np.mean(one**2)) for one in apart))
