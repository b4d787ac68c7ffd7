"""Find images in grey or CMYK: mostly drawings, old prints and broken files.

Some of them are good photographs; an allow list keeps those.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from training.family.filters.frame import Flags, Given

_MODES = ("1", "L", "LA", "I;16", "CMYK")


def flag(given: Given) -> Flags:
    """Flag images whose file is not in colour, unless the allow list names them."""
    names = given.collection.filenames.tolist()
    modes = given.collection.mode.tolist()
    pairs = zip(names, modes, given.collection.paths, strict=True)
    found = [name not in given.allowed and _strange(mode, path) for name, mode, path in pairs]
    return np.array(found, dtype=bool)


def _strange(mode: str, path: object) -> bool:
    if mode:
        return mode in _MODES
    with Image.open(str(path)) as image:
        return image.mode in _MODES
