"""A small training in 64 bits, which one process, parts and two processes have to agree on.

`python small_training.py FILE` trains and writes the tensors by name; test_parallel.py starts it
under a launcher. In 64 bits only a mistake makes a difference that a test can see: rounding, which
Adam and batch norm enlarge, stays below it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from timm.layers.drop import DropPath
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from training.common.atomic import replaced
from training.common.parallel import Parallel

SIZES = (7, 5, 8, 1)  # images of the batches: uneven, and fewer than processes
LAYERS = ("plain", "drawn", "normed", "timm")


class Layered(nn.Module):
    """Images (n, 3, 6, 6) to embeddings (n, 4); `kind` says what depends on the batch."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        drawn, normed = kind == "drawn", kind in ("normed", "timm")
        # A bias before a batch norm has no gradient but rounding, which Adam makes a step of.
        self.convolution = nn.Conv2d(3, 8, 3, bias=not normed)
        norms = {"normed": nn.BatchNorm2d, "timm": BatchNormAct2d}
        self.norm = norms[kind](8) if normed else nn.GroupNorm(2, 8)
        self.path = DropPath(0.4 if drawn else 0.0)
        self.drop = nn.Dropout(0.3 if drawn else 0.0)
        self.neck = nn.BatchNorm1d(8 * 16, affine=False) if normed else nn.Identity()
        self.linear = nn.Linear(8 * 16, 4)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.norm(self.convolution(images)))
        maps = maps + self.path(maps.square())
        # As in a transformer of windows: four rows of the layer's input for each image.
        windows = self.drop(maps.unflatten(2, (4, 1)).transpose(1, 2).flatten(0, 1).contiguous())
        embeddings: Tensor = self.linear(self.neck(windows.reshape(len(images), -1)))
        return embeddings


def compared(embeddings: Tensor) -> Tensor:
    """A loss that knows every pair of images in the batch."""
    distances = (embeddings[:, None] - embeddings[None]).square().sum(2)
    return (1 + distances).log().mean() - embeddings.tanh().mean() + embeddings.square().mean()


def train(kind: str) -> tuple[dict[str, Tensor], list[float]]:
    """Train for two passes over SIZES; return the tensors and the losses."""
    torch.manual_seed(0)
    network = Layered(kind).double()
    parallel = Parallel()
    parallel.prepare(network)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    # Batch norm learns nothing from the one value of one image.
    for size in [size for size in SIZES * 2 if size > 1 or kind in ("plain", "drawn")]:
        images = torch.randn(size, 3, 6, 6, dtype=torch.float64)
        optimiser.zero_grad()
        losses.append(parallel.backward(network.train(), images, compared))
        parallel.step(optimiser, clipped=network.parameters(), longest=1.0)
    return network.state_dict(), losses


def main() -> None:
    found = {}
    for parts in ("1", "2"):
        os.environ["ACCELERATE_GRADIENT_ACCUMULATION_STEPS"] = parts
        found[parts] = {kind: train(kind) for kind in LAYERS}
    with replaced(Path(sys.argv[1])) as temporary:
        torch.save(found, temporary)


if __name__ == "__main__":
    main()
