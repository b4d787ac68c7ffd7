"""Parquet files are read without threads: a process that ends beside them is aborted at times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.predicting.arrow import arrow, read_parquet
from tests.support.collections import make_parquet, png

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")
# Prints how many threads the process has before and after it has read the file.
COUNT = """
import os, sys
from pathlib import Path
from kit.predicting.arrow import arrow, read_parquet
from kit.predicting.parquet_images import list_parquet, read_rows
arrow()
before = len(os.listdir("/proc/self/task"))
read_parquet(sys.argv[1])
images = list(list_parquet(Path(sys.argv[1])))
assert len(read_rows(images)) == len(images) == 7
print(before, len(os.listdir("/proc/self/task")))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    columns: dict[str, list[Any]] = {
        "name": [f"{n}.png" for n in range(7)],
        "image": [png(10 + n) for n in range(7)],
    }
    return make_parquet(tmp_path / "images.parquet", columns)


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux does")
def test_reading_starts_no_thread(path: Path) -> None:
    counted = subprocess.run(
        [sys.executable, "-c", COUNT, str(path)], capture_output=True, text=True, check=True
    )
    before, after = counted.stdout.split()
    assert before == after


def test_a_column_that_is_missing_is_told(path: Path) -> None:
    assert read_parquet(path, ["name"]).column_names == ["name"]
    with pytest.raises(
        arrow().ArrowInvalid, match="expected the columns name, other, found no other"
    ):
        read_parquet(path, ["name", "other"])
