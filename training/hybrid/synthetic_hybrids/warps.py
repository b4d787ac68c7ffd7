"""Training examples of one photograph each: edge and colours bent apart, and the target.

Edge and colour first get the same border, flip and window. Then two independent thin-plate-spline
warps bend them: T_e the edge, T_c the colour reference. The target is T_e(colour): the reference's
appearance in the shape of the edge. All picks come from one seeded generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

_PUBLISHED_SIZE = 256  # lengths in pixels below are for this image size and scale with it
_BORDER = (10, 30)  # pixels
_GRID_STEP = 10  # pixels between the points where the spline is evaluated
_BLOCK = (0.8, 0.95)  # of the side
_SPACING = (0.15, 0.3)  # of the side, between neighbouring control points
_DISPLACEMENT = 0.1  # of the side
WARPED = 0.99  # share of images that a warp bends


@dataclass(frozen=True)
class Example:
    """(3, s, s) each, in [-1, 1]."""

    edge: Tensor
    reference: Tensor
    target: Tensor


def make_example(edge: Tensor, colour: Tensor, seed: int) -> Example:
    """Make an example of a photograph and its edge image, (3, s, s) each in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    edge, colour = shared_base(edge, colour, generator)
    edge_grid, colour_grid = (tps_grid(edge.shape[-1], generator) for _ in range(2))
    return Example(
        edge=bend(edge, edge_grid),
        reference=bend(colour, colour_grid),
        target=bend(colour, edge_grid),
    )


def shared_base(edge: Tensor, colour: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Apply the same border, flip and window to both, each half of the time."""
    size = edge.shape[-1]
    if _chance(0.5, generator):
        low, high = (max(1, round(b * size / _PUBLISHED_SIZE)) for b in _BORDER)
        left, right, top, bottom = torch.randint(low, high + 1, (4,), generator=generator).tolist()
        padding = [left, right, top, bottom]
        edge = _resized(functional.pad(edge, padding, value=1.0), size)
        colour = _resized(functional.pad(colour[None], padding, mode="reflect")[0], size)
    if _chance(0.5, generator):
        axis = -1 if _chance(0.5, generator) else -2
        edge, colour = edge.flip(axis), colour.flip(axis)
    if _chance(0.5, generator):
        kept = _window(size, generator)
        edge, colour = (torch.where(kept, image, -1.0) for image in (edge, colour))
    return edge, colour


def tps_grid(size: int, generator: Generator) -> Tensor:
    """Return the source of each pixel of a bent image: (s, s, 2) as x, y in [-1, 1].

    Control points: the four corners, which stay, and 3x3 in a window of three spacings a side,
    each moved by up to a tenth of the side. As published the spline is evaluated on a coarse grid
    and interpolated linearly between.
    """
    steps = round(_PUBLISHED_SIZE / _GRID_STEP) + 1
    line = torch.linspace(-1, 1, steps)
    coarse = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    if _chance(WARPED, generator):
        origin, moved = _control_points(generator)
        coarse = thin_plate_spline(moved, origin, coarse.view(-1, 2)).view(steps, steps, 2)
    fine = functional.interpolate(
        coarse.permute(2, 0, 1)[None], (size, size), mode="bilinear", align_corners=True
    )
    return fine[0].permute(1, 2, 0)


def thin_plate_spline(before: Tensor, after: Tensor, points: Tensor) -> Tensor:
    """Move `points` (p, 2) by the smoothest map that takes `before` (n, 2) to `after` (n, 2).

    Solved here because kornia's get_tps_transform (0.9) centres the kernels on the targets: no thin
    plate, and at displacements as large as these it throws one warp in ten off the image.
    """
    count = len(before)
    plane = torch.cat([torch.ones(count, 1), before], 1)
    system = torch.zeros(count + 3, count + 3)
    system[:count, :count] = _bending(before, before)
    system[:count, count:] = plane
    system[count:, :count] = plane.T
    weights: Tensor = torch.linalg.solve(system, torch.cat([after, torch.zeros(3, 2)]))
    flat = torch.cat([torch.ones(len(points), 1), points], 1)
    return _bending(points, before) @ weights[:count] + flat @ weights[count:]


def _bending(points: Tensor, centres: Tensor) -> Tensor:
    """r^2 log r for each point and centre."""
    squared = (points[:, None] - centres[None]).square().sum(-1)
    return 0.5 * torch.xlogy(squared, squared)


def bend(image: Tensor, grid: Tensor) -> Tensor:
    """Sample (3, s, s) linearly at the grid (s, s, 2); the image is mirrored beyond its border."""
    return functional.grid_sample(
        image[None], grid[None], padding_mode="reflection", align_corners=True
    )[0]


def _control_points(generator: Generator) -> tuple[Tensor, Tensor]:
    """(13, 2) before and after moving, in [-1, 1] (so the side is 2)."""
    spacing = 2 * _uniform(*_SPACING, generator)
    left, top = (_uniform(-1, 1 - 3 * spacing, generator) for _ in range(2))
    steps = (torch.arange(3) + 0.5) * spacing
    inner = torch.cartesian_prod(left + steps, top + steps)
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    shift = (torch.rand(9, 2, generator=generator) * 2 - 1) * 2 * _DISPLACEMENT
    return torch.cat([inner, corners]), torch.cat([inner + shift, corners])


def _window(size: int, generator: Generator) -> Tensor:
    """(s, s), true inside a random window."""
    inside = []
    for _ in range(2):
        length = round(size * _uniform(*_BLOCK, generator))
        start = int(torch.randint(0, size - length + 1, (), generator=generator))
        line = torch.arange(size)
        inside.append((line >= start) & (line < start + length))
    return inside[0][:, None] & inside[1][None, :]


def _resized(image: Tensor, size: int) -> Tensor:
    resized = functional.interpolate(
        image[None], (size, size), mode="bicubic", align_corners=False, antialias=True
    )
    return resized[0].clamp(-1, 1)


def _uniform(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def _chance(share: float, generator: Generator) -> bool:
    return _uniform(0, 1, generator) < share
