"""`bootstrap/power.py`: against the formula for a mean, and against a simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wildlife_scoring.bootstrap.intervals import differences
from wildlife_scoring.bootstrap.labels import family
from wildlife_scoring.bootstrap.power import needed, standard_errors
from wildlife_scoring.bootstrap.resampling import Statistic, Units

ACCURACY = 0  # the first key of the track


def pair(rng: np.random.Generator, rows: int, gain: float) -> tuple[Statistic, Statistic]:
    """Two submissions on the same images, with accuracies of 0.6 and 0.6 + gain.

    They are right independently of each other, so that each is ahead on some images.
    """
    truth = rng.choice(["a", "b"], rows)
    other = np.where(truth == "a", "b", "a")
    return tuple(  # type: ignore[return-value]
        family(truth, np.where(rng.random(rows) < share, truth, other))
        for share in (0.6, 0.6 + gain)
    )


def test_the_error_of_a_mean_is_its_standard_deviation_over_the_root_of_the_images() -> None:
    first, second = pair(np.random.default_rng(0), 500, 0.1)
    error = standard_errors(first, second, Units.rows(500))[ACCURACY]
    by_image = (second(np.eye(500)) - first(np.eye(500)))[:, ACCURACY]
    assert set(by_image) == {-1.0, 0.0, 1.0}
    assert error == pytest.approx(by_image.std() / math.sqrt(500), rel=0.03)


def test_four_times_the_images_show_half_the_difference() -> None:
    # (1.960 + 0.842) x 0.01 = 0.0280.
    found = needed(0.01, 100, 0.014)
    assert found.smallest == pytest.approx(0.0280, abs=1e-4)
    assert found.units == 401
    assert needed(0.01, 100, found.smallest).units == 100
    assert needed(0.01, 100, 1.0).units == 1


def test_with_so_many_images_the_difference_is_seen_as_often_as_said() -> None:
    rng = np.random.default_rng(1)
    error = standard_errors(*pair(rng, 2_000, 0.2), Units.rows(2_000), 2_000)[ACCURACY]
    images = needed(error, 2_000, 0.2).units
    assert images == pytest.approx(78, abs=8)  # (2.80 / 0.2)^2 x (0.24 + 0.16)
    seen = [
        differences(*pair(rng, images, 0.2), Units.rows(images), resamples=400)[ACCURACY].low > 0
        for _ in range(200)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.1)


def test_a_metric_without_values_has_no_error() -> None:
    def nothing(weights: np.ndarray) -> np.ndarray:
        return np.full((len(weights), 1), np.nan)

    assert np.isnan(standard_errors(nothing, nothing, Units.rows(5), resamples=10)).all()


@pytest.mark.parametrize(
    ("wanted", "power", "message"),
    [(0.0, 0.8, "a difference above 0, got 0.0"), (0.1, 1.0, "power and level in")],
)
def test_what_makes_no_sense_is_refused(wanted: float, power: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        needed(0.01, 100, wanted, power=power)
