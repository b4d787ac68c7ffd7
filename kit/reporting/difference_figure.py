"""The figure of a comparison: scores with intervals, and bars over what noise cannot separate.

In the manner of a critical difference diagram (Demsar 2006, "Statistical Comparisons of Classifiers
over Multiple Data Sets"), drawn downwards so that names fit on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from kit.reporting.parts import number, words
from kit.reporting.standing import Place

WIDTH, ROW, TOP = 400, 44, 8
LEFT, BARS = 8, 14  # the margin, and the room for each bar on the right
TICKS = 5
Across = Callable[[float], float]  # a score -> its x coordinate


def difference_figure(
    names: Sequence[str], places: Sequence[Place], found: Sequence[tuple[int, int]]
) -> str:
    """Draw one row for each place.

    names: of the runs, by their number; places: the best first; found: groups of places
    (kit.separable).
    """
    ends = [end for place in places for end in (place.low, place.high, place.value)]
    drawn = [end for end in ends if end is not None]
    low, high = (min(drawn), max(drawn)) if drawn else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.05, high + 0.05
    right = WIDTH - LEFT - BARS * len(found) - 6

    def across(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (right - LEFT)

    height = TOP + ROW * len(places) + 34
    rows = [
        _row(names[place.run], place, TOP + ROW * at, across) for at, place in enumerate(places)
    ]
    bars = [
        f'<path class="group" d="M{right + 14 + BARS * at} {TOP + ROW * first + 22}'
        f'V{TOP + ROW * last + 38}"/>'
        for at, (first, last) in enumerate(found)
    ]
    axis = _axis(low, high, right, TOP + ROW * len(places) + 8, across)
    summary = "; ".join(f"{names[place.run]} {number(place.value)}" for place in places)
    return (
        f'<svg class="chart standing" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Scores, the best first: {words(summary)}">{axis}{"".join(rows + bars)}</svg>'
    )


def _row(name: str, place: Place, top: float, across: Across) -> str:
    text = f'<text class="label" x="{LEFT}" y="{top + 14}">{words(name)} '
    text += f'<tspan class="marked">{number(place.value)}</tspan></text>'
    if place.value is None or place.low is None or place.high is None:
        return text
    return (
        f'{text}<path class="span" d="M{across(place.low):.1f} {top + 30}'
        f'H{across(place.high):.1f}"/><circle class="mean" cx="{across(place.value):.1f}" '
        f'cy="{top + 30}" r="5"/>'
    )


def _axis(low: float, high: float, right: float, y: float, across: Across) -> str:
    parts = [f'<path class="axis" d="M{LEFT} {y}H{right}"/>']
    for tick in _ticks(low, high):
        x = across(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{y}"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 18}" text-anchor="middle">{tick:g}</text>')
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    inside = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [round(step * times, 10) for times in inside]
