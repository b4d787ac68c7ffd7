"""`bootstrap/shake_up.py`: public and private parts, and who leads them."""

from __future__ import annotations

import numpy as np
import pytest

from wildlife_scoring.bootstrap.labels import family
from wildlife_scoring.bootstrap.resampling import Statistic, Units
from wildlife_scoring.bootstrap.shake_up import classes_of_units, draw_public, shake_up

TRUTH = np.repeat(["a", "b"], [60, 40])


def right_on(rows: np.ndarray) -> Statistic:
    """A submission that is right on these rows, (100,) booleans."""
    return family(TRUTH, np.where(rows, TRUTH, "none"))


def test_each_class_is_split_by_the_share() -> None:
    classes = np.repeat([0, 1], [10, 3])
    drawn = draw_public(np.random.default_rng(0), classes, 0.5, 400)
    assert set(drawn[:, :10].sum(axis=1)) == {5}
    # Half of three: one or two, as often.
    counts = drawn[:, 10:].sum(axis=1)
    assert set(counts) == {1, 2}
    assert counts.mean() == pytest.approx(1.5, abs=0.1)
    assert drawn.mean(axis=0) == pytest.approx(np.full(13, 0.5), abs=0.1)


def test_images_of_one_group_stay_together() -> None:
    units = Units.groups(["s2", "s1", "s2", "s1"])
    classes = classes_of_units(units, np.array(["x", "y", "x", "y"]))
    assert classes.tolist() == [1, 0]  # s1 is of class y, s2 of class x
    weights = units.weights(draw_public(np.random.default_rng(0), classes, 0.5, 20))
    assert (weights[:, 0] == weights[:, 2]).all()


def test_a_submission_that_is_better_everywhere_always_leads() -> None:
    numbers = np.arange(100)
    found = shake_up(
        {"good": right_on(numbers % 10 > 0), "bad": right_on(numbers % 10 > 5)},
        Units.rows(100), TRUTH, splits=300,
    )  # fmt: skip
    assert (found["good"].first_public, found["good"].first_private) == (1.0, 1.0)
    assert (found["good"].kept, found["good"].moved) == (1.0, 0.0)
    assert found["bad"].first_private == 0.0
    assert np.isnan(found["bad"].kept)


def test_equal_submissions_share_the_lead() -> None:
    same = right_on(np.arange(100) % 2 == 0)
    found = shake_up({"one": same, "two": same}, Units.rows(100), TRUTH, splits=50)
    assert all(one.first_public == one.first_private == one.kept == 1 for one in found.values())


def test_the_leader_of_a_small_public_part_often_falls() -> None:
    # Each is right on 80 images of its own choice: neither is better in truth.
    rng = np.random.default_rng(3)
    names = {f"s{k}": right_on(rng.permutation(100) < 80) for k in range(4)}
    found = shake_up(names, Units.rows(100), TRUTH, public=0.2, splits=500)
    assert all(0.05 < one.first_private < 0.95 for one in found.values())
    assert all(one.moved > 0.3 for one in found.values())
    again = shake_up(names, Units.rows(100), TRUTH, public=0.2, splits=500)
    assert found == again


def test_a_loop_over_splits_gives_the_same() -> None:
    rng = np.random.default_rng(4)
    names = {"s0": right_on(rng.random(100) < 0.8), "s1": right_on(rng.random(100) < 0.8)}
    found = shake_up(names, Units.rows(100), TRUTH, splits=30, seed=9)
    drawn = draw_public(np.random.default_rng(9), classes_of_units(Units.rows(100), TRUTH), 0.3, 30)
    wins = []
    for inside in drawn:
        private = np.flatnonzero(inside == 0)
        accuracy = [
            np.mean([statistic(np.eye(100)[[row]])[0, 0] for row in private])
            for statistic in names.values()
        ]
        wins.append(accuracy[0] >= accuracy[1])
    assert found["s0"].first_private == pytest.approx(np.mean(wins))


@pytest.mark.parametrize(("public", "splits"), [(0.0, 10), (1.0, 10), (0.3, 0)])
def test_what_makes_no_sense_is_refused(public: float, splits: int) -> None:
    with pytest.raises(ValueError, match="expected a share in"):
        shake_up({}, Units.rows(3), np.array(["a"] * 3), public=public, splits=splits)
