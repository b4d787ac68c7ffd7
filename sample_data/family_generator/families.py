"""The families: their phylum, their body plan, and the traits that tell them apart.

A trait is a number whose meaning belongs to the body plan; an animal's traits vary around those of
its family. Names are those of real families whose plan is drawn; no real animal is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPREAD = 0.12  # std of an animal's trait, as a share of its family's


@dataclass(frozen=True)
class Family:
    """A family; `images` is how many clean images train has."""

    phylum: str
    plan: str
    images: int
    traits: Mapping[str, float]


def _family(phylum: str, plan: str, images: int, **traits: float) -> Family:
    return Family(phylum, plan, images, traits)


_ARTHROPODA, _CHORDATA, _CNIDARIA = "Arthropoda", "Chordata", "Cnidaria"
_ECHINODERMATA, _MOLLUSCA = "Echinodermata", "Mollusca"
FAMILIES = {
    "Apidae": _family(
        _ARTHROPODA,
        "insect",
        52,
        head=0.2,
        thorax=0.3,
        abdomen=0.6,
        girth=0.38,
        waist=0.2,
        wings=2,
        span=0.75,
        breadth=0.26,
        sweep=0.5,
        legs=0.4,
        antennae=0.25,
        stripes=5,
    ),
    "Buthidae": _family(
        _ARTHROPODA,
        "eight_legs",
        14,
        shield=0.42,
        width=0.3,
        abdomen=0.5,
        legs=0.55,
        claws=0.32,
        reach=0.55,
        tail=1.3,
    ),
    "Carcharhinidae": _family(
        _CHORDATA, "fish", 18, depth=0.26, tail=0.42, fin=0.34, dorsal=0.3, spread=0.1, snout=0.9
    ),
    "Coccinellidae": _family(
        _ARTHROPODA,
        "insect",
        34,
        head=0.14,
        thorax=0.18,
        abdomen=0.75,
        girth=0.72,
        waist=0.66,
        wings=0,
        shell=1,
        legs=0.3,
        antennae=0.12,
        spots=8,
    ),
    "Formicidae": _family(
        _ARTHROPODA,
        "insect",
        26,
        head=0.3,
        thorax=0.42,
        abdomen=0.48,
        girth=0.34,
        waist=0.05,
        wings=0,
        legs=0.62,
        antennae=0.5,
    ),
    "Libellulidae": _family(
        _ARTHROPODA,
        "insect",
        40,
        head=0.18,
        thorax=0.3,
        abdomen=1.25,
        girth=0.1,
        waist=0.1,
        wings=2,
        span=1.1,
        breadth=0.2,
        sweep=0.06,
        legs=0.2,
        antennae=0.06,
        stripes=8,
    ),
    "Papilionidae": _family(
        _ARTHROPODA,
        "insect",
        60,
        head=0.1,
        thorax=0.26,
        abdomen=0.5,
        girth=0.12,
        waist=0.1,
        wings=2,
        span=0.95,
        breadth=0.85,
        sweep=0.1,
        tails=0.4,
        legs=0.0,
        antennae=0.4,
        spots=4,
    ),
    "Portunidae": _family(
        _ARTHROPODA,
        "eight_legs",
        30,
        shield=0.5,
        width=0.85,
        abdomen=0.0,
        legs=0.6,
        claws=0.36,
        reach=0.5,
        tail=0.0,
    ),
    "Theraphosidae": _family(
        _ARTHROPODA,
        "eight_legs",
        22,
        shield=0.34,
        width=0.3,
        abdomen=0.62,
        legs=1.0,
        claws=0.0,
        reach=0.25,
        tail=0.0,
    ),
    "Anatidae": _family(
        _CHORDATA,
        "bird",
        46,
        body=0.9,
        depth=0.44,
        neck=0.42,
        upright=0.2,
        legs=0.16,
        bill=0.22,
        flat=1.0,
        tail=0.25,
    ),
    "Ardeidae": _family(
        _CHORDATA,
        "bird",
        32,
        body=0.75,
        depth=0.36,
        neck=0.95,
        upright=0.4,
        legs=0.95,
        bill=0.42,
        flat=0.3,
        tail=0.22,
    ),
    "Elephantidae": _family(
        _CHORDATA,
        "quadruped",
        20,
        length=1.0,
        depth=0.62,
        legs=0.5,
        stout=0.2,
        neck=0.12,
        head=0.26,
        ears=0.3,
        trunk=0.75,
        tail=0.4,
    ),
    "Cervidae": _family(
        _CHORDATA,
        "quadruped",
        28,
        length=0.9,
        depth=0.36,
        legs=0.62,
        stout=0.075,
        neck=0.42,
        head=0.16,
        ears=0.13,
        antlers=0.5,
        tail=0.12,
    ),
    "Giraffidae": _family(
        _CHORDATA,
        "quadruped",
        12,
        length=0.72,
        depth=0.38,
        legs=0.85,
        stout=0.075,
        neck=1.05,
        head=0.15,
        ears=0.1,
        tail=0.42,
        spots=16,
    ),
    "Leporidae": _family(
        _CHORDATA,
        "quadruped",
        24,
        length=0.62,
        depth=0.48,
        legs=0.16,
        stout=0.12,
        neck=0.06,
        head=0.21,
        ears=0.52,
        tail=0.1,
    ),
    "Pomacentridae": _family(
        _CHORDATA,
        "fish",
        42,
        depth=0.68,
        tail=0.34,
        fin=0.22,
        dorsal=0.2,
        spread=0.75,
        snout=0.4,
        stripes=4,
    ),
    "Pythonidae": _family(
        _CHORDATA, "snake", 16, length=3.4, waves=2.2, girth=0.14, head=0.13, spots=15
    ),
    "Strigidae": _family(
        _CHORDATA, "owl", 11, height=1.0, width=0.62, disc=0.3, ears=0.2, wing=0.7, spots=12
    ),
    "Acroporidae": _family(
        _CNIDARIA, "branches", 13, branches=3, forks=4, girth=0.13, angle=0.48, shrink=0.74
    ),
    "Actiniidae": _family(
        _CNIDARIA, "column", 15, height=0.55, width=0.5, tentacles=26, reach=0.5, girth=0.06
    ),
    "Ulmaridae": _family(
        _CNIDARIA, "bell", 23, dome=0.5, width=0.75, arms=5, reach=1.1, threads=14, rings=4
    ),
    "Asteriidae": _family(
        _ECHINODERMATA, "star", 19, arms=5, reach=0.9, disc=0.32, girth=0.34, bend=0.1, spots=12
    ),
    "Cidaridae": _family(_ECHINODERMATA, "urchin", 9, spines=34, reach=0.62, disc=0.4, girth=0.06),
    "Ophiuridae": _family(
        _ECHINODERMATA, "star", 8, arms=5, reach=1.25, disc=0.24, girth=0.085, bend=0.6
    ),
    "Helicidae": _family(_MOLLUSCA, "snail", 27, shell=0.52, turns=3.0, foot=1.1, stalks=0.3),
    "Loliginidae": _family(
        _MOLLUSCA,
        "cephalopod",
        10,
        mantle=1.1,
        width=0.3,
        head=0.2,
        arms=7,
        reach=0.5,
        girth=0.065,
        fins=0.42,
    ),
    "Octopodidae": _family(
        _MOLLUSCA,
        "cephalopod",
        17,
        mantle=0.55,
        width=0.5,
        head=0.3,
        arms=8,
        reach=1.15,
        girth=0.13,
        curl=0.9,
        spots=9,
    ),
    "Pectinidae": _family(_MOLLUSCA, "scallop", 6, height=0.9, fan=0.95, ribs=11, ears=0.3),
}
TAXONOMY = {name: family.phylum for name, family in FAMILIES.items()}
PLANS = tuple(dict.fromkeys(family.plan for family in FAMILIES.values()))
TRAITS = tuple(sorted({name for family in FAMILIES.values() for name in family.traits}))


def draw_traits(family: str, rng: np.random.Generator) -> dict[str, float]:
    """Return the traits of one animal of a family."""
    means = FAMILIES[family].traits
    return {name: mean * (1 + SPREAD * float(rng.normal())) for name, mean in means.items()}


def trait_vector(family: str, traits: Mapping[str, float]) -> NDArray[np.float64]:
    """Return what the generator knows of an animal: its plan and its traits, (plans + traits,)."""
    plan = [float(FAMILIES[family].plan == name) for name in PLANS]
    return np.array([*plan, *(traits.get(name, 0.0) for name in TRAITS)])
