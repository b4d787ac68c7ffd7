"""The network of `megadescriptor_cosine`: published weights, or a small Swin by ArcFace."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning.losses import ArcFaceLoss, SupConLoss
from torch import Tensor, nn

from training.common.errors import DataError
from training.reid.embedding.images import Variation, classes
from training.reid.embedding.recipe import HALF, IMAGENET, architecture_of, create_backbone
from training.reid.embedding.trainer import EmbeddingTrainer, Schedule
from wildlife_image.square import normalised
from wildlife_reid.swin import describe

MARGIN = 28.65  # degrees: 0.5, the published margin of ArcFace, which the library takes in degrees
NORMALISATIONS = {"imagenet": IMAGENET, "half": HALF}  # published code, and model card


@dataclass(frozen=True)
class Recipe:
    """backbone: a name that timm knows, `hf-hub:` and `local-dir:` too; side 0: the backbone's own.

    arguments: of the network, for timm; epochs 0: the weights as they are. loss:
    "arcface" (scale is its), or "pairs", the supervised contrastive loss (Khosla et al. 2020).
    """

    backbone: str
    side: int
    pretrained: bool
    licence: str
    arguments: dict[str, Any] = field(default_factory=dict)
    normalisation: str = "imagenet"
    loss: str = "arcface"
    scale: float = 64.0
    classes: int = 16
    views: int = 4
    rate: float = 1e-3
    decay: float = 0.0
    epochs: int = 0
    steps: int = 0
    variation: Variation = field(default_factory=Variation)
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            self.epochs, self.classes, self.views, self.rate, self.variation, self.steps, self.seed
        )


NONCOMMERCIAL = "CC-BY-NC-4.0"
PRESETS = {
    # Published: L-384 and its use as it is. T-224 is the smallest of the family.
    "full": Recipe("hf-hub:BVRA/MegaDescriptor-L-384", 0, True, NONCOMMERCIAL),
    "full-tiny": Recipe("hf-hub:BVRA/MegaDescriptor-T-224", 0, True, NONCOMMERCIAL),
    # Published are ArcFace and its margin. From random weights, with 200 individuals, ArcFace does
    # not begin to learn, so the small one learns from all pairs of a batch instead.
    "small": Recipe(
        "swin_tiny_patch4_window7_224", 64, False, "Apache-2.0",
        arguments={
            "img_size": 64, "patch_size": 4, "embed_dim": 32, "depths": [2, 2, 2],
            "num_heads": [2, 4, 8], "window_size": 4,
        },
        normalisation="half", loss="pairs", rate=1e-3, decay=0.05, epochs=16,
        variation=Variation(turn=25, shift=0.1, zoom=(0.85, 1.35), jitter=0.4, grey=0.3),
    ),
    # For animals in one pose (--landmarks): all places of the last map in place of their mean.
    "aligned": Recipe(
        "swin_tiny_patch4_window7_224", 64, False, "Apache-2.0",
        arguments={
            "img_size": 64, "patch_size": 4, "embed_dim": 16, "depths": [2, 2, 2],
            "num_heads": [2, 4, 8], "window_size": 4, "global_pool": "",
        },
        normalisation="half", loss="pairs", rate=1e-3, decay=0.05, epochs=10, steps=100,
        variation=Variation(turn=6, shift=0.05, zoom=(0.93, 1.1), jitter=0.4, grey=0.3),
    ),
}  # fmt: skip


def build(recipe: Recipe) -> tuple[nn.Module, dict[str, Any]]:
    """The network, and its settings for config.json."""
    torch.manual_seed(recipe.seed)
    network = create_backbone(recipe.backbone, recipe.pretrained, **recipe.arguments)
    own = dict(getattr(network, "pretrained_cfg", {})).get("input_size", (3, 224, 224))
    mean, std = NORMALISATIONS[recipe.normalisation]
    settings = {
        "architecture": architecture_of(network, recipe.backbone),
        "arguments": recipe.arguments,
        "image_size": recipe.side or int(own[-1]),
        "mean": list(mean),
        "std": list(std),
    }
    return network, settings


def trained_network(
    recipe: Recipe,
    network: nn.Module,
    squares: Tensor,
    identity: NDArray[np.str_],
    checkpoint: Path | None = None,
    digest: str = "",
    report: Callable[[int, float], None] = lambda epoch, loss: None,
) -> nn.Module:
    """Train on squares (n, 3, s, s) of identity (n,). Raises TrainingError."""
    _, count = classes(identity, recipe.variation.mirrored)
    loss = (
        SupConLoss(temperature=0.1)  # it takes the length of 1 itself
        if recipe.loss == "pairs"
        else ArcFaceLoss(count, network.num_features, margin=MARGIN, scale=recipe.scale)
    )
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *loss.parameters()], lr=recipe.rate, weight_decay=recipe.decay
    )
    said = json.dumps({**asdict(recipe), "pictures": digest}, sort_keys=True)
    rows = nn.Sequential(network, nn.Flatten())  # a map's places in a row, as in serving
    trainer = EmbeddingTrainer(rows, loss, recipe.schedule, optimiser, checkpoint, said)
    trainer.resume()
    mean, std = NORMALISATIONS[recipe.normalisation]
    trainer.train(squares, identity, mean, std, report)
    return network.cpu().eval()


def descriptors(network: nn.Module, squares: Tensor, settings: dict[str, Any]) -> NDArray[Any]:
    """(n, d) of length 1, as the submission computes them, in the gallery's single precision.

    Half would not do: cosines of a weak network differ in the fourth decimal.

    Raises DataError for what is not finite.
    """
    network.eval()
    rows = [describe(network, normalised(square, settings)).numpy() for square in squares]
    found = np.stack(rows).astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(wrong):
        raise DataError(f"{len(wrong)} pictures have an embedding that is not finite: rows {wrong}")
    return found
