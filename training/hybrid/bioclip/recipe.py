"""What decides the weights of `bioclip_wings`, and the published and the small values of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CLIP = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
}
NORMALISATIONS = {"imagenet": IMAGENET, "clip": CLIP}


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, besides the pictures and the tower that training starts from."""

    views: str  # "halves" or "square", as in config.json
    blocks: int  # attention blocks that are trained, from the last; -1: the whole tower
    rate: float
    head_rate: float
    epochs: int
    batch: int
    cycle: bool  # one-cycle rate (Smith 2018), gradients clipped; else constant
    decay: float
    balanced: bool
    crosses: float  # so many crosses for each picture of a batch
    cross_mass: float  # what of a cross belongs to the class `hybrid`; the rest to its parents
    shift: bool
    held_out: float
    resize: int = 256
    side: int = 224
    normalisation: str = "imagenet"
    normalise_features: bool = False
    soft_parents: bool = False
    seed: int = 0

    def picture(self) -> dict[str, Any]:
        """The settings of the picture as config.json has them."""
        sizes = {"resize": self.resize, "image_size": self.side} if self.views == "square" else {}
        return {"views": self.views, **sizes, **NORMALISATIONS[self.normalisation]}


PRESETS = {
    "small": Recipe(
        views="halves", blocks=-1, rate=3e-3, head_rate=3e-3, epochs=80, batch=64, cycle=True,
        decay=0.05, balanced=True, crosses=0.5, cross_mass=0.5, shift=True, held_out=0.0,
    ),
    "full": Recipe(
        views="square", blocks=2, rate=1e-5, head_rate=1e-3, epochs=7, batch=8, cycle=False,
        decay=0.01, balanced=False, crosses=0.0, cross_mass=0.5, shift=False, held_out=0.2,
    ),
}  # fmt: skip
