"""`kit/markdown.py`: blocks between markers, and tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.markdown import filled, read_block, table, write_block

PAGE = "# Title\n<!-- scores:begin -->\nold\n<!-- scores:end -->\nrest\n"


def test_a_block_is_replaced_and_the_rest_stays() -> None:
    new = "# Title\n<!-- scores:begin -->\na \\1 b\n<!-- scores:end -->\nrest\n"
    assert filled(PAGE, "scores", "a \\1 b\n") == new
    assert filled(new, "scores", "a \\1 b") == new


def test_a_file_is_written_only_where_the_block_changes(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(PAGE, encoding="utf-8")
    assert not write_block(page, "scores", "old")
    assert write_block(page, "scores", "new")
    assert read_block(page, "scores") == "\nnew\n"
    assert [*tmp_path.iterdir()] == [page]


@pytest.mark.parametrize(
    "text",
    [
        "no markers",
        "<!-- scores:begin -->",
        "<!-- scores:end --><!-- scores:begin -->",
        PAGE + PAGE,
    ],
)
def test_markers_that_are_missing_twice_or_turned_round_are_refused(
    text: str, tmp_path: Path
) -> None:
    page = tmp_path / "README.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"README.md: expected <!-- scores:begin --> and, after"):
        write_block(page, "scores", "new")
    assert page.read_text(encoding="utf-8") == text


def test_a_table_aligns_its_numbers_to_the_right() -> None:
    lines = table(["name", "bytes"], [["a", "1"], ["b", "22"]], numbers=(1,))
    assert lines == ["| name | bytes |", "|---|---:|", "| a | 1 |", "| b | 22 |"]
