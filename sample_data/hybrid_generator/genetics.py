"""Loci, subspecies, and Mendelian crosses.

The loci are modelled loosely on the few large-effect genes that paint real Heliconius wings (optix:
red patches and rays; WntA: band shape and position; cortex: yellow bar; see Van Belleghem et al.
2017, doi:10.1038/s41559-016-0052). Names, alleles and subspecies here are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Locus:
    """One gene with allele effects in 0..1.

    `dominance` is the place of the heterozygote between the lower (0) and the higher (1)
    homozygote: 1 dominant, 0 recessive, 0.5 intermediate.
    """

    name: str
    effects: dict[str, float]
    dominance: float

    def value(self, first: str, second: str) -> float:
        """The effect of a pair of alleles; the order of the two does not matter."""
        low, high = sorted((self.effects[first], self.effects[second]))
        return low + self.dominance * (high - low)


# `colour` is codominant: both pigments are laid down, one in each half of the band, so its
# "effect" only orders the two (which half is which) and is read through `Genotype.alleles`.
LOCI: tuple[Locus, ...] = (
    Locus("position", {"proximal": 0.0, "distal": 1.0}, 0.5),
    Locus("shape", {"solid": 0.0, "split": 1.0}, 0.5),
    Locus("width", {"narrow": 0.0, "broad": 1.0}, 0.5),
    Locus("colour", {"red": 0.0, "ivory": 0.5, "yellow": 1.0}, 0.5),
    Locus("basal", {"plain": 0.0, "dennis": 1.0}, 1.0),
    Locus("rays", {"none": 0.0, "rayed": 1.0}, 0.6),
    Locus("bar", {"none": 0.0, "barred": 1.0}, 0.25),
    Locus("margin", {"dark": 0.0, "white": 1.0}, 0.5),
    Locus("ground", {"black": 0.0, "blue": 1.0}, 0.5),
    Locus("line", {"none": 0.0, "lined": 1.0}, 0.0),
)
LOCUS_NAMES: tuple[str, ...] = tuple(locus.name for locus in LOCI)

# Polygenic traits: each the mean of many small loci, so unlike the loci above they vary within a
# subspecies. Units are standard deviations; `phenotype.py` says what one of them looks like.
TRAITS: tuple[str, ...] = (
    "band_shift",
    "band_width",
    "band_slant",
    "hue",
    "lightness",
    "basal_size",
    "ray_length",
    "bar_length",
    "streak",
    "margin_depth",
    "forewing_length",
    "hindwing_size",
)
LOCI_PER_TRAIT = 3


@dataclass(frozen=True)
class Subspecies:
    """A population that is fixed at every locus of `LOCI`."""

    number: int
    name: str
    species: str
    alleles: tuple[str, ...]  # one per locus, in the order of LOCI


@dataclass(frozen=True, eq=False)
class Haplotype:
    """From one parent: an allele per locus, and modifiers of shape (traits, loci per trait)."""

    alleles: tuple[str, ...]
    modifiers: np.ndarray


@dataclass(frozen=True)
class Genotype:
    """Two haplotypes, one from each parent."""

    maternal: Haplotype
    paternal: Haplotype

    def alleles(self, name: str) -> tuple[str, str]:
        """The pair of alleles at a locus, ordered by their effect."""
        place = LOCUS_NAMES.index(name)
        pair = (self.maternal.alleles[place], self.paternal.alleles[place])
        effects = LOCI[place].effects
        low, high = sorted(pair, key=lambda allele: effects[allele])
        return low, high

    def value(self, name: str) -> float:
        return LOCI[LOCUS_NAMES.index(name)].value(*self.alleles(name))

    def trait(self, name: str) -> float:
        """A polygenic trait in standard deviations of a subspecies."""
        place = TRAITS.index(name)
        loci = np.concatenate([self.maternal.modifiers[place], self.paternal.modifiers[place]])
        return float(loci.sum() / np.sqrt(loci.size))

    @property
    def heterozygous(self) -> tuple[bool, ...]:
        """Per locus: do the two alleles differ?"""
        return tuple(
            a != b for a, b in zip(self.maternal.alleles, self.paternal.alleles, strict=True)
        )


def _subspecies(number: int, name: str, species: str, alleles: str) -> Subspecies:
    parts = tuple(alleles.split())
    for locus, allele in zip(LOCI, parts, strict=True):
        if allele not in locus.effects:
            raise ValueError(f"{name}: locus {locus.name} has no allele {allele!r}")
    return Subspecies(number, name, species, parts)


SUBSPECIES: dict[str, Subspecies] = {
    name: _subspecies(number, name, species, alleles)
    for number, name, species, alleles in (
        # The signal pair, whose hybrids are in train.
        (8, "gemmata", "A", "proximal split broad ivory plain none none dark black none"),
        (9, "flammata", "A", "distal solid broad yellow dennis rayed none dark black none"),
        # The others, whose hybrids are never in train.
        (2, "lunaria", "A", "proximal solid broad red plain none barred dark black none"),
        (7, "rubescens", "A", "distal solid broad red plain none none dark black none"),
        (13, "cyanea", "A", "distal solid narrow red plain none none white blue none"),
        (3, "citrina", "A", "proximal solid narrow yellow plain none none dark black none"),
        (11, "radiosa", "A", "proximal split narrow yellow dennis rayed none dark black none"),
        (1, "ardens", "A", "distal solid narrow red dennis rayed none dark black none"),
        (5, "duplex", "A", "distal split broad red plain none barred dark black lined"),
        (0, "nivosa", "A", "proximal solid narrow ivory plain none none white blue none"),
    )
}
# The mimic species: the patterns of gemmata and flammata on its own wings.
for _number, _name, _pattern in ((20, "pseudogemma", "gemmata"), (21, "pseudoflamma", "flammata")):
    SUBSPECIES[_name] = Subspecies(_number, _name, "B", SUBSPECIES[_pattern].alleles)


def pure_haplotype(subspecies: Subspecies, rng: np.random.Generator) -> Haplotype:
    """A gamete from the population: its fixed alleles, modifiers drawn again."""
    return Haplotype(subspecies.alleles, rng.standard_normal((len(TRAITS), LOCI_PER_TRAIT)))


def pure(subspecies: Subspecies, rng: np.random.Generator) -> Genotype:
    return Genotype(pure_haplotype(subspecies, rng), pure_haplotype(subspecies, rng))


def gamete(parent: Genotype, rng: np.random.Generator) -> Haplotype:
    """Meiosis with free recombination: each locus from either haplotype with equal chance."""
    pick = rng.random(len(LOCI)) < 0.5
    alleles = tuple(
        a if from_mother else b
        for a, b, from_mother in zip(
            parent.maternal.alleles, parent.paternal.alleles, pick, strict=True
        )
    )
    pick_modifiers = rng.random(parent.maternal.modifiers.shape) < 0.5
    modifiers = np.where(pick_modifiers, parent.maternal.modifiers, parent.paternal.modifiers)
    return Haplotype(alleles, modifiers)


def first_generation(mother: Subspecies, father: Subspecies, rng: np.random.Generator) -> Genotype:
    """F1: heterozygous wherever the two parents differ."""
    return Genotype(pure_haplotype(mother, rng), pure_haplotype(father, rng))


def backcross(recurrent: Subspecies, other: Subspecies, rng: np.random.Generator) -> Genotype:
    """F1 x `recurrent`, drawn again while it carries nothing of `other` at any locus.

    Such a backcross (1 in 2^n for parents that differ at n loci) looks like a pure specimen, so
    no reader of the image could be right about it.
    """
    if recurrent.alleles == other.alleles:
        raise ValueError(f"{recurrent.name} and {other.name} do not differ at any locus")
    while True:
        parent = first_generation(recurrent, other, rng)
        child = Genotype(pure_haplotype(recurrent, rng), gamete(parent, rng))
        if any(child.heterozygous):
            return child
