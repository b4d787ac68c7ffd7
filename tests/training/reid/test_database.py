"""Reading the re-identification database: its rows, and all that can be wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.common.errors import DataError
from training.reid.database import COLUMNS, duplicate_notes, read_database, same_content

ROOT = Path(__file__).parents[3]


HEADER = ",".join(COLUMNS)


def write(folder: Path, rows: list[str], header: str = HEADER) -> Path:
    """A data folder whose images hold their own name as bytes."""
    (folder / "metadata.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    for row in rows:
        for field in row.split(","):
            if field.startswith("images/") and "missing" not in field:
                (folder / field).parent.mkdir(parents=True, exist_ok=True)
                (folder / field).write_bytes(field.encode())
    return folder


def problems(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_database(folder)
    return str(caught.value)


def test_rows_come_in_order_with_their_columns(tmp_path: Path) -> None:
    rows = [
        "7,a_1,images/a/x.jpg,2024-05-01,left,newt,database,a",
        "3,a_2,images/a/y.jpg,,,newt,database,a",
    ]
    database = read_database(write(tmp_path, rows))
    assert len(database) == 2
    assert database.paths == (tmp_path / "images/a/x.jpg", tmp_path / "images/a/y.jpg")
    assert database.image_id.tolist() == ["7", "3"]
    assert database.identity.tolist() == ["a_1", "a_2"]
    assert database.dataset.tolist() == ["a", "a"]
    assert database.date.tolist() == ["2024-05-01", ""]
    assert database.orientation.tolist() == ["left", ""]


@pytest.mark.parametrize(
    "row",
    [
        "9,,images/missing.jpg,,,,query,a",
        "9,NaN,images/missing.jpg,,,,query,a",
        "9,a_1,images/missing.jpg,,,,query,a",
        "9,,images/missing.jpg,,,,database,a",
    ],
)
def test_rows_without_identity_or_of_the_queries_are_left_out(tmp_path: Path, row: str) -> None:
    database = read_database(write(tmp_path, ["1,a_1,images/x.jpg,,,,database,a", row]))
    assert database.image_id.tolist() == ["1"]


def test_a_table_of_the_four_needed_columns_is_enough(tmp_path: Path) -> None:
    folder = write(tmp_path, ["1,a_1,images/x.jpg,a"], "image_id,identity,path,dataset")
    database = read_database(folder)
    assert database.date.tolist() == [""]


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    rows = [
        "1,a_1,images/x.jpg,,,,database,a",
        "1,a_2,images/x.jpg,,,,database,a",
        "3,a_3,images/missing.jpg,,,,database,a",
        "4,new_individual,images/n.jpg,,,,database,a",
        "5,a_1,images/o.jpg,,,,database,b",
        ",a_1,images/p.jpg,,,,database,",
        "7,a_1,../x.jpg,,,,database,a",
        "8,a_1,images/q.jpg",
    ]
    text = problems(write(tmp_path, rows))
    for part in (
        "image_id '1' is on lines 2, 3",
        "path 'images/x.jpg' is on lines 2, 3",
        "line 4: image 'images/missing.jpg' is not in",
        "line 5: identity is 'new_individual'",
        "identity 'a_1' is in datasets , a, b",
        "line 7: image_id is empty",
        "line 7: dataset is empty",
        "line 8: path '../x.jpg'",
        "line 9: has more or fewer fields",
    ):
        assert part in text, part


def test_missing_columns_table_and_rows_are_named(tmp_path: Path) -> None:
    assert "metadata.csv is missing" in problems(tmp_path)
    assert "columns ['identity', 'path', 'dataset'] are missing" in problems(
        write(tmp_path, [], "image_id,date")
    )
    assert "no rows with an identity" in problems(write(tmp_path, []))
    (tmp_path / "metadata.csv").write_bytes(b"\xff\xfe\x00")
    assert "expected a CSV table in UTF-8" in problems(tmp_path)


def test_images_of_equal_bytes_are_noted_but_no_error(tmp_path: Path) -> None:
    rows = [f"{k},a_{k},images/{k}.jpg,,,,database,a" for k in range(4)]
    folder = write(tmp_path, rows)
    for k in (1, 3):
        (folder / f"images/{k}.jpg").write_bytes(b"equal")
    database = read_database(folder)
    assert same_content(database.paths) == [[1, 3]]
    assert duplicate_notes(database) == [
        "image_id 1, 3: the same image, of different individuals: a_1, a_3"
    ]


def test_the_sample_can_be_read_and_has_no_duplicates() -> None:
    database = read_database(ROOT / "sample_data" / "reid" / "train")
    assert len(database) == 750
    assert duplicate_notes(database) == []
