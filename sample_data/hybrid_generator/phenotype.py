"""From genotype to the numbers that the drawing needs."""

from __future__ import annotations

from dataclasses import dataclass

from .genetics import Genotype

Colour = tuple[int, int, int]

# Pigments of species A; the mimic's are a little redder and its ground browner.
PIGMENTS: dict[str, dict[str, Colour]] = {
    "A": {"red": (226, 96, 42), "ivory": (238, 226, 206), "yellow": (233, 216, 118)},
    "B": {"red": (208, 70, 46), "ivory": (240, 234, 222), "yellow": (236, 226, 146)},
}
GROUND: dict[str, tuple[Colour, Colour]] = {
    "A": ((40, 30, 24), (24, 34, 66)),
    "B": ((52, 36, 26), (32, 40, 72)),
}


@dataclass(frozen=True)
class Phenotype:
    """A specimen's look; lengths are shares of the wing, amounts 0..1, colours RGB."""

    species: str
    band_place: float  # along the forewing, base 0 to apex 1
    band_width: float
    band_slant: float
    band_split: float  # 0 one band, 1 two spots
    band_inner: Colour  # the half towards the body
    band_outer: Colour
    basal: float
    rays: float
    bar: float
    bar_length: float
    margin: float
    line: float
    ground: Colour
    red: Colour
    yellow: Colour
    forewing_length: float
    hindwing_size: float


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with `share` (0..1) of `b`."""
    red, green, blue = (round(x + share * (y - x)) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _shift_hue(colour: Colour, step: float) -> Colour:
    """Redder below 0, more orange above: only the green channel moves much."""
    red, green, blue = colour
    return red, max(0, min(255, round(green + step))), max(0, min(255, round(blue + 0.3 * step)))


def phenotype(genotype: Genotype, species: str) -> Phenotype:
    """Dominance acts in `Genotype.value`, the polygenic modifiers are added here."""
    value, trait = genotype.value, genotype.trait
    pigments = {k: _shift_hue(c, 5 * trait("hue")) for k, c in PIGMENTS[species].items()}
    black, blue = GROUND[species]
    ground = mix(mix(black, blue, value("ground")), (92, 78, 62), 0.06 + 0.03 * trait("lightness"))
    low, high = genotype.alleles("colour")
    return Phenotype(
        species=species,
        band_place=0.495 + 0.18 * value("position") + 0.022 * trait("band_shift"),
        band_width=0.105 + 0.07 * value("width") + 0.016 * trait("band_width"),
        band_slant=0.10 + 0.04 * trait("band_slant"),
        band_split=value("shape"),
        band_inner=pigments[low],
        band_outer=pigments[high],
        basal=value("basal") * (1 + 0.12 * trait("basal_size")),
        rays=value("rays") * (1 + 0.1 * trait("ray_length")),
        # A pale streak runs where the bar would be, in some specimens that carry no allele of it.
        bar=min(1.0, value("bar") + 0.07 * max(0.0, trait("streak"))),
        bar_length=0.82 + 0.06 * trait("bar_length"),
        margin=value("margin") * (1 + 0.12 * trait("margin_depth")),
        line=value("line"),
        ground=ground,
        red=pigments["red"],
        yellow=pigments["yellow"],
        forewing_length=1 + 0.025 * trait("forewing_length"),
        hindwing_size=1 + 0.03 * trait("hindwing_size"),
    )
