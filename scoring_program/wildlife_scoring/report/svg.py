"""Draw step curves and histograms as inline SVG: no library, no script, nothing outside the file.

A chart's size does not depend on the number of images: callers hand in a few hundred points at
most. Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; lines
differ in their dashes too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from wildlife_scoring.metrics import FloatArray

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
GREY = "#8A8F98"

HEIGHT = 320
LEFT, RIGHT, TOP, BOTTOM = 58, 26, 24, 48
TICKS_OF_WIDTH = 75  # one tick on the x axis for so many units
TICKS_UPWARDS = 6
POINTS = 300  # of a curve, at most: callers thin longer ones
BINS = 20
HISTOGRAM_WIDTH = 360  # three are shown next to each other
LARGEST_DRAWN = 1e100  # beyond it the arithmetic of an axis overflows


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high`, with `low` < `high`; percent: 0.5 reads 50 %."""

    label: str
    low: float
    high: float
    percent: bool = False

    def share(self, values: FloatArray) -> FloatArray:
        """Say where values lie on the axis: 0 at its low end, 1 at its high end."""
        return (values - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Frame:
    """The two axes of a chart, and its width in units of which a letter is 13 high."""

    x: Axis
    y: Axis
    width: int = 520

    @property
    def right(self) -> int:
        """Return the x coordinate at which the x axis ends."""
        return self.width - RIGHT

    def across(self, values: FloatArray) -> FloatArray:
        """Return x coordinates in the SVG, to a tenth of a unit."""
        return np.round(LEFT + self.x.share(values) * (self.right - LEFT), 1)

    def up(self, values: FloatArray) -> FloatArray:
        """Return y coordinates in the SVG, to a tenth of a unit."""
        return np.round(HEIGHT - BOTTOM - self.y.share(values) * (HEIGHT - BOTTOM - TOP), 1)


@dataclass(frozen=True)
class Curve:
    """A step curve: y[i] holds from x[i] to x[i + 1]. x and y have shape (points,), x ascending.

    straight: the points are joined by straight lines instead.
    """

    label: str
    x: FloatArray
    y: FloatArray
    colour: str
    dash: str = ""
    straight: bool = False


@dataclass(frozen=True)
class Dot:
    """A point that stands out, with its place in the legend."""

    label: str
    x: float
    y: float
    colour: str


@dataclass(frozen=True)
class Bars:
    """A histogram: heights of shape (bins,) over equal bins that fill the x axis."""

    label: str
    heights: FloatArray
    colour: str


@dataclass(frozen=True)
class Marker:
    """A vertical line with its label at the top of the chart."""

    x: float
    label: str


def curve_chart(
    summary: str,
    frame: Frame,
    curves: Sequence[Curve],
    marker: Marker | None = None,
    dots: Sequence[Dot] = (),
) -> str:
    """Draw one <svg> and its legend. summary: the chart in words, for readers who cannot see it."""
    drawn = [(curve.label, _line_key(curve), _curve(frame, curve)) for curve in curves]
    drawn += [(dot.label, _dot_key(dot), _dot(frame, dot)) for dot in dots]
    return _chart(summary, frame, drawn, marker)


def histogram_chart(
    summary: str, frame: Frame, bars: Sequence[Bars], marker: Marker | None = None
) -> str:
    """Draw like curve_chart, for histograms drawn over each other, the first one at the back."""
    drawn = [(each.label, _area_key(each), _bars(frame, each)) for each in bars]
    return _chart(summary, frame, drawn, marker)


def class_histogram(
    summary: str,
    axis: Axis,
    label: str,
    classes: Sequence[tuple[str, FloatArray, str]],
    marker: Marker,
) -> str:
    """Draw the shares of each class by score, so that a small class is as high as a large one.

    label: of the y axis; classes: name, scores of shape (n,) and colour, the one at the back first.
    Classes without scores are left out; scores beyond the axis count at its ends.
    """
    bars = [
        Bars(name, bin_shares(np.clip(scores, axis.low, axis.high), axis, BINS), colour)
        for name, scores, colour in classes
        if len(scores)
    ]
    top = 1.05 * max(float(each.heights.max()) for each in bars)
    frame = Frame(axis, Axis(label, 0.0, top, percent=True), HISTOGRAM_WIDTH)
    return histogram_chart(summary, frame, bars, marker)


def ticks(low: float, high: float, number: int) -> list[float]:
    """Return about `number` round values in [low, high], where low < high."""
    rough = (high - low) / number
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [multiple * step for multiple in range(first, last + 1)]


def value_axis(label: str, values: FloatArray) -> Axis:
    """Return an axis that holds all values, (n,), n >= 1.

    It goes from 0 to 1 where the values use much of that, and over their range otherwise.
    """
    low, high = (drawable(float(end)) for end in (np.min(values), np.max(values)))
    if low >= 0 and high <= 1 and (high == low or high - low > 0.3):
        return Axis(label, 0.0, 1.0)
    middle = low / 2 + high / 2
    # Never narrower than what a double still resolves there.
    half = max(0.54 * (high - low), 0.001, 1e-6 * abs(middle))
    return Axis(label, middle - half, middle + half)


def bin_shares(values: FloatArray, axis: Axis, bins: int) -> FloatArray:
    """Return the share of the values, (n,), n >= 1, in each of the equal bins of the axis."""
    # np.histogram refuses ranges that are narrow for their magnitude; this never does.
    place = (drawable_all(values) - axis.low) / (axis.high - axis.low) * bins
    return np.bincount(np.clip(place.astype(np.intp), 0, bins - 1), minlength=bins) / len(values)


def drawable(value: float) -> float:
    """Return the value, or the largest of its sign that can be drawn."""
    return min(max(value, -LARGEST_DRAWN), LARGEST_DRAWN)


def drawable_all(values: FloatArray) -> FloatArray:
    """Return drawable values for an array."""
    return np.clip(values, -LARGEST_DRAWN, LARGEST_DRAWN)


def _chart(
    summary: str, frame: Frame, drawn: Sequence[tuple[str, str, str]], marker: Marker | None
) -> str:
    """Draw one <svg> and its legend. drawn: label, key in the legend, and shape of each series."""
    mark = _marker(frame, marker) if marker else ""
    shapes = "".join(shape for _, _, shape in drawn)
    return (
        f'<svg class="chart" viewBox="0 0 {frame.width} {HEIGHT}" role="img" '
        f'aria-label="{escape(summary)}">'
        f"{_y_axis(frame)}{shapes}{_x_axis(frame)}{mark}</svg>"
        f"{_legend([(label, key) for label, key, _ in drawn])}"
    )


def _x_axis(frame: Frame) -> str:
    bottom = HEIGHT - BOTTOM
    parts = [f'<path class="axis" d="M{LEFT} {bottom}H{frame.right}"/>']
    values = ticks(frame.x.low, frame.x.high, (frame.right - LEFT) // TICKS_OF_WIDTH)
    for value, at in zip(values, frame.across(np.array(values)), strict=True):
        parts.append(f'<path class="axis" d="M{at:g} {bottom}v5"/>')
        parts.append(f'<text x="{at:g}" y="{bottom + 19}" text-anchor="middle">')
        parts.append(f"{_tick_label(frame.x, value)}</text>")
    middle = (LEFT + frame.right) / 2
    parts.append(f'<text class="label" x="{middle:g}" y="{HEIGHT - 8}" text-anchor="middle">')
    parts.append(f"{escape(frame.x.label)}</text>")
    return "".join(parts)


def _y_axis(frame: Frame) -> str:
    parts = []
    values = ticks(frame.y.low, frame.y.high, TICKS_UPWARDS)
    for value, at in zip(values, frame.up(np.array(values)), strict=True):
        parts.append(f'<path class="grid" d="M{LEFT} {at:g}H{frame.right}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{at:g}" dy=".35em" text-anchor="end">')
        parts.append(f"{_tick_label(frame.y, value)}</text>")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text class="label" transform="translate(12 {middle:g}) rotate(-90)" ')
    parts.append(f'text-anchor="middle">{escape(frame.y.label)}</text>')
    return "".join(parts)


def _curve(frame: Frame, curve: Curve) -> str:
    across, up = frame.across(curve.x), frame.up(curve.y)
    path = [f"M{across[0]:g} {up[0]:g}"]
    for x, y in zip(across[1:], up[1:], strict=True):
        path.append(f"L{x:g} {y:g}" if curve.straight else f"H{x:g}V{y:g}")
    return f'<path class="curve" stroke="{curve.colour}"{_dash(curve)} d="{"".join(path)}"/>'


def _dot(frame: Frame, dot: Dot) -> str:
    at, up = frame.across(np.array([dot.x])), frame.up(np.array([dot.y]))
    return f'<circle class="dot" fill="{dot.colour}" cx="{at[0]:g}" cy="{up[0]:g}" r="5"/>'


def _bars(frame: Frame, bars: Bars) -> str:
    edges = frame.across(np.linspace(frame.x.low, frame.x.high, len(bars.heights) + 1))
    path = [f"M{edges[0]:g} {HEIGHT - BOTTOM}"]
    for right, top in zip(edges[1:], frame.up(bars.heights), strict=True):
        path.append(f"V{top:g}H{right:g}")
    path.append(f"V{HEIGHT - BOTTOM}Z")
    return f'<path class="bars" fill="{bars.colour}" stroke="{bars.colour}" d="{"".join(path)}"/>'


def _marker(frame: Frame, marker: Marker) -> str:
    at = float(frame.across(np.array([marker.x]))[0])
    # The label stands on the side that has more room.
    side, anchor = (5, "start") if at < (LEFT + frame.right) / 2 else (-5, "end")
    return (
        f'<path class="marker" d="M{at:g} {TOP - 16}V{HEIGHT - BOTTOM}"/>'
        f'<text class="marked" x="{at + side:g}" y="{TOP - 8}" text-anchor="{anchor}">'
        f"{escape(marker.label)}</text>"
    )


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<li>{key}{escape(label)}</li>" for label, key in entries)
    return f'<ul class="legend">{items}</ul>'


def _line_key(curve: Curve) -> str:
    line = f'<path class="curve" stroke="{curve.colour}"{_dash(curve)} d="M0 6H30"/>'
    return f'<svg class="key" viewBox="0 0 30 12" aria-hidden="true">{line}</svg>'


def _dot_key(dot: Dot) -> str:
    circle = f'<circle class="dot" fill="{dot.colour}" cx="15" cy="6" r="5"/>'
    return f'<svg class="key" viewBox="0 0 30 12" aria-hidden="true">{circle}</svg>'


def _area_key(bars: Bars) -> str:
    area = f'<path class="bars" fill="{bars.colour}" stroke="{bars.colour}" d="M8 1h14v10h-14Z"/>'
    return f'<svg class="key" viewBox="0 0 30 12" aria-hidden="true">{area}</svg>'


def _dash(curve: Curve) -> str:
    return f' stroke-dasharray="{curve.dash}"' if curve.dash else ""


def _tick_label(axis: Axis, tick: float) -> str:
    value = tick * 100 if axis.percent else tick
    text = f"{round(value, 10):.6g}".replace("-", "\N{MINUS SIGN}")
    return f"{text}\N{NO-BREAK SPACE}%" if axis.percent else text
