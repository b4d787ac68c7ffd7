"""Reading the family track's training data: what it gives, and every kind of bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.families import TAXONOMY, draw_collection, speckled, write_rows
from training.common.errors import DataError
from training.family.collection import (
    family_problems,
    read_collection,
    read_known,
    read_taxonomy,
)


def problems_of(folder: Path, taxonomy: dict[str, str] | None = None) -> list[str]:
    """What is wrong, a line each, without the head."""
    with pytest.raises(DataError) as caught:
        read_collection(folder, taxonomy)
    head, *lines = str(caught.value).split("\n  ")
    if lines:
        assert f"{len(lines)} problem(s), nothing was read" in head
    return lines or [head]


def test_a_collection_has_a_row_for_each_image_in_the_order_of_the_table(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    found = read_collection(tmp_path)
    assert found.filenames.tolist() == [row[0] for row in rows]
    assert found.family.tolist() == [row[1] for row in rows]
    assert found.phylum.tolist() == [row[2] for row in rows]
    assert found.paths[0] == tmp_path / "images" / rows[0][0]
    assert found.taxonomy == TAXONOMY
    assert set(found.mode.tolist()) == {"RGB"}


def test_some_rows_are_taken_by_mask_or_index(tmp_path: Path) -> None:
    draw_collection(tmp_path)
    found = read_collection(tmp_path)
    some = found.rows(found.family == "Apidae")
    assert len(some) == 4
    assert some.taxonomy == {"Apidae": "Arthropoda"}
    assert found.rows(np.array([5, 1])).filenames.tolist() == found.filenames[[5, 1]].tolist()


def test_columns_that_are_not_read_may_stand_in_the_table(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    write_rows(tmp_path, [[*row, "map"] for row in rows], ("filename", "family", "phylum", "dirt"))
    assert len(read_collection(tmp_path)) == len(rows)


def test_a_cmyk_image_is_no_error_and_its_mode_is_told(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    speckled(1).convert("CMYK").save(tmp_path / "images" / rows[0][0])
    assert read_collection(tmp_path).mode.tolist()[:2] == ["CMYK", "RGB"]


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    whole = (tmp_path / "images" / rows[1][0]).read_bytes()
    (tmp_path / "images" / rows[1][0]).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "images" / "alone.jpg").write_bytes(whole)
    wrong = [
        [rows[0][0].upper(), *rows[0][1:]],
        ["gone.jpg", "Apidae", "Arthropoda"],
        ["../Apidae_2.jpg", "Apidae", "Arthropoda"],
        ["alone.jpg", "Tridacnidae", "Mollusca"],
        [rows[2][0], "Apidae"],
        ["", "Apidae", ""],
        [rows[3][0], "Apidae", "Mollusca"],
    ]
    write_rows(tmp_path, [*rows, *wrong])
    lines = problems_of(tmp_path)
    images = tmp_path / "images"
    for expected in (
        "line 3: image 'Apidae_1.jpg' cannot be read: Truncated File Read",
        f"line 15: image 'gone.jpg' is not in {images}",
        f"line 16: filename '../Apidae_2.jpg': expected a path below {images}",
        "line 18: has more or fewer fields than the header",
        "line 19: filename is '', expected a name",
        "line 19: phylum is '', expected a name",
        "image 'Apidae_0.jpg' is in 2 rows: lines 2, 14",
        "image 'Apidae_3.jpg' is in 2 rows: lines 5, 20",
        "family 'Tridacnidae' has one image; add another or remove its row",
        "family 'Apidae' is in the phyla ['', 'Arthropoda', 'Mollusca']; expected one",
    ):
        assert any(line.startswith(expected) for line in lines), (expected, lines)


def test_a_label_has_to_agree_with_the_taxonomy(tmp_path: Path) -> None:
    rows = draw_collection(tmp_path)
    rows[4][1] = "Bufonoid"
    rows[5][2] = "Mollusca"
    write_rows(tmp_path, rows)
    lines = problems_of(tmp_path, TAXONOMY)
    assert "line 6: family 'Bufonoid' is not in the taxonomy" in lines
    assert "line 7: Bufonidae is of 'Chordata' by the taxonomy, found 'Mollusca'" in lines


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "no rows"),
        ([["Apidae_0.jpg", "Apidae", "Arthropoda"]], "one family ('Apidae'); at least 2"),
    ],
)
def test_too_little_is_an_error(tmp_path: Path, rows: list[list[str]], expected: str) -> None:
    draw_collection(tmp_path)
    write_rows(tmp_path, rows)
    assert any(line.startswith(expected) for line in problems_of(tmp_path))


def test_missing_columns_and_a_missing_table_are_named(tmp_path: Path) -> None:
    (missing,) = problems_of(tmp_path)
    assert missing.endswith(
        "train.csv is missing: expected train.csv and images/ in the data folder"
    )
    write_rows(tmp_path, [], ("filename", "label"))
    (columns,) = problems_of(tmp_path)
    assert "columns ['family', 'phylum'] are missing; found ['filename', 'label']" in columns


def test_families_that_are_empty_or_have_one_image_cannot_be_learnt() -> None:
    assert family_problems(["a", "a", "b"], ["a", "b", "c"]) == [
        "family 'c' has no image",
        "family 'b' has one image; add another or remove its row",
    ]
    assert family_problems(["a", "a"]) == []


def test_a_table_of_families_says_which_have_no_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_collection(tmp_path)
    table = tmp_path / "families.csv"
    more = {**TAXONOMY, "Felidae": "Chordata"}
    lines = [f"{family},{phylum}" for family, phylum in more.items()]
    table.write_text("\n".join(["family,phylum", *lines]))
    assert read_known(tmp_path, table).taxonomy == TAXONOMY
    assert "no image of 1 families, never named: Felidae" in capsys.readouterr().out
    table.write_text("family,phylum\nApidae,Arthropoda\n")
    with pytest.raises(DataError, match=r"family 'Bufonidae' is not in the taxonomy"):
        read_known(tmp_path, table)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("family\nApidae\n", r"columns \['phylum'\] are missing"),
        ("family,phylum\nApidae\n", "line 2: has more or fewer fields"),
        ("family,phylum\nA,B\nA,C\n", r"family 'A' is in the phyla \['B', 'C'\]"),
    ],
)
def test_a_table_of_families_that_cannot_be_used(text: str, expected: str, tmp_path: Path) -> None:
    table = tmp_path / "families.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=expected):
        read_taxonomy(table)
