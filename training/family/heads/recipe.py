"""What decides a head, and the values of the published recipe."""

from __future__ import annotations

from dataclasses import dataclass

from training.common.script import option

ADAM, ADAGRAD = "adam", "adagrad"


@dataclass(frozen=True)
class HeadRecipe:
    """What decides a head, besides features and families. The defaults are the published values.

    units: of the first dense layer; layers: dense layers before the last one, each with half the
    units of the one before; 0 for a linear classifier. focal: the exponent of the focal loss
    (Lin et al. 2017), 0 for cross entropy. mixup: alpha of mixed features (Zhang et al. 2018), 0
    for none. Epochs end early after `patience` without a lower validation loss; after
    `plateau_patience` such epochs the learning rate is multiplied by `plateau_factor`.
    """

    units: int = option(600, "of the first dense layer")
    layers: int = option(1, "dense layers before the last one; 0 for a linear classifier")
    dropout: float = option(0.4, "share of units, after each dense layer")
    optimiser: str = option(ADAGRAD, f"{ADAGRAD} or {ADAM}")
    learning_rate: float = option(0.01, "of the head")
    epochs: int = option(20, "at most")
    batch: int = option(32, "images in a step")
    class_weights: int = option(1, "1 for balanced class weights, 0 for none")
    smoothing: float = option(0.0, "of the labels")
    focal: float = option(0.0, "exponent of the focal loss; 0 for cross entropy")
    mixup: float = option(0.0, "alpha of mixed features; 0 for none")
    patience: int = option(3, "epochs without a lower validation loss before it ends")
    plateau_patience: int = option(2, "such epochs before the learning rate falls")
    plateau_factor: float = option(0.1, "of the learning rate, where it falls")
    seed: int = option(0, "of weights, order and dropout")

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of each dense layer before the last."""
        return tuple(max(self.units >> k, 1) for k in range(self.layers))

    def head_settings(self) -> dict[str, object]:
        """The part `head` of a network's settings in config.json."""
        return {"hidden": list(self.hidden), "dropout": self.dropout}
