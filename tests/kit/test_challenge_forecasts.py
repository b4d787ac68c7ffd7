"""The metric of the beetles: known cases, the integral of the definition, what is left out."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.contract_bundles.scoring_program.challenge_metrics import beetles
from tests.support.challenge_programs import scored

FINITE = st.floats(-50, 50)


@pytest.mark.parametrize(
    ("observation", "mu", "sigma", "wanted"),
    [
        (-3, 0, 1, 2.43657473),  # scoringRules, tests/testthat/test-crps_norm.R
        (-2.7, 0, 0.9, 2.43657473 * 0.9),  # the same
        (5, 5, 1, 0.2336949773),
        (4, 1, 0, 3),
    ],
)
def test_crps_of_known_cases(observation: float, mu: float, sigma: float, wanted: float) -> None:
    assert beetles.crps(observation, mu, sigma) == pytest.approx(wanted, rel=1e-8)


def slow_crps(observation: float, mu: float, sigma: float) -> float:
    """The integral of the squared distance between the distribution function and a step."""
    low = min(observation, mu - 9 * sigma)
    high = max(observation, mu + 9 * sigma)
    steps = 40_000
    width = (high - low) / steps
    total = 0.0
    for step in range(steps):
        x = low + (step + 0.5) * width
        below = 0.5 * (1 + math.erf((x - mu) / sigma / math.sqrt(2)))
        total += (below - (x >= observation)) ** 2 * width
    return total


@pytest.mark.parametrize("case", [(0.3, 0.0, 1.0), (-4.0, 1.5, 0.7), (2.0, 2.5, 3.0)])
def test_crps_is_the_integral_of_its_definition(case: tuple[float, float, float]) -> None:
    assert beetles.crps(*case) == pytest.approx(slow_crps(*case), abs=1e-4)


@given(FINITE, FINITE, st.floats(1e-3, 20), FINITE, st.floats(1e-2, 10))
def test_crps_moves_and_scales_with_its_arguments(
    observation: float, mu: float, sigma: float, shift: float, scale: float
) -> None:
    found = beetles.crps(observation, mu, sigma)
    assert found >= 0
    moved = beetles.crps(scale * observation + shift, scale * mu + shift, scale * sigma)
    assert moved == pytest.approx(scale * found, rel=1e-6, abs=1e-9)
    assert beetles.crps(-observation, -mu, sigma) == pytest.approx(found, rel=1e-9, abs=1e-12)


HEAD = "eventID,datetime,site_id,variable,observation,domain\n"


def event(number: int, domain: str = "True", site: str = "") -> str:
    return "".join(
        f"{number},2020-06-0{number},{site or number},{name},4,{domain}\n"
        for name in beetles.VARIABLES
    )


def forecast(number: int, mu: float, sigma: float | str = 0) -> str:
    return "".join(
        f"{number},{name},mu,{mu}\n{number},{name},sigma,{sigma}\n" for name in beetles.VARIABLES
    )


def test_beetles_by_hand(tmp_path: Path) -> None:
    """In domain the errors are 1 and 3, out of it 4: 2, 2, 2, 4, 4, 4."""
    answers = "eventID,variable,parameter,prediction\n"
    answers += forecast(3, 0) + forecast(1, 3) + forecast(2, 1)
    files = {
        "ref/ref.csv": HEAD + event(1) + event(2) + event(3, "False"),
        "res/predictions.csv": answers,
    }
    scores, _ = scored(tmp_path, "beetles", files)
    assert scores["in_domain_SPEI_1y"] == 2
    assert scores["out_of_domain_SPEI_2y"] == 4
    assert scores["rms"] == pytest.approx(math.sqrt((3 * 4 + 3 * 16) / 6))
    assert scores["left_out"] == 0


@pytest.mark.parametrize(
    ("lost", "count"),
    [("", 3), (forecast(2, 1, "NaN"), 3), (forecast(2, 1, "NA"), 3), (forecast(2, 1, -0.1), 3)],
)
def test_what_has_no_crps_is_left_out_and_counted(lost: str, count: int, tmp_path: Path) -> None:
    """As in the official means: the hard event is gone, and the score is better for it."""
    answers = f"eventID,variable,parameter,prediction\n{forecast(1, 3)}{lost}"
    files = {"ref/ref.csv": HEAD + event(1) + event(2), "res/predictions.csv": answers}
    scores, _ = scored(tmp_path, "beetles", files)
    assert scores["rms"] == scores["in_domain_SPEI_30d"] == 1
    assert scores["left_out"] == count


def test_the_second_event_of_a_site_and_day_is_not_scored(tmp_path: Path) -> None:
    second = event(2, site="1").replace("2020-06-02", "2020-06-01")
    answers = f"eventID,variable,parameter,prediction\n{forecast(1, 3)}{forecast(2, 1)}"
    files = {"ref/ref.csv": HEAD + event(1) + second, "res/predictions.csv": answers}
    scores, _ = scored(tmp_path, "beetles", files)
    assert (scores["rms"], scores["left_out"]) == (1, 3)


def test_no_forecast_at_all_is_refused(tmp_path: Path) -> None:
    answers = f"eventID,variable,parameter,prediction\n{forecast(1, 3, -1)}"
    files = {"ref/ref.csv": HEAD + event(1), "res/predictions.csv": answers}
    assert "expected a forecast with a CRPS, found none" in scored(tmp_path, "beetles", files)[1]
