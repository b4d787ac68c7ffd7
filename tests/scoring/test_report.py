"""The report's charts: round ticks, places in the drawing, and what a curve shows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wildlife_scoring.hybrid.charts import (
    precision_recall_chart,
    score_axis,
    threshold_chart,
)
from wildlife_scoring.hybrid.metrics import GROUPS, evaluate
from wildlife_scoring.hybrid.result import Scored
from wildlife_scoring.report.page import number, shorten
from wildlife_scoring.report.svg import LEFT, RIGHT, Axis, Curve, Frame, Marker, curve_chart, ticks


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9))
def test_ticks_are_few_and_inside_the_axis(low: float, span: float) -> None:
    high = low + span
    assume(high - low > 1e-6 * max(abs(low), abs(high)))
    found = ticks(low, high, 6)
    slack = 1e-6 * span
    assert 1 <= len(found) <= 7
    assert low - slack <= found[0] <= found[-1] <= high + slack


def test_ticks_of_the_usual_axis_are_round() -> None:
    assert ticks(0, 1, 6) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_every_score_lies_on_the_score_axis(values: list[float]) -> None:
    axis = score_axis(np.array(values))
    drawn = np.clip(values, -1e100, 1e100)
    assert axis.low < axis.high
    assert np.all((axis.low <= drawn) & (drawn <= axis.high))
    assert ticks(axis.low, axis.high, 6)


def test_a_curve_steps_from_point_to_point_between_the_axes_ends() -> None:
    frame = Frame(Axis("x", 0, 1), Axis("y", 0, 1))
    curve = Curve("c", np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.5, 0.0]), "#000")
    chart = curve_chart("a & b", frame, [curve], Marker(0.5, "<t>"))
    middle = (LEFT + frame.width - RIGHT) / 2
    assert f'd="M{LEFT} 24H{middle:g}V148H{frame.width - RIGHT}V272"' in chart
    assert 'aria-label="a &amp; b"' in chart
    assert "&lt;t&gt;" in chart


def scored(scores: list[float]) -> Scored:
    """Four images for each group: two non-hybrids, then two hybrids."""
    group = np.repeat(np.array(GROUPS), 4)
    hybrid = np.tile([False, False, True, True], 3)
    values = np.array(scores * 3)
    names = [str(row) for row in range(12)]
    return Scored(names, hybrid, group, values, evaluate(hybrid, group, values))


def test_the_legends_give_the_values_at_the_chosen_threshold() -> None:
    case = scored([0.1, 0.4, 0.3, 0.9])
    chart = threshold_chart(case, "A", ("major", "minor"), score_axis(case.scores))
    assert "threshold 0.4<" in chart
    legend = re.sub("<[^>]+>", " ", chart.partition("<ul")[2])
    assert "major recall 50.0\u00a0%" in legend
    assert "minor recall 50.0\u00a0%" in legend
    assert "true negative rate 100.0\u00a0%" in legend


def test_the_precision_curves_legend_gives_the_average_precision() -> None:
    chart = precision_recall_chart(scored([0.1, 0.4, 0.3, 0.9]), ("A", "mimic"))
    assert "major and minor 0.833" in chart
    assert "mimic 0.833" in chart


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (0.5, False, "0.5000"),
        (0.5, True, "+0.5000"),
        (-0.5, False, "\N{MINUS SIGN}0.5000"),
        (-1e300, True, "\N{MINUS SIGN}1e+300"),
    ],
)
def test_numbers_are_written_in_short(value: float, signed: bool, text: str) -> None:
    assert number(value, signed=signed) == text


def test_a_long_name_is_cut_and_escaped() -> None:
    assert shorten("<b>") == "&lt;b&gt;"
    assert len(shorten("x" * 1000)) == 90
