"""Hybrids that nobody photographed: crosses of two known parents, and images as of a mimic.

Genes of wing pattern act on parts of a wing, some with dominance, some blending; so a synthetic
cross takes each of a few random patches from one parent, the other, or a mixture.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Groups:
    """Images by subspecies and view: sorted (subspecies, view) names, and member (n,) indices."""

    names: tuple[tuple[str, str], ...]
    member: NDArray[np.int64]

    @classmethod
    def of(cls, subspecies: NDArray[np.str_], view: NDArray[np.str_]) -> Groups:
        """Group n images by their subspecies (n,) and view (n,)."""
        labels = list(zip(subspecies.tolist(), view.tolist(), strict=True))
        names = tuple(sorted(set(labels)))
        index = {name: k for k, name in enumerate(names)}
        return cls(names, np.array([index[label] for label in labels], dtype=np.int64))

    def pairs(self) -> NDArray[np.int64]:
        """Return (2, p) groups of two different subspecies seen from the same side."""
        pairs = [
            (a, b)
            for a, b in itertools.combinations(range(len(self.names)), 2)
            if self.names[a][0] != self.names[b][0] and self.names[a][1] == self.names[b][1]
        ]
        return np.asarray(np.array(pairs, dtype=np.int64).reshape(-1, 2).T)


def cross_maps(
    maps: Array, groups: Groups, count: int, rng: np.random.Generator, patches: int
) -> Array:
    """Return `count` crosses (count, rows, columns, channels) of two different subspecies each.

    Pairs take turns, so that a rare subspecies is a parent as often as a common one.
    """
    members = [np.flatnonzero(groups.member == k) for k in range(len(groups.names))]
    pairs = groups.pairs().T
    order = rng.permutation(len(pairs))
    crosses = []
    for k in range(count):
        a, b = pairs[order[k % len(pairs)]]
        share = _share_of_first(maps.shape[1], maps.shape[2], rng, patches)[..., None]
        crosses.append(
            share * maps[rng.choice(members[a])] + (1 - share) * maps[rng.choice(members[b])]
        )
    return np.stack(crosses)


def _share_of_first(rows: int, columns: int, rng: np.random.Generator, patches: int) -> Array:
    """(rows, columns) share of the first parent: random patches, or one even blend."""
    if rng.random() < 0.2:
        return np.full((rows, columns), rng.uniform(0.35, 0.65))
    y, x = np.mgrid[:rows, :columns][..., None]
    centre_y, centre_x = rng.uniform(0, rows, patches), rng.uniform(0, columns, patches)
    patch = ((y - centre_y) ** 2 + (x - centre_x) ** 2).argmin(axis=-1)
    kind = rng.random(patches)
    blend = rng.uniform(0.3, 0.7, patches)
    shares = np.where(kind < 0.35, 0.0, np.where(kind > 0.65, 1.0, blend))
    result: Array = shares[patch]
    return result


def lookalike(wings: Array, rng: np.random.Generator) -> Array:
    """Shift hue, tone and outline of aligned wings (72, 96, 4), as a mimic would wear them."""
    hue, tone, saturation = (
        rng.uniform(-12, 12),
        rng.uniform(0.92, 1.08),
        rng.uniform(0.8, 1.15),
    )
    stretch_along, stretch_across = rng.uniform(0.9, 1.12, 2)
    return shift_species(wings, hue, tone, saturation, (stretch_along, stretch_across))


def shift_species(
    wings: Array, hue: float, tone: float, saturation: float, stretch: tuple[float, float]
) -> Array:
    """Turn the hue (degrees), scale tone and saturation, bend the outline (along, across)."""
    colour = wings[..., :3]
    grey = colour.mean(axis=-1, keepdims=True)
    shifted = grey * tone + saturation * (colour - grey) @ _turn_about_grey(hue).T
    changed = np.concatenate([shifted, wings[..., 3:]], axis=-1)
    height, width = wings.shape[:2]
    along = np.linspace(0, 1, height) ** stretch[0] * (height - 1)
    out = np.linspace(-1, 1, width)
    across = (np.sign(out) * np.abs(out) ** stretch[1] + 1) / 2 * (width - 1)
    bent: Array = changed[np.rint(along).astype(int)][:, np.rint(across).astype(int)]
    return bent


def _turn_about_grey(degrees: float) -> Array:
    """(3, 3) rotation of RGB about the grey axis (Rodrigues)."""
    angle = np.deg2rad(degrees)
    k = 1 / np.sqrt(3)
    cross = np.array([[0, -k, k], [k, 0, -k], [-k, k, 0]])
    rotation: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation
