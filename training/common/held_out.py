"""Hold out whole groups of images: specimens, sequences of a camera, locations."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence


def held_out_groups(groups: Sequence[str], share: float, seed: int) -> set[str]:
    """Choose groups for validation: about `share` of the images, never all groups.

    `groups` has an entry for each image. Of a single group nothing can be held out.
    """
    images = Counter(groups)
    names = sorted(images)
    random.Random(seed).shuffle(names)
    wanted = share * len(groups)
    chosen: set[str] = set()
    taken = 0
    for name in names[:-1]:
        if taken >= wanted:
            break
        chosen.add(name)
        taken += images[name]
    return chosen
