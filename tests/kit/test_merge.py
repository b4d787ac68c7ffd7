"""`kit merge`: one table, or every reason against it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.collections import BATCHED, batched, make_images, make_parquet, png, rows_of
from tests.support.kit import Kit

pytest.importorskip("pyarrow", reason="kit merge needs pyarrow (the extra predict)")


@pytest.fixture
def out(kit: Kit, tmp_path: Path) -> Path:
    """A collection of three shards, complete, in two parts."""
    submission, images = batched(tmp_path / "s"), make_images(tmp_path / "images")
    for part in ("2/2", "1/2"):
        order = ("predict", submission, images, "--out", "out", "--shard-size", "4")
        assert kit(*order, "--shard", part).status == 0
    return Path("out")


def test_every_image_has_one_row_in_order(kit: Kit, out: Path) -> None:
    answer = kit("merge", out, "--json")
    assert answer.status == 0, answer.err
    assert (answer.json["rows"], answer.json["errors"], answer.json["shards"]) == (11, 2, 3)
    rows = rows_of(out / "predictions.parquet")
    assert rows == rows_of(out)
    names = [row["filename"] for row in rows]
    assert names == sorted(set(names))


def test_the_parts_may_be_in_folders_of_their_own(kit: Kit, out: Path, tmp_path: Path) -> None:
    whole = rows_of(out)
    for number, part in enumerate(("1/2", "2/2")):
        order = ("predict", tmp_path / "s", tmp_path / "images", "--out", f"p{number}")
        kit(*order, "--shard-size", "4", "--shard", part)
    assert kit("merge", "p0").status == 1
    assert kit("merge", "p0", "p1", "--out", "all.parquet").status == 0
    assert rows_of(Path("all.parquet")) == whole


def test_a_missing_and_a_damaged_shard_are_both_named(kit: Kit, out: Path) -> None:
    (out / "shards/shard-000000.parquet").unlink()
    half = out / "shards/shard-000002.parquet"
    half.write_bytes(half.read_bytes()[:-7])
    answer = kit("merge", out)
    assert answer.status == 1
    assert "shard 0: shard-000000.parquet: cannot be read" in answer.err
    assert "shard 2: shard-000002.parquet: expected" in answer.err
    assert not (out / "predictions.parquet").exists()
    assert not list(out.glob(".*.tmp"))


def test_a_changed_shard_of_the_same_size_is_named_and_done_again_once_removed(
    kit: Kit, out: Path, tmp_path: Path
) -> None:
    before = rows_of(out)
    path = out / "shards/shard-000001.parquet"
    content = bytearray(path.read_bytes())
    content[40] ^= 255
    path.write_bytes(content)
    answer = kit("merge", out)
    assert answer.status == 1
    assert "shard 1: shard-000001.parquet: expected" in answer.err
    assert "(remove damaged files first)" in answer.err
    path.unlink()
    order = ("predict", tmp_path / "s", tmp_path / "images", "--out", out, "--shard-size", "4")
    assert kit(*order, "--json").json["shards"]["now"] == 1
    assert kit("merge", out).status == 0
    assert rows_of(out / "predictions.parquet") == before


def test_a_shard_that_was_never_done_is_named(kit: Kit, out: Path) -> None:
    (out / "journal/part-2-of-2.jsonl").unlink()
    answer = kit("merge", out)
    assert answer.status == 1
    assert "not done: 1 of 3 shards (shard 1)" in answer.err


def test_rows_of_other_images_are_refused(kit: Kit, out: Path) -> None:
    """A journal that says so, and a file with the right digests: the rows themselves count."""
    import pyarrow.parquet

    path = out / "shards/shard-000001.parquet"
    table = pyarrow.parquet.read_table(path)
    twice = pyarrow.concat_tables([table.slice(0, 1), table.slice(0, 3)])
    pyarrow.parquet.write_table(twice, path)
    journal = out / "journal/part-2-of-2.jsonl"
    line = json.loads(journal.read_text())
    from kit.zips import sha256_of

    line |= {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    journal.write_text(json.dumps(line) + "\n")
    answer = kit("merge", out)
    assert answer.status == 1
    assert "expected the rows of its 4 images in order" in answer.err


def test_a_shard_of_another_submission_is_refused(kit: Kit, out: Path, tmp_path: Path) -> None:
    other = batched(tmp_path / "other", BATCHED.replace("/ 100", "/ 200"))
    kit("predict", other, tmp_path / "images", "--out", "two", "--shard-size", "4")
    answer = kit("merge", out, "two")
    assert answer.status == 1
    assert "the submission's files" in answer.err
    shutil.copy("two/shards/shard-000001.parquet", out / "shards/shard-000001.parquet")
    assert kit("merge", out).status == 1
    shutil.copy("two/journal/part-1-of-1.jsonl", out / "journal/part-3-of-3.jsonl")
    answer = kit("merge", out)
    assert answer.status == 1
    assert "a journal of another collection" in answer.err


def test_a_shard_of_errors_alone_fits_the_others(kit: Kit, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(b"broken")
    (images / "b.png").write_bytes(png(20))
    order = ("predict", batched(tmp_path / "s"), images, "--shard-size", "1")
    for features in ((), ("--features",)):
        out = "features" if features else "predictions"
        assert kit(*order, "--out", out, *features).status == 0
        assert kit("merge", out).status == 0
        rows = rows_of(Path(out) / f"{out}.parquet")
        assert rows[0]["error"]
        assert rows[1]["error"] is None


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"format": 1}'])
def test_a_folder_of_something_else_is_a_usage_error(
    content: str | None, kit: Kit, tmp_path: Path
) -> None:
    (tmp_path / "x").mkdir()
    if content is not None:
        (tmp_path / "x/collection.json").write_text(content)
    answer = kit("merge", tmp_path / "x")
    assert answer.status == 2
    assert "collection.json" in answer.err


def test_a_damaged_list_of_images_is_one_message(kit: Kit, out: Path) -> None:
    (out / "images.parquet").write_bytes(b"PAR1")
    assert "expected the list of images" in kit("merge", out).err
    make_parquet(out / "images.parquet", {"other": [1]})
    assert kit("merge", out).status == 1


def test_the_last_file_of_a_shard_counts(kit: Kit, out: Path, tmp_path: Path) -> None:
    """Other bytes of the same rows, as another version of pyarrow writes them."""
    import pyarrow.parquet

    path = out / "shards/shard-000000.parquet"
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table, path, compression="none")
    order = ("predict", tmp_path / "s", tmp_path / "images", "--out", out, "--shard-size", "4")
    assert kit(*order, "--json").json["shards"]["now"] == 1
    assert kit(*order, "--json").json["shards"]["now"] == 0
    assert kit("merge", out).status == 0
