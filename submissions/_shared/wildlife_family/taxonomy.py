"""Families and their phyla: which families an image can show if its phylum is known.

The rule, in training and in serving: a phylum is compared without surrounding spaces and without
regard to case. One that the taxonomy does not know, an empty one and a missing one rule nothing
out. A family whose own phylum is empty is never ruled out. So at least one family is left always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RULED_OUT = -np.inf  # the logit of a family that an image cannot show
LISTED = 10  # families of one image, at most


def plain(phylum: str | None) -> str:
    """Return a phylum as it is compared: no spaces around it, lower case; "" for None."""
    return (phylum or "").strip().casefold()


@dataclass(frozen=True)
class Taxonomy:
    """Families in the order of a network's outputs, and the phylum of each, "" if unknown.

    Raises ValueError where the two differ in length, a family is empty or comes twice, or there
    are fewer than two.
    """

    families: tuple[str, ...]
    phyla: tuple[str, ...]

    def __post_init__(self) -> None:
        problems = []
        if len(self.families) != len(self.phyla):
            problems.append(f"{len(self.families)} families, but {len(self.phyla)} phyla")
        if len(set(self.families)) < len(self.families) or "" in self.families:
            problems.append("a family is empty or comes twice")
        if len(self.families) < 2:
            problems.append(f"{len(self.families)} families; at least 2 are needed")
        if problems:
            raise ValueError(f"the taxonomy cannot be used: {'; '.join(problems)}")

    @classmethod
    def of(cls, phylum_of: Mapping[str, str]) -> Taxonomy:
        """Return the taxonomy of a mapping from family to phylum, in its order."""
        return cls(tuple(map(str, phylum_of)), tuple(map(str, phylum_of.values())))

    def as_mapping(self) -> dict[str, str]:
        """Return family -> phylum, as config.json has it."""
        return dict(zip(self.families, self.phyla, strict=True))

    def possible(self, phyla: Sequence[str | None]) -> NDArray[np.bool_]:
        """Return (n, families): which families images of these phyla can show."""
        own = np.array([plain(one) for one in self.phyla])
        asked = np.array([plain(one) for one in phyla], dtype=np.str_)
        allowed = (asked[:, None] == own) | (own == "")
        unknown = ~np.isin(asked, own[own != ""])
        return np.asarray(allowed | unknown[:, None])


def masked(logits: NDArray[np.float64], possible: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return logits (n, families) with those of impossible families ruled out."""
    return np.where(possible, logits, RULED_OUT)


def probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax (n, families) of logits; ruled out is 0. A row has a finite logit."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def likeliest(
    row: NDArray[np.float64], families: Sequence[str], listed: int = LISTED
) -> list[tuple[str, float]]:
    """Return up to `listed` families with their probabilities (families,), the likeliest first.

    A family that is ruled out (0) is not listed; of two alike the first in order comes first.
    """
    order = np.argsort(-row, kind="stable")[:listed]
    return [(families[k], float(row[k])) for k in order.tolist() if row[k] > 0]
