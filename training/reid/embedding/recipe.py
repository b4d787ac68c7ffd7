"""The recipe of an embedding network: what decides its weights, besides the images."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.losses import (
    ArcFaceLoss,
    SupConLoss,
    TripletMarginLoss,
)
from pytorch_metric_learning.miners import BatchHardMiner
from torch import Tensor, nn

from training.common.backbones import NORMALISATIONS
from training.common.base_network import parameter_groups
from training.common.checkpoints import Checkpoint
from training.common.console import say_epoch
from training.common.errors import DataError
from training.reid.embedding.base import BaseFeatures
from training.reid.embedding.batches import Variation, classes
from training.reid.embedding.trainer import EmbeddingTrainer, Report, Schedule
from wildlife_backbone.features import StageFeatures

TRIPLETS, CONTRASTIVE, ARCFACE = "batch-hard triplets", "supervised contrastive", "arcface"
# Of the learning rate, for layers that start from published weights: individuals need more change
# than species (training/LOG.md).
BASE_SHARE = 0.3
ARCFACE_MARGIN = 28.65  # degrees, as the library takes it: 0.5 radians, the published margin
ARCFACE_SCALE = 64.0  # published
TEMPERATURE = 0.1  # of the supervised contrastive loss


@dataclass(frozen=True)
class Recipe:
    """What decides an embedding network.

    backbone: a name that timm knows, `hf-hub:` and `local-dir:` too; image_size in pixels, 0 for
    the backbone's own; pretrained: start from the backbone's published weights; arguments: of the
    backbone, for timm. stage (triplet network): take all places of that stage's map instead of
    their mean, for images in one pose; width (triplet network): numbers of the embedding. base:
    takes the place of the backbone; its learning rate is BASE_SHARE times the other layers'.
    normalisation: a key of NORMALISATIONS. loss: TRIPLETS, with `margin` a distance; CONTRASTIVE
    (Khosla et al. 2020); or ARCFACE. weight_decay: of AdamW, 0 being plain Adam. A batch holds
    classes_per_batch x samples_per_class images; steps: batches in an epoch, 0 for as many as the
    images fill; epochs: 0 takes the weights as they are.
    """

    backbone: str
    image_size: int
    loss: str
    normalisation: str
    pretrained: bool = False
    licence: str = "Apache-2.0"
    arguments: dict[str, Any] = field(default_factory=dict)
    stage: int | None = None
    base: BaseFeatures | None = None
    width: int = 128
    margin: float = 0.3
    classes_per_batch: int = 16
    samples_per_class: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 50
    steps: int = 0
    variation: Variation = field(default_factory=Variation)
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            epochs=self.epochs,
            classes_per_batch=self.classes_per_batch,
            samples_per_class=self.samples_per_class,
            learning_rate=self.learning_rate,
            variation=self.variation,
            steps=self.steps,
            seed=self.seed,
        )

    def input_settings(self) -> dict[str, Any]:
        """Mean and standard deviation of the input, as config.json names them."""
        mean, std = NORMALISATIONS[self.normalisation]
        return {"mean": list(mean), "std": list(std)}


class BatchHardTriplets(nn.Module):
    """The mean hinge on each image's farthest like and nearest unlike image in the batch."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self._miner = BatchHardMiner()
        self._loss = TripletMarginLoss(margin=margin)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        loss: Tensor = self._loss(embeddings, labels, self._miner(embeddings, labels))
        return loss


def make_loss(recipe: Recipe, network: nn.Module, class_count: int) -> nn.Module:
    """The recipe's loss of embeddings (b, d) and classes (b,); ARCFACE has weights of its own."""
    if recipe.loss == TRIPLETS:
        return BatchHardTriplets(recipe.margin)
    loss: nn.Module
    if recipe.loss == CONTRASTIVE:
        loss = SupConLoss(temperature=TEMPERATURE)  # normalises the embeddings itself
    else:
        width = network.features if isinstance(network, StageFeatures) else network.num_features
        loss = ArcFaceLoss(class_count, width, margin=ARCFACE_MARGIN, scale=ARCFACE_SCALE)
    return loss


def train_embedding(
    recipe: Recipe,
    network: nn.Module,
    squares: Tensor,
    identity: NDArray[np.str_],
    checkpoint: Path | None = None,
    digest: str = "",
    report: Report | None = say_epoch,
) -> None:
    """Train the network on squares (n, 3, s, s) of identity (n,); leave it on the CPU.

    checkpoint: resume from it, and save to it after each epoch; digest: of the images, so that a
    checkpoint of others is refused; report: None for silence. Raises TrainingError.
    """
    _, count = classes(identity, recipe.variation.mirrored)
    loss = make_loss(recipe, network, count)
    optimiser = torch.optim.AdamW(
        parameter_groups(network, loss, base_share=BASE_SHARE),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    made_with = {**asdict(recipe), "images": digest}
    saved = Checkpoint(checkpoint, made_with) if checkpoint else None
    rows = nn.Sequential(network, nn.Flatten())  # a map's places in a row, as in serving
    trainer = EmbeddingTrainer(rows, loss, recipe.schedule, optimiser, saved)
    trainer.resume()
    mean, std = NORMALISATIONS[recipe.normalisation]
    trainer.train(squares, identity, mean, std, report)
    network.cpu().eval()


def all_finite(embeddings: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return embeddings (n, d). Raises DataError where a row is not finite."""
    wrong = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(wrong):
        raise DataError(f"{len(wrong)} images have an embedding that is not finite: rows {wrong}")
    return embeddings
