"""Tables, development images and rank correlation of the comparisons of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.hybrid.comparisons.looks import heading, rank_agreement, read_look, table_row

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("looked", "agreement"),
    [([2.0, 5.0, 9.0], "1.00"), ([0.9, 0.5, 0.1], "-1.00"), ([0.5, 0.5, 0.9], "0.87")],
)
def test_settings_that_rank_alike_agree_and_ties_share_a_rank(
    looked: list[float], agreement: str
) -> None:
    text = rank_agreement([1.0, 2.0, 4.0], looked, "development score", "settings")
    assert text == (
        f"Rank correlation of harmonic mean and development score: {agreement} (3 settings)."
    )


def test_a_table_has_three_decimals() -> None:
    assert heading(["setting", "recall"]) == ["| setting | recall |", "|---|---|"]
    assert table_row("mean of both", [0.5, 1 / 3]) == "| mean of both | 0.500 | 0.333 |"


def test_a_look_is_the_table_in_its_order(tmp_path: Path) -> None:
    table = tmp_path / "ref_dev.csv"
    table.write_text("filename,hybrid_stat,ssp_indicator\nb.jpg,1,mimic\na.jpg,0,major\n")
    look = read_look(tmp_path / "images", table)
    assert look.paths == (tmp_path / "images" / "b.jpg", tmp_path / "images" / "a.jpg")
    assert (look.hybrid.tolist(), look.group.tolist()) == ([1, 0], ["mimic", "major"])
