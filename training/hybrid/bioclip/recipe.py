"""The recipe that decides the weights of `bioclip_wings`: published and small values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CLIP = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
}
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}  # EfficientNet-Lite's
NORMALISATIONS = {"imagenet": IMAGENET, "clip": CLIP, "half": HALF}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, except the images and the initial tower."""

    views: str  # "halves" or "square", as in config.json
    blocks: int  # attention blocks, or stages of a base, trained from the last; -1: the whole tower
    learning_rate: float
    head_learning_rate: float
    epochs: int
    batch: int
    cycle: bool  # one-cycle learning rate (Smith 2018), gradients clipped; else constant
    weight_decay: float
    balanced: bool
    crosses: float  # so many crosses for each image of a batch
    cross_mass: float  # what of a cross belongs to the class `hybrid`; the rest to its parents
    shift: bool
    validation_share: float
    resize: int = 256
    image_size: int = 224
    normalisation: str = "imagenet"
    normalise_features: bool = False
    soft_parents: bool = False
    seed: int = 0

    def preprocessing(self) -> dict[str, Any]:
        """Return the settings of the image as config.json has them."""
        sizes = (
            {"resize": self.resize, "image_size": self.image_size} if self.views == "square" else {}
        )
        return {"views": self.views, **sizes, **NORMALISATIONS[self.normalisation]}


PRESETS = {
    "small": Recipe(
        views="halves",
        blocks=-1,
        learning_rate=3e-3,
        head_learning_rate=3e-3,
        epochs=80,
        batch=64,
        cycle=True,
        weight_decay=0.05,
        balanced=True,
        crosses=0.5,
        cross_mass=0.5,
        shift=True,
        validation_share=0.0,
    ),
    "full": Recipe(
        views="square",
        blocks=2,
        learning_rate=1e-5,
        head_learning_rate=1e-3,
        epochs=7,
        batch=8,
        cycle=False,
        weight_decay=0.01,
        balanced=False,
        crosses=0.0,
        cross_mass=0.5,
        shift=False,
        validation_share=0.2,
    ),
}
# A frozen tower: an epoch is one pass of it over batches on which the head is fitted afterwards.
# Frozen, because tuned stages validate worse (training/LOG.md); the learning rate is for those.
PRESETS["imagenet"] = replace(
    PRESETS["small"], blocks=0, epochs=6, learning_rate=5e-4, normalisation="half"
)
