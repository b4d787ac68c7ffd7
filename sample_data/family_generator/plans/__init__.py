"""Body plans: each draws an animal from its traits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..sketch import Sketch
from . import arthropods, chordates, molluscs, radial

Traits = Mapping[str, float]
DRAW: dict[str, Callable[[Traits, np.random.Generator], Sketch]] = {
    "insect": arthropods.insect,
    "eight_legs": arthropods.eight_legs,
    "quadruped": chordates.quadruped,
    "bird": chordates.bird,
    "owl": chordates.owl,
    "fish": chordates.fish,
    "snake": chordates.snake,
    "cephalopod": molluscs.cephalopod,
    "snail": molluscs.snail,
    "scallop": molluscs.scallop,
    "branches": radial.branches,
    "column": radial.column,
    "bell": radial.bell,
    "star": radial.star,
    "urchin": radial.urchin,
}
