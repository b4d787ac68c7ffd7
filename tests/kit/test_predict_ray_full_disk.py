"""A disk that is full, on the driver's side of `kit predict --engine ray` and on the nodes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.collections import BATCHED, batched, make_parquet, png, rows_of
from tests.support.full_disk import ended_by
from tests.support.ray_cluster import ENVIRONMENT, MARKS, Cluster, done, kit, kit_command, wait_for

pytestmark = MARKS

IMAGES, GATED = 2_000, 500
# Images from the one of that number on are 9 pixels high, and wait for a file.
CODE = BATCHED.replace("return np", "__import__('gate').wait(image)\n        return np", 1)
GATE = """
import time
from pathlib import Path

def wait(image):
    until = time.monotonic() + 60
    while image.height == 9 and not Path({gate!r}).exists() and time.monotonic() < until:
        time.sleep(0.05)
"""
ORDER = ["predict", "s", "images.parquet", "--shard-size", "100"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Parquet file of images, a submission of 200 kB, a gate, the local rows."""
    folder = tmp_path_factory.mktemp("full")
    names = [f"{number:04}.png" for number in range(IMAGES)]
    columns: dict[str, list[Any]] = {
        "filename": names,
        "image": [png(10 + number % 90, 8 + (number >= GATED)) for number in range(IMAGES)],
    }
    make_parquet(folder / "images.parquet", columns, group=200)
    (batched(folder / "s", CODE) / "noise.bin").write_bytes(os.urandom(200_000))
    gate = folder / "gate"
    gate.touch()
    (folder / "s" / "gate.py").write_text(GATE.format(gate=str(gate)))
    assert kit(folder, *ORDER, "--out", "local")["complete"]
    return folder


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path_factory.mktemp("small")
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def cluster(disk: Path) -> Iterator[Cluster]:
    """Two nodes whose temporary files are on that disk."""
    with Cluster(Path(f"/tmp/kit-ray-full-{os.getpid()}"), {"TMPDIR": str(disk)}) as started:
        yield started


def fill(disk: Path, leave: int) -> Path:
    """Write a file that leaves so many bytes."""
    file = disk / "filler"
    with file.open("wb", buffering=0) as stream:
        try:
            while os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize > leave:
                stream.write(b"x" * 4096)
        except OSError:
            pass
    return file


def test_a_full_disk_of_the_driver_is_one_message(place: Path) -> None:
    """Without an address: Ray starts on this machine for the run."""
    command = [*ORDER, "--out", "driver", "--engine", "ray"]
    ended = ended_by(
        "kit.predicting.predict.write_shard", 2, 500, *command,
        folder=place, environment=ENVIRONMENT,
    )  # fmt: skip
    assert ended.returncode == 1, ended
    assert "the shard cannot be written: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list((place / "driver").rglob("*.tmp"))
    assert kit(place, *command)["shards"]["before"] == 2
    assert rows_of(place / "driver") == rows_of(place / "local")


def test_a_node_without_space_for_the_submission_is_named(
    place: Path, disk: Path, cluster: Cluster
) -> None:
    filler = fill(disk, leave=100_000)
    command = [*ORDER, "--out", "begin", "--engine", "ray", "--address", cluster.address]
    ended = subprocess.run(
        kit_command(*command),
        cwd=place, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    filler.unlink()
    assert ended.returncode == 1
    assert "kit: on " in ended.stderr
    assert "submission.zip: the submission cannot be written: No space left" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(disk.glob("kit-predict-*"))


def test_a_disk_that_is_full_in_the_middle_ends_the_run_which_resumes(
    place: Path, disk: Path, cluster: Cluster
) -> None:
    command = [*ORDER, "--out", "middle", "--engine", "ray", "--address", cluster.address]
    (place / "gate").unlink()  # images are left to read when the disk is full
    driver = subprocess.Popen(
        kit_command(*command), cwd=place, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: done(place / "middle") >= 2)
    filler = fill(disk, leave=0)
    (place / "gate").touch()
    _, err = driver.communicate(timeout=300)
    filler.unlink()
    assert driver.returncode == 1, err[-3000:]
    last = err[err.index("kit: Ray gave up") :]
    # An actor that Ray starts only now finds no space for the submission.
    what = "(copy of images from Parquet files|submission)"
    assert re.search(f"the {what} cannot be written: No space left", last), last
    assert "the same command resumes" in last
    assert "Traceback" not in last
    summary = kit(place, *command)
    assert summary["complete"]
    assert summary["shards"]["before"] >= 2
    assert rows_of(place / "middle") == rows_of(place / "local")
