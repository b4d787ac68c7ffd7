"""Turn, shift and scale the wings into one frame, so that equal places are equal pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FRAME_WIDTH, FRAME_HEIGHT = 96, 72
# The mirror search runs on a coarse square grid: enough to place the axis within half a pixel.
_SEARCH_GRID = 40
_SEARCH_ANGLES = np.deg2rad(np.arange(-14.0, 14.1, 2.0))


@dataclass(frozen=True)
class Pose:
    """Body axis: centre (x, y) in pixels and the angle by which the image's x axis is turned."""

    x: float
    y: float
    angle: float

    def to_body(self, xs: Array, ys: Array) -> tuple[Array, Array]:
        """Turn image coordinates into (across, along) the body axis."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        dx, dy = xs - self.x, ys - self.y
        return cos * dx + sin * dy, -sin * dx + cos * dy

    def to_image(self, across: Array, along: Array) -> tuple[Array, Array]:
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return self.x + cos * across - sin * along, self.y + sin * across + cos * along


def find_pose(mask: Mask, shade: Array) -> Pose:
    """Find the pose by the mask's longest axis (the span), and refine it by mirror symmetry."""
    ys, xs = (v.astype(np.float64) for v in np.nonzero(mask))
    if len(xs) < 3:
        return Pose((mask.shape[1] - 1) / 2, (mask.shape[0] - 1) / 2, 0.0)
    cx, cy = float(xs.mean()), float(ys.mean())
    dx, dy = xs - cx, ys - cy
    angle = 0.5 * np.arctan2(2 * (dx * dy).mean(), (dx**2).mean() - (dy**2).mean())
    pose = Pose(cx, cy, float(angle))
    pose = _refine_by_symmetry(pose, mask, shade, xs, ys)
    across, along = pose.to_body(xs, ys)
    return Pose(pose.x, pose.y, pose.angle + np.pi) if _upside_down(across, along) else pose


def _upside_down(across: Array, along: Array) -> bool:
    """Whether the wing tips, which belong to the forewings, lie on the lower side of the body."""
    far = np.abs(across) > 0.6 * np.quantile(np.abs(across), 0.99)
    return bool(far.any() and along[far].mean() > along[~far].mean())


def _refine_by_symmetry(pose: Pose, mask: Mask, shade: Array, xs: Array, ys: Array) -> Pose:
    """Turn and shift until the left half, mirrored, is most like the right half."""
    across, along = pose.to_body(xs, ys)
    reach = 1.05 * float(max(np.abs(across).max(), np.abs(along).max(), 1.0))
    line = np.linspace(-reach, reach, _SEARCH_GRID)
    grid_across, grid_along = np.meshgrid(line, line)
    height, width = mask.shape
    content = np.where(mask, 0.35 + shade, 0.0)
    best, best_pose = -np.inf, pose
    for turn in _SEARCH_ANGLES:
        turned = Pose(pose.x, pose.y, pose.angle + float(turn))
        px, py = turned.to_image(grid_across, grid_along)
        ix, iy = np.rint(px).astype(np.int64), np.rint(py).astype(np.int64)
        inside = (ix >= 0) & (ix < width) & (iy >= 0) & (iy < height)
        values = np.zeros(px.shape)
        values[inside] = content[iy[inside], ix[inside]]
        # Correlating each row with its own mirror image scans all shifts at once.
        spectrum = np.fft.rfft(values, 2 * _SEARCH_GRID, axis=1)
        scores = np.fft.irfft((spectrum**2).sum(axis=0), 2 * _SEARCH_GRID)
        k = int(np.argmax(scores))
        if scores[k] > best * (1 + 1e-9) or best == -np.inf:
            best = float(scores[k])
            shift = (_parabola_peak(scores, k) / 2 - (_SEARCH_GRID - 1) / 2) * (line[1] - line[0])
            x, y = turned.to_image(np.array(shift), np.array(0.0))
            best_pose = Pose(float(x), float(y), turned.angle)
    return best_pose


def _parabola_peak(values: Array, k: int) -> float:
    """Sub-step position of a maximum from its two neighbours."""
    n = len(values)
    left, mid, right = values[(k - 1) % n], values[k], values[(k + 1) % n]
    bend = left - 2 * mid + right
    return k + (0.5 * (left - right) / bend if bend < 0 else 0.0)


def _bilinear(planes: Array, px: Array, py: Array) -> Array:
    """Sample (h, w, c) at real positions; places outside take the nearest edge pixel."""
    height, width = planes.shape[:2]
    px, py = np.clip(px, 0, width - 1), np.clip(py, 0, height - 1)
    x0, y0 = np.floor(px).astype(np.int64), np.floor(py).astype(np.int64)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (px - x0)[..., None], (py - y0)[..., None]
    top = planes[y0, x0] * (1 - fx) + planes[y0, x1] * fx
    bottom = planes[y1, x0] * (1 - fx) + planes[y1, x1] * fx
    result: Array = top * (1 - fy) + bottom * fy
    return result


def into_frame(planes: Array, mask: Mask, pose: Pose) -> Array:
    """Return planes (h, w, c) as (FRAME_HEIGHT, FRAME_WIDTH, c); the wings fill the frame.

    Span and height are scaled apart, so that narrower wings keep their pattern in place.
    """
    ys, xs = (v.astype(np.float64) for v in np.nonzero(mask))
    across, along = pose.to_body(xs, ys)
    # Quantiles and not extremes: a torn tip or a leftover antenna must not set the scale.
    half = max(float(np.quantile(np.abs(across), 0.99)), 0.5)
    top, bottom = (float(v) for v in np.quantile(along, [0.01, 0.99]))
    bottom = max(bottom, top + 1.0)
    u = (np.arange(FRAME_WIDTH) + 0.5) / FRAME_WIDTH * 2 - 1
    v = (np.arange(FRAME_HEIGHT) + 0.5) / FRAME_HEIGHT
    grid_across, grid_along = np.meshgrid(1.04 * half * u, top + (bottom - top) * (1.06 * v - 0.03))
    return _bilinear(planes, *pose.to_image(grid_across, grid_along))
