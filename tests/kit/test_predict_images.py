"""Which images `kit predict` takes: folders, lists, tar shards, Parquet files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError, UsageProblem
from kit.predicting.listing import SUFFIXES, list_images
from kit.predicting.references import places_of
from kit.predicting.served_submission.images import Span
from tests.support.collections import batched, make_images, make_parquet, make_tar, png, rows_of
from tests.support.kit import Kit
from wildlife_ingestion.images import EXTENSIONS

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")


def contents(path: Path) -> dict[str, bytes]:
    """What the submission's process would read of each image."""
    images = list_images(path).images
    with places_of(images) as places:
        spans: list[tuple[Any, ...]] = [tuple(place) for place in places]
        return {name: Span(*span).read_bytes() for name, *span in spans}


def test_the_endings_are_those_of_the_ingestion_program() -> None:
    assert set(SUFFIXES) == EXTENSIONS


def test_names_are_relative_sorted_and_without_hidden_files(tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "a.png").write_bytes(b"")
    names = [image.name for image in list_images(folder).images]
    assert names == sorted(names)
    assert names[-3:] == ["bad.jpg", "sub/deep.png", "torn.png"]
    assert len(names) == 11


def test_a_pipe_is_left_out_and_a_dangling_link_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(10))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    listing = list_images(tmp_path)
    assert [image.name for image in listing.images] == ["a.png", "gone.png"]
    assert listing.left_out == ["'pipe.png': a pipe"]


def test_a_list_has_paths_relative_to_itself(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    file = tmp_path / "some.txt"
    file.write_text("images/01.png\n\nimages/sub/deep.png\nimages/gone.png\n")
    images = list_images(file).images
    assert [image.name for image in images] == [
        "images/01.png", "images/gone.png", "images/sub/deep.png",
    ]  # fmt: skip
    assert [image.size for image in images] == [len(png(11)), -1, len(png(90))]


def test_a_pipe_on_a_list_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(OSError, match="not a regular file"):
        Span(str(tmp_path / "pipe.png"), None, -1).read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xfe\x00", "in UTF-8"), (b"a\x00b\n", "a path on each line"), (b"\n", "no image")],
)
def test_a_file_that_is_no_list_is_a_usage_error(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(UsageProblem, match=told):
        list_images(tmp_path / "list.txt")


def test_tar_shards_are_read_where_their_members_are(tmp_path: Path) -> None:
    make_tar(tmp_path / "0.tar", {"b.png": png(20), "b.json": b"{}", "c.png": png(30)})
    make_tar(tmp_path / "1.tar", {"a.png": png(10)})
    found = contents(tmp_path)
    assert found == {"a.png": png(10), "b.png": png(20), "c.png": png(30)}
    assert contents(tmp_path / "1.tar") == {"a.png": png(10)}


def test_all_damaged_shards_are_named(tmp_path: Path) -> None:
    whole = make_tar(tmp_path / "0.tar", {"a.png": png(10), "b.png": png(300, 300)})
    content = whole.read_bytes()
    (tmp_path / "1.tar").write_bytes(content[:1600])  # in the second image
    (tmp_path / "2.tar").write_bytes(b"no tar")
    (tmp_path / "3.tar").write_bytes(content[:1024])  # between the two
    with pytest.raises(KitError) as caught:
        list_images(tmp_path)
    named = [Path(line.split(":")[0]).name for line in caught.value.problems]
    assert named == ["1.tar", "2.tar", "3.tar"]


def test_a_name_in_two_shards_is_refused(tmp_path: Path) -> None:
    make_tar(tmp_path / "0.tar", {"a.png": png(10)})
    make_tar(tmp_path / "1.tar", {"a.png": png(20)})
    with pytest.raises(KitError, match=r"a\.png: 2 times"):
        list_images(tmp_path)


def test_parquet_files_hold_bytes_in_any_order(tmp_path: Path) -> None:
    names = [f"{number}.png" for number in (4, 2, 0, 1, 3)]
    images = [png(10 + number) for number in (4, 2, 0, 1, 3)]
    make_parquet(tmp_path / "a.parquet", {"filename": names, "image": images}, group=2)
    more = [{"bytes": png(50), "path": None}]
    make_parquet(tmp_path / "b.parquet", {"file_name": ["z.png"], "image": more})
    found = contents(tmp_path)
    assert list(found) == ["0.png", "1.png", "2.png", "3.png", "4.png", "z.png"]
    assert found["3.png"] == png(13)
    assert found["z.png"] == png(50)


def test_parquet_files_hold_paths(tmp_path: Path) -> None:
    make_images(tmp_path / "images")
    make_parquet(tmp_path / "a.parquet", {"path": ["images/01.png", "images/gone.png"]})
    images = list_images(tmp_path / "a.parquet").images
    assert [image.size for image in images] == [len(png(11)), -1]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"picture": [b""]}, "expected a column filename"),
        ({"filename": ["a", None], "image": [b"", b""]}, "row 1, column filename"),
    ],
)
def test_a_parquet_file_without_names_is_refused(
    columns: dict[str, list[object]], told: str, tmp_path: Path
) -> None:
    make_parquet(tmp_path / "a.parquet", columns)
    with pytest.raises(KitError, match=told):
        list_images(tmp_path / "a.parquet")


def test_half_a_parquet_file_is_refused(tmp_path: Path) -> None:
    path = make_parquet(tmp_path / "a.parquet", {"filename": ["a.png"], "image": [png(10)]})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(KitError, match="not a whole Parquet file"):
        list_images(path)


def test_two_kinds_of_shards_in_one_folder_are_a_usage_error(tmp_path: Path) -> None:
    make_tar(tmp_path / "0.tar", {"a.png": png(10)})
    make_parquet(tmp_path / "a.parquet", {"filename": ["b.png"], "image": [png(10)]})
    with pytest.raises(UsageProblem, match="name one kind"):
        list_images(tmp_path)


def test_all_kinds_of_input_give_the_same_rows(kit: Kit, tmp_path: Path) -> None:
    folder = make_images(tmp_path / "images")
    names = [image.name for image in list_images(folder).images]
    bytes_of = {name: (folder / name).read_bytes() for name in names}
    make_tar(tmp_path / "images.tar", bytes_of)
    columns: dict[str, list[Any]] = {"filename": names, "bytes": list(bytes_of.values())}
    make_parquet(tmp_path / "images.parquet", columns)
    submission = batched(tmp_path / "s")
    rows = []
    for number, path in enumerate((folder, tmp_path / "images.tar", tmp_path / "images.parquet")):
        assert kit("predict", submission, path, "--out", f"out{number}").status == 0
        rows.append(rows_of(Path(f"out{number}")))
    assert rows[0] == rows[1] == rows[2]


def test_a_parquet_file_that_vanishes_is_an_error_in_each_row(kit: Kit, tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"filename": ["a.png", "b.png"], "image": [png(10), png(20)]}
    path = make_parquet(tmp_path / "a.parquet", columns)
    images = list_images(path).images
    path.unlink()
    with places_of(images) as places:
        assert [place[0] for place in places] == ["a.png", "b.png"]
        assert [place[4] for place in places] == ["No such file or directory"] * 2


def test_names_that_are_not_utf_8_are_refused_or_left_out(tmp_path: Path) -> None:
    make_tar(tmp_path / "0.tar", {"a\udcff.png": png(10), "b.png": png(10)})
    with pytest.raises(KitError, match="names in UTF-8"):
        list_images(tmp_path / "0.tar")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "good.png").write_bytes(png(10))
    (tmp_path / "folder" / "b\udcff.png").write_bytes(png(10))
    assert len(list_images(tmp_path / "folder").images) == 1
