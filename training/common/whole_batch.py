"""Layers that see the whole batch where a process, or a part of a step, holds some of its images.

Batch norm needs the statistics of all images, and what dropout and stochastic depth draw for an
image must not depend on who computes it. With these layers a step has the same gradients in any
number of processes. Torch's own SyncBatchNorm works on accelerators only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from timm.layers.drop import DropPath, drop_path
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, distributed, nn
from torch.nn.functional import dropout


@dataclass(frozen=True)
class Share:
    """The images of a batch that are computed now.

    Attributes:
        total: images of the whole batch.
        rows: which of them are here.
        shared: whether other processes compute the others at the same time.
    """

    total: int
    rows: range
    shared: bool


_now: list[Share] = []  # the share that is computed; empty where a layer sees a batch of its own


@contextmanager
def computing(share: Share) -> Iterator[None]:
    """Tell the layers which images of the batch they see inside the block."""
    _now.append(share)
    try:
        yield
    finally:
        _now.pop()


def take_whole_batches(network: nn.Module) -> set[str]:
    """Give the layers of a network that depend on the batch the forward passes of this file.

    Names and tensors stay as they are. Return the classes of batch norms that are not known here:
    each process normalises its own images with them.
    """
    for layer in network.modules():
        layer.__class__ = _WHOLE.get(type(layer), type(layer))
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
    return {
        type(layer).__name__
        for layer in network.modules()
        if isinstance(layer, norms) and type(layer) not in _WHOLE.values()
    }


def in_32_bits(values: Tensor) -> Tensor:
    """Return values of mixed precision in 32 bits; what has more stays as it is."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


class WholeDropout(nn.Dropout):
    """Dropout that draws for the whole batch, and takes what belongs to the images here."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and _now):
            return super().forward(x)
        each = len(x) // len(_now[-1].rows)  # rows of the layer's input for an image
        ones = x.new_ones((_now[-1].total * each, *x.shape[1:]))
        return x * _of_images_here(dropout(ones, self.p, True), each)


class WholeDropPath(DropPath):
    """Stochastic depth that draws for the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and _now):
            kept: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return kept
        each = len(x) // len(_now[-1].rows)
        ones = x.new_ones((_now[-1].total * each, *[1] * (x.ndim - 1)))
        drawn = drop_path(ones, self.drop_prob, True, self.scale_by_keep)
        return x * _of_images_here(drawn, each)


def _of_images_here(drawn: Tensor, each: int) -> Tensor:
    """The rows of a mask over the whole batch that belong to the images here."""
    rows = _now[-1].rows
    return drawn[rows.start * each : rows.stop * each]


class WholeBatchNorm1d(nn.BatchNorm1d):
    """Batch norm by the statistics of the images of all processes."""

    def forward(self, x: Tensor) -> Tensor:
        return _normalised(self, x) if self.training and _is_shared() else super().forward(x)


class WholeBatchNorm2d(nn.BatchNorm2d):
    """Batch norm of maps by the statistics of the images of all processes."""

    def forward(self, x: Tensor) -> Tensor:
        return _normalised(self, x) if self.training and _is_shared() else super().forward(x)


class WholeBatchNormAct2d(BatchNormAct2d):
    """timm's batch norm with its activation, by the statistics of the images of all processes."""

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and _is_shared()):
            own: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
            return own
        found: Tensor = self.act(self.drop(_normalised(self, x)))
        return found


_WHOLE: dict[type[nn.Module], type[nn.Module]] = {
    nn.Dropout: WholeDropout,
    DropPath: WholeDropPath,
    nn.BatchNorm1d: WholeBatchNorm1d,
    nn.BatchNorm2d: WholeBatchNorm2d,
    BatchNormAct2d: WholeBatchNormAct2d,
}


def _is_shared() -> bool:
    return bool(_now) and _now[-1].shared


class _OverProcesses(torch.autograd.Function):
    """The sum of a tensor over processes; the sum of its gradients on the way back."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        total = own.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _OverProcesses.forward(context, gradient)


def _over_processes(own: Tensor) -> Tensor:
    total: Tensor = _OverProcesses.apply(own)
    return total


def _normalised(layer: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Batch norm of x (n, c, ...) by the mean and variance over all processes, in 32 bits."""
    axes = [axis for axis in range(x.ndim) if axis != 1]
    shape = (1, -1, *[1] * (x.ndim - 2))
    values = in_32_bits(x)
    count = _over_processes(values.new_tensor(x.numel() / x.shape[1]))
    mean = _over_processes(values.sum(axes)) / count
    centred = values - mean.view(shape)
    variance = _over_processes(centred.square().sum(axes)) / count
    _follow(layer, mean, variance, float(count))
    scaled = centred * (variance + layer.eps).rsqrt().view(shape)
    if layer.affine:
        scaled = scaled * layer.weight.view(shape) + layer.bias.view(shape)
    return scaled.to(x.dtype)


@torch.no_grad()
def _follow(
    layer: nn.BatchNorm1d | nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: float
) -> None:
    """Move the running statistics as torch's batch norm does: the variance is the unbiased one."""
    if layer.running_mean is None or layer.running_var is None:
        return
    assert layer.num_batches_tracked is not None
    layer.num_batches_tracked += 1
    share = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance * count / max(count - 1, 1), share)
