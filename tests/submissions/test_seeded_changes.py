"""`kit compare` on a few of the seeded changes; `python -m benchmarks.seeded_changes` runs all."""

from __future__ import annotations

import pytest

from benchmarks.seeded_changes import CHANGES, HYBRID, Change, as_expected, compare_changed
from benchmarks.stored_scores import cases
from kit.regression.store import Kept, read_stored
from kit.regression.wording import in_words

QUICK = ("sign of the score flipped", "blue for red", "noise in the sixth decimal")


@pytest.fixture(scope="module")
def before() -> Kept:
    """What is stored of the quickest submission that is no constant."""
    (case,) = [
        one
        for one in cases()
        if one.submission.name == HYBRID and one.slot.scores.stem == "development"
    ]
    return read_stored(case.slot, HYBRID)


@pytest.mark.parametrize(
    "change",
    [one for one in CHANGES if one.submission == HYBRID and one.what in QUICK],
    ids=lambda one: one.what,
)
def test_a_change_is_caught_or_passes_as_it_should(change: Change, before: Kept) -> None:
    found = compare_changed(change, before)
    assert as_expected(change, found), in_words(found)
    assert not change.worse or found.images


def test_there_are_enough_changes_of_both_kinds_for_a_submission_of_each_track() -> None:
    names = [(one.submission, one.what) for one in CHANGES]
    assert len(set(names)) == len(names) >= 20
    kinds = {(one.submission, one.worse) for one in CHANGES}
    assert len(kinds) == 8
