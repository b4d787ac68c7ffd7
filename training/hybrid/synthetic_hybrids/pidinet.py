"""PiDiNet, the pixel-difference edge network (Su et al., ICCV 2021), in its `carv4` form.

Written from the paper and the public description of its layers; 710,149 parameters, with the names
of the published table5 checkpoints. Its weights are not part of this repository.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTH = 60
_DILATED = 24
_STAGES = ((1, 3), (2, 4), (4, 4), (4, 4))  # width as a multiple, blocks
_KINDS = ("central", "angular", "radial", "vanilla")  # block after block, over again
_CLOCKWISE = (3, 0, 1, 6, 4, 2, 7, 8, 5)  # where each of the 3x3 weights goes
_OUTER = (0, 2, 4, 10, 14, 20, 22, 24)  # of a flat 5x5 kernel: ring of radius two
_INNER = (6, 7, 8, 11, 13, 16, 17, 18)  # ring of radius one, same eight directions


class PixelDifference(nn.Conv2d):
    """A 3x3 convolution of differences between pixels; the spatial size stays."""

    def __init__(self, kind: str, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=1, groups=groups, bias=False)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.difference_kernel()
        return functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=self.groups)

    def difference_kernel(self) -> Tensor:
        """Return the plain kernel, 3x3 or 5x5, that the differences amount to."""
        flat = self.weight.flatten(2)
        if self.kind == "central":
            centre = torch.zeros_like(flat)
            centre[:, :, 4] = flat.sum(-1)
            return (flat - centre).view_as(self.weight)
        if self.kind == "angular":
            return (flat - flat[:, :, list(_CLOCKWISE)]).view_as(self.weight)
        if self.kind == "radial":
            kernel = flat.new_zeros(*flat.shape[:2], 25)
            kernel[:, :, list(_OUTER)] = flat[:, :, 1:]
            kernel[:, :, list(_INNER)] = -flat[:, :, 1:]
            return kernel.view(*flat.shape[:2], 5, 5)
        return self.weight


class Block(nn.Module):
    """Depthwise differences, ReLU, 1x1 convolution, and a shortcut; `halve` pools first."""

    def __init__(self, kind: str, inputs: int, outputs: int, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        if halve:
            self.shortcut = nn.Conv2d(inputs, outputs, 1)
        self.conv1 = PixelDifference(kind, inputs, inputs, groups=inputs)
        self.conv2 = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.halve:
            x = functional.max_pool2d(x, 2)
        y = torch.as_tensor(self.conv2(functional.relu(self.conv1(x))))
        return y + torch.as_tensor(self.shortcut(x) if self.halve else x)


class Dilation(nn.Module):
    """Context at four dilations, added up."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, _DILATED, 1)
        for index, dilation in enumerate((5, 7, 9, 11), start=1):
            layer = nn.Conv2d(
                _DILATED, _DILATED, 3, dilation=dilation, padding=dilation, bias=False
            )
            self.add_module(f"conv2_{index}", layer)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(functional.relu(x))
        return torch.stack([getattr(self, f"conv2_{i}")(x) for i in range(1, 5)]).sum(0)


class Attention(nn.Module):
    """Each pixel weighted between 0 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_DILATED, 4, 1)
        self.conv2 = nn.Conv2d(4, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv2(self.conv1(functional.relu(x))))


class Reduction(nn.Module):
    """To one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(_DILATED, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.conv(x))


class PiDiNet(nn.Module):
    """Edge maps of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.init_block = PixelDifference(_KINDS[0], 3, _WIDTH)
        self._names: list[list[str]] = []
        inputs, position = _WIDTH, 1
        for stage, (multiple, blocks) in enumerate(_STAGES, start=1):
            names = [f"block{stage}_{number}" for number in range(1, blocks + 1)]
            for number, name in enumerate(names):
                kind, outputs = _KINDS[position % len(_KINDS)], _WIDTH * multiple
                halve = stage > 1 and number == 0
                self.add_module(name, Block(kind, inputs, outputs, halve=halve))
                inputs, position = outputs, position + 1
            self._names.append(names)
        self.dilations = nn.ModuleList(Dilation(_WIDTH * multiple) for multiple, _ in _STAGES)
        self.attentions = nn.ModuleList(Attention() for _ in _STAGES)
        self.conv_reduces = nn.ModuleList(Reduction() for _ in _STAGES)
        self.classifier = nn.Conv2d(len(_STAGES), 1, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (n, 3, h, w) to five maps (n, 1, h, w) in 0..1: four stages, and the fused one."""
        size = x.shape[-2:]
        x = self.init_block(x)
        maps = []
        for index, names in enumerate(self._names):
            for name in names:
                x = getattr(self, name)(x)
            edge = self.conv_reduces[index](self.attentions[index](self.dilations[index](x)))
            maps.append(functional.interpolate(edge, size, mode="bilinear", align_corners=False))
        maps.append(self.classifier(torch.cat(maps, 1)))
        return [torch.sigmoid(edge) for edge in maps]
