"""How well the local features of two images match: the score of a pair.

Matches are mutual nearest neighbours above a floor of similarity. Each match proposes the
similarity transformation that takes one key point to the other (SIFT gives scale and rotation); the
pair's score is the largest weight of matches that one proposal explains, with an error that may
grow with distance, because an animal bends. No random numbers: equal images get equal scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class MatchSettings:
    """When two matches agree. `slack` is in longer sides, `bend` a share of the distance."""

    floor: float = 0.4  # cosine similarity at which a match weighs nothing
    slack: float = 0.022
    bend: float = 0.3
    log_scale: float = 0.5
    turn: float = 0.6  # radians


@dataclass(frozen=True)
class Matches:
    """Matched key points of two images: places (m, 4) in each, weights (m,)."""

    first: Floats
    second: Floats
    weight: Floats


def mutual_matches(similarity: Floats, first: Floats, second: Floats, floor: float) -> Matches:
    """Find pairs that are each other's most similar, by similarities (n, m).

    first: (n, 4) places in one image; second: (m, 4) in the other.
    """
    if not similarity.size:
        return Matches(first[:0], second[:0], np.zeros(0, np.float32))
    best, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    rows = np.arange(len(similarity))
    weight = similarity[rows, best] - floor
    kept = np.flatnonzero((back[best] == rows) & (weight > 0))
    return Matches(first[kept], second[best[kept]], weight[kept].astype(np.float32))


def verified(matches: Matches, settings: MatchSettings) -> float:
    """Sum the weights of the matches that the best proposal explains, its own included."""
    if not len(matches.weight):
        return 0.0
    agree = agreement(matches.first, matches.second, settings)
    return float((agree @ matches.weight.astype(np.float64)).max())


def agreement(first: Floats, second: Floats, settings: MatchSettings) -> NDArray[np.bool_]:
    """Return (m, m): whether the transformation that match i proposes explains match j."""
    scale = second[:, 2] / first[:, 2]
    turn = second[:, 3] - first[:, 3]
    moved = first[None, :, :2] - first[:, None, :2]
    went = second[None, :, :2] - second[:, None, :2]
    cos, sin = (scale * np.cos(turn))[:, None], (scale * np.sin(turn))[:, None]
    off_x = cos * moved[..., 0] - sin * moved[..., 1] - went[..., 0]
    off_y = sin * moved[..., 0] + cos * moved[..., 1] - went[..., 1]
    reach = scale[:, None] * np.sqrt(moved[..., 0] ** 2 + moved[..., 1] ** 2)
    log = np.log(scale)
    difference = np.abs((turn[None] - turn[:, None] + np.pi) % (2 * np.pi) - np.pi)
    near = off_x**2 + off_y**2 < (settings.slack + settings.bend * reach) ** 2
    alike = np.abs(log[None] - log[:, None]) < settings.log_scale
    return np.asarray(near & alike & (difference < settings.turn))
