"""`kit predict --shard K/N`: parts of one N and of several, in one folder and in several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kit.predicting.collection import Part
from kit.predicting.locks import FolderBusy, locked
from tests.support.collections import batched, make_images, rows_of
from tests.support.kit import Kit

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")


@pytest.fixture
def order(tmp_path: Path) -> tuple[str | Path, ...]:
    """Eleven images in six shards."""
    images = make_images(tmp_path / "images")
    return ("predict", batched(tmp_path / "s"), images, "--shard-size", "2")


@pytest.fixture
def whole(kit: Kit, order: tuple[str | Path, ...]) -> list[dict[str, Any]]:
    """The rows of the same command without parts."""
    assert kit(*order, "--out", "whole").status == 0
    return rows_of(Path("whole"))


@pytest.mark.parametrize("count", [1, 5, 6, 7, 12])
@pytest.mark.parametrize("of", [1, 2, 5, 6, 7])
def test_the_parts_of_one_n_have_each_shard_once(count: int, of: int) -> None:
    found = [shard for number in range(1, of + 1) for shard in Part(number, of).shards(count)]
    assert sorted(found) == list(range(count))


def test_a_second_driver_is_refused_and_other_parts_are_not(
    kit: Kit, order: tuple[str | Path, ...]
) -> None:
    here = (*order, "--out", "out")
    with locked(Path("out"), Part(1, 2)):
        for part in ("1/2", None):
            refused = kit(*here, *(("--shard", part) if part else ()))
            assert refused.status == 1
            assert "another `kit predict`" in refused.err
        assert kit(*here, "--shard", "2/2").status == 0
        assert kit("merge", "out").status == 1
    assert not kit(*here, "--shard", "2/2", "--json").json["complete"]
    assert kit(*here, "--shard", "1/2", "--json").json["complete"]


def test_a_driver_of_another_n_is_refused_while_one_is_at_work(
    kit: Kit, order: tuple[str | Path, ...]
) -> None:
    with locked(Path("out"), Part(1, 4)):
        refused = kit(*order, "--out", "out", "--shard", "2/3")
    assert refused.status == 1
    assert "--shard 1/4 is at work here (process " in refused.err
    assert "--shard 2/3 divides the shards in another way" in refused.err
    assert "name a part of 4" in refused.err
    assert not list(Path("out").glob("shards/*"))
    assert kit(*order, "--out", "out", "--shard", "2/3").status == 0


def test_the_process_that_is_named_is_not_an_earlier_one(tmp_path: Path) -> None:
    with locked(tmp_path, Part()):
        pass
    with (
        locked(tmp_path, Part(1, 2)),
        pytest.raises(FolderBusy, match=r"\(another process\)"),
        locked(tmp_path, Part()),
    ):
        raise AssertionError("two drivers at once")


def test_parts_of_another_n_continue_in_the_same_folder(
    kit: Kit, order: tuple[str | Path, ...], whole: list[dict[str, Any]]
) -> None:
    """Shards are numbered without regard to N: 1/4 has 0 and 4, 2/3 has 1 and 4, 1/1 all."""
    done = []
    for part in ("1/4", "2/3", "1/1"):
        shards = kit(*order, "--out", "out", "--shard", part, "--json").json["shards"]
        done.append((shards["of_part"], shards["before"], shards["now"]))
    assert done == [(2, 0, 2), (2, 1, 1), (6, 3, 3)]
    assert kit("merge", "out", "--json").json["rows"] == len(whole)
    assert rows_of(Path("out/predictions.parquet")) == whole


def test_folders_of_several_n_are_merged_or_what_lacks_is_named(
    kit: Kit, order: tuple[str | Path, ...], whole: list[dict[str, Any]]
) -> None:
    """1/4 and 2/3 have shard 4 both, with the same rows; 2 and 3 and 5 are in neither."""
    for name, part in (("a", "1/4"), ("b", "2/3"), ("c", "2/2"), ("d", "3/6")):
        assert kit(*order, "--out", name, "--shard", part).status == 0
    lacking = kit("merge", "a", "b")
    assert lacking.status == 1
    assert "not done: 3 of 6 shards (shard 2, 3, 5)" in lacking.err
    assert not list(Path().glob("*/*.parquet.*"))
    assert kit("merge", "a", "b", "c", "d", "--out", "all.parquet").status == 0
    assert rows_of(Path("all.parquet")) == whole


def test_parts_of_another_shard_size_are_refused(kit: Kit, order: tuple[str | Path, ...]) -> None:
    kit(*order, "--out", "a", "--shard", "1/2")
    other = (*order[:-1], "3", "--shard", "2/2", "--out")
    refused = kit(*other, "a")
    assert refused.status == 1
    assert "the size of the shards: 2 then, 3 now" in refused.err
    assert kit(*other, "b").status == 0
    merged = kit("merge", "a", "b")
    assert merged.status == 1
    assert "b: the size of the shards: 2 then, 3 now" in merged.err


def test_one_of_anything_is_not_in_the_plural(
    kit: Kit, order: tuple[str | Path, ...], tmp_path: Path
) -> None:
    Path("list.txt").write_text(f"{tmp_path / 'images' / '00.png'}\n")
    answer = kit("predict", order[1], "list.txt", "--out", "one")
    assert answer.out.startswith("1 image, 0 with an error: 1 shard now, 0 before, ")
    assert "1 row of 1 shard, 0 with an error" in kit("merge", "one").out
    part = kit(*order, "--out", "out", "--shard", "1/2")
    assert part.out.startswith("6 images, 1 with an error: 3 shards now, 0 before, ")
    assert "Left for the other parts: 3 shards. When they are done: kit merge out" in part.out


def test_halves_of_a_killed_driver_are_removed_by_the_part_that_has_them(
    kit: Kit, order: tuple[str | Path, ...]
) -> None:
    shards = Path("out/shards")
    kit(*order, "--out", "out", "--shard", "1/3")
    halves = [shards / f".shard-{number:06}.parquet.abc.tmp" for number in (1, 2)]
    for half in halves:
        half.write_bytes(b"PAR1")
    kit(*order, "--out", "out", "--shard", "2/3")
    assert [half.exists() for half in halves] == [False, True]
