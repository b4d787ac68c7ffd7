"""Recipes of family networks: the published one, and the same on a base that a package ships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from training.common.script import option
from training.family.heads.recipe import ADAM, HeadRecipe
from training.family.heads.tuning import TuningRecipe
from training.family.towers import TowerRecipe


@dataclass(frozen=True)
class Recipe:
    """What decides a network, besides the images.

    shares and mirrored: the views of an image (wildlife_family/views.py); copies: varied copies of
    each training image, next to the image as it is.
    """

    tower: TowerRecipe = field(default_factory=TowerRecipe)
    head: HeadRecipe = field(default_factory=HeadRecipe)
    tuning: TuningRecipe = field(default_factory=TuningRecipe)
    image_size: int = option(288, "pixels")
    shares: tuple[float, ...] = (1.0,)
    mirrored: bool = False
    copies: int = option(2, "varied copies of each training image")

    def views(self) -> dict[str, Any]:
        """The part `views` of config.json."""
        return {
            "image_size": self.image_size,
            "shares": list(self.shares),
            "mirrored": self.mirrored,
        }

    def made_with(self, **digests: str) -> Mapping[str, Any]:
        """Return all that decides a training, for the checkpoint of its last layers."""
        return {**{name: str(part) for name, part in asdict(self).items()}, **digests}

    def head_made_with(self, **digests: str) -> Mapping[str, Any]:
        """Return all that decides the head, which does not know how it will be tuned."""
        made_with = self.made_with(**digests)
        return {name: value for name, value in made_with.items() if name != "tuning"}


PRESETS = {
    # EfficientNet-B4 sees 380 pixels.
    "full": Recipe(tower=TowerRecipe(base="", backbone="tf_efficientnet_b4"), image_size=380),
    # Adam, the other optimiser of the published search, is ahead on photographs (training/LOG.md).
    # At the published rate the last layers hardly change, in one epoch or in three.
    "imagenet": Recipe(
        head=HeadRecipe(optimiser=ADAM, learning_rate=1e-3), tuning=TuningRecipe(tuning_epochs=1)
    ),
}
