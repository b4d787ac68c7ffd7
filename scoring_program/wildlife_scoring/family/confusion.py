"""Which family is taken for which: counts of pairs, and of errors within and across phyla."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wildlife_scoring.family.result import Scored

ELSEWHERE = "not in the reference"  # the phylum of a predicted family that has none


class Pair(NamedTuple):
    """A true and a predicted name, and how many images have them."""

    true: str
    predicted: str
    images: int


@dataclass(frozen=True)
class Answers:
    """The images of some families by answer."""

    right: int = 0
    within: int = 0  # another family of the same phylum
    across: int = 0  # a family of another phylum
    elsewhere: int = 0  # no family of the reference

    @property
    def images(self) -> int:
        """Count all of them."""
        return self.right + self.within + self.across + self.elsewhere


def family_pairs(scored: Scored) -> list[Pair]:
    """Return all pairs of families, right answers among them, the most frequent ones first."""
    counted = Counter(zip(scored.family.tolist(), scored.predicted.tolist(), strict=True))
    return _ordered(counted)


def phylum_pairs(scored: Scored, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs of phyla; a predicted family of no phylum counts as ELSEWHERE."""
    counted: Counter[tuple[str, str]] = Counter()
    for true, predicted, images in pairs:
        phylum = scored.phylum_of.get(predicted, ELSEWHERE)
        counted[scored.phylum_of[true], phylum] += images
    return _ordered(counted)


def answers_by_phylum(scored: Scored, pairs: Sequence[Pair]) -> dict[str, Answers]:
    """Count the answers of each phylum, sorted by its name."""
    kinds = ("right", "within", "across", "elsewhere")
    counted = {name: dict.fromkeys(kinds, 0) for name in sorted(set(scored.phylum_of.values()))}
    for true, predicted, images in pairs:
        home = scored.phylum_of[true]
        counted[home][_kind(true, predicted, home, scored.phylum_of.get(predicted))] += images
    return {name: Answers(**counts) for name, counts in counted.items()}


def _kind(true: str, predicted: str, home: str, phylum: str | None) -> str:
    if true == predicted:
        return "right"
    if phylum is None:
        return "elsewhere"
    return "within" if phylum == home else "across"


def _ordered(counted: Counter[tuple[str, str]]) -> list[Pair]:
    found = [Pair(true, predicted, images) for (true, predicted), images in counted.items()]
    return sorted(found, key=lambda pair: (-pair.images, pair.true, pair.predicted))
