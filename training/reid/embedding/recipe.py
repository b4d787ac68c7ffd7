"""What decides the network of `triplet_centroids`: presets, and training by one of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from torch import Tensor, nn

from training.common.errors import DataError
from training.reid.database import Database, same_content
from training.reid.embedding.images import Variation
from training.reid.embedding.trainer import EmbeddingTrainer, Schedule, TrainingError
from training.reid.thresholds.holdout import unseen_pictures
from wildlife_image.square import normalised
from wildlife_reid.triplet import TripletNetwork, embed

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Recipe:
    """backbone: a name that timm knows, `hf-hub:` and `local-dir:` too; side in pixels.

    pretrained: start from the backbone's published weights; decay: of AdamW, 0 being plain Adam.
    stage: take all places of that stage's map in place of their mean, for pictures in one pose.
    """

    backbone: str
    side: int
    pretrained: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stage: int | None = None
    width: int = 128
    margin: float = 0.3
    classes: int = 16
    views: int = 4
    rate: float = 1e-4
    decay: float = 0.0
    epochs: int = 50
    steps: int = 0
    variation: Variation = field(default_factory=Variation)
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            self.epochs, self.classes, self.views, self.rate, self.variation, self.steps, self.seed
        )


# Published: backbones, 128 numbers, margin, Adam and its rate, turns by 90 degrees, batch-hard
# triplets. M x K, epochs and the strength of the variation are not published and are ours.
_PUBLISHED = Recipe(
    "resnet50", 224, True, *IMAGENET, variation=Variation(mirrored=False, rotated=True)
)
_SMALL = Recipe(
    "test_resnet.r160_in1k", 96, False, *HALF, rate=2e-3, decay=1e-3, epochs=24,
    variation=Variation(rotated=False),
)  # fmt: skip
# For animals in one pose (--landmarks), where the places of a map are places on the animal; with
# some hundreds of other individuals (--more), the published loss and margin learn from scratch.
_ALIGNED = Recipe(
    "test_resnet.r160_in1k", 64, False, *HALF, stage=2, rate=2e-3, decay=5e-2, epochs=10,
    steps=80,
    variation=Variation(turn=6, shift=0.05, zoom=(0.93, 1.1), jitter=0.4, grey=0.3, erased=0.3),
)  # fmt: skip
PRESETS = {
    "base": _PUBLISHED,
    "extended": replace(_PUBLISHED, backbone="efficientnet_b1", side=240),
    "small-base": _SMALL,
    "small-extended": replace(_SMALL, backbone="test_efficientnet.r160_in1k"),
    "aligned-base": _ALIGNED,
    "aligned-extended": replace(_ALIGNED, backbone="test_efficientnet.r160_in1k"),
}
SMALL = "small-extended"  # of the two for whole pictures


class BatchHardTriplets(nn.Module):
    """Of each picture its farthest like and its nearest unlike one; the mean hinge on both."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self._miner = BatchHardMiner()
        self._loss = TripletMarginLoss(margin=margin)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        loss: Tensor = self._loss(embeddings, labels, self._miner(embeddings, labels))
        return loss


def network_settings(recipe: Recipe, backbone: nn.Module) -> dict[str, Any]:
    """What the submission's config.json says of the network, without the name of a hub."""
    return {
        "architecture": architecture_of(backbone, recipe.backbone),
        "arguments": {},
        "width": recipe.width,
        "image_size": recipe.side,
        "mean": list(recipe.mean),
        "std": list(recipe.std),
        **({} if recipe.stage is None else {"stage": recipe.stage}),
    }


def architecture_of(backbone: nn.Module, name: str) -> str:
    """The name of timm's function for a backbone that came by a hub's name or from a folder."""
    found = dict(getattr(backbone, "pretrained_cfg", {})).get("architecture")
    return str(found or name.split(".")[0])


def create_backbone(name: str, pretrained: bool, **arguments: Any) -> nn.Module:
    """Raises TrainingError where timm does not know the name or cannot get its weights."""
    try:
        backbone: nn.Module = timm.create_model(
            name, pretrained=pretrained, num_classes=0, **arguments
        )
    except Exception as error:  # timm and the hub's client raise a dozen different ones
        raise TrainingError(
            f"backbone {name!r}: {error}; expected a name of timm, hf-hub:OWNER/MODEL, or "
            "local-dir:FOLDER with config.json and model.safetensors"
        ) from error
    return backbone


def build(recipe: Recipe) -> tuple[TripletNetwork, dict[str, Any]]:
    """The network to train, and its settings."""
    torch.manual_seed(recipe.seed)
    whole = {} if recipe.stage is None else {"features_only": True, "out_indices": (recipe.stage,)}
    backbone = create_backbone(recipe.backbone, recipe.pretrained, **whole)
    settings = network_settings(recipe, backbone)
    network = TripletNetwork(settings)
    network.backbone.load_state_dict(backbone.state_dict())
    return network, settings


def kept_back(database: Database, seed: int = 0) -> NDArray[np.bool_]:
    """(n,): pictures that are not trained on. A picture whose file is twice in the table is always
    trained on: as a query it would find itself in the gallery."""
    unseen = unseen_pictures(database.identity, database.dataset, seed)
    for rows in same_content(database.paths):
        unseen[rows] = False
    return unseen


def trained_network(
    recipe: Recipe,
    squares: Tensor,
    identity: NDArray[np.str_],
    checkpoint: Path | None = None,
    digest: str = "",
    report: Callable[[int, float], None] = lambda epoch, loss: None,
) -> tuple[TripletNetwork, dict[str, Any]]:
    """Train on squares (n, 3, s, s) of identity (n,). Raises TrainingError."""
    network, settings = build(recipe)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    said = json.dumps({**asdict(recipe), "pictures": digest}, sort_keys=True)
    loss = BatchHardTriplets(recipe.margin)
    trainer = EmbeddingTrainer(network, loss, recipe.schedule, optimiser, checkpoint, said)
    trainer.resume()
    trainer.train(squares, identity, recipe.mean, recipe.std, report)
    return network.cpu().eval(), settings


def embeddings(network: nn.Module, squares: Tensor, settings: dict[str, Any]) -> NDArray[Any]:
    """(n, width) as the submission computes them. Raises DataError for what is not finite."""
    network.eval()
    rows = [embed(network, normalised(square, settings)).numpy() for square in squares]
    found = np.stack(rows)
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        raise DataError(f"{len(wrong)} pictures have an embedding that is not finite: rows {wrong}")
    return found
