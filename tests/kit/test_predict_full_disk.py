"""A disk that takes no more, in the middle of `kit predict` and `kit merge`.

The limit of file sizes stands for the disk, and begins in the middle of a command
(tests/support/full_disk.py). test_predict_ray_full_disk.py does the same on nodes of Ray.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.collections import batched, make_images, make_parquet, png, rows_of
from tests.support.full_disk import ended_by
from tests.support.kit import Kit

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")
pytestmark = pytest.mark.process


@pytest.fixture
def order(tmp_path: Path, in_empty_folder: Path) -> list[str]:
    """Eleven images in three shards."""
    images, submission = make_images(tmp_path / "images"), batched(tmp_path / "s")
    return ["predict", str(submission), str(images), "--out", "out", "--shard-size", "4"]


@pytest.mark.parametrize(
    ("function", "calls", "limit", "told", "kept"),
    [
        ("predict.write_shard", 1, 500, "shard-000001.parquet: the shard", 1),
        # The file is in its place and half of its line in the journal: predicted again.
        ("manifest.asdict", 1, 400, "journal/part-1-of-1.jsonl: the journal", 1),
        ("collection.write_images", 0, 100, "out/images.parquet: the list of images", 0),
        ("predict.Summary", 0, 100, "out/summary.json: the summary", 3),
    ],
    ids=["shard", "journal", "list", "summary"],
)
def test_a_full_disk_is_one_message_and_the_rest_resumes(
    function: str, calls: int, limit: int, told: str, kept: int, order: list[str], kit: Kit
) -> None:
    ended = ended_by(f"kit.predicting.{function}", calls, limit, *order)
    assert ended.returncode == 1, ended
    assert f"{told} cannot be written: " in ended.stderr
    assert "File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(Path("out").rglob("*.tmp"))
    shards = kit(*order, "--json").json["shards"]
    assert shards == {"total": 3, "of_part": 3, "before": kept, "now": 3 - kept}
    assert len(rows_of(Path("out"))) == 11


def test_a_full_disk_leaves_no_half_of_a_merged_table(order: list[str], kit: Kit) -> None:
    assert kit(*order).status == 0
    ended = ended_by("kit.predicting.merge._write", 0, 300, "merge", "out")
    assert ended.returncode == 1, ended
    assert "predictions.parquet: the merged table cannot be written: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not [*Path("out").glob("*.tmp"), *Path("out").glob(".*.tmp")]
    assert not Path("out/predictions.parquet").exists()
    assert kit("merge", "out").status == 0


def test_a_full_disk_of_temporary_files_is_named(order: list[str], kit: Kit) -> None:
    columns: dict[str, list[Any]] = {"filename": ["a.png", "b.png"], "image": [png(10), png(20)]}
    order[2] = str(make_parquet(Path("images.parquet"), columns))
    ended = ended_by("kit.predicting.parquet_images.read_rows", 0, 50, *order)
    assert ended.returncode == 1, ended
    assert "the copy of images from Parquet files cannot be written: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert kit(*order).status == 0
