"""`training/common/paired.py`: means with ranges, and differences seed by seed."""

from __future__ import annotations

import pytest

from training.common.paired import mean_and_range, paired_difference


def test_a_mean_has_a_range_where_there_are_several_values() -> None:
    assert mean_and_range([0.25]) == "0.250"
    assert mean_and_range([0.2, 0.3, 0.25]) == "0.250 (0.200 to 0.300)"


def test_a_paired_difference_does_not_see_what_both_settings_share() -> None:
    # Differences 0.01, 0.03: mean 0.02, standard deviation 0.01414, of the mean 0.01.
    assert paired_difference([0.51, 0.13], [0.5, 0.1]) == "+0.020 ± 0.010"
    assert paired_difference([0.1, 0.2, 0.3], [0.2, 0.3, 0.4]) == "-0.100 ± 0.000"


def test_one_pair_has_no_standard_error() -> None:
    assert paired_difference([0.25], [0.5]) == "-0.250"


def test_values_without_partners_are_refused() -> None:
    with pytest.raises(ValueError, match="expected pairs, found 1 values and 2"):
        paired_difference([0.25], [0.5, 0.1])
