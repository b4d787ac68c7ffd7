"""`kit predict --engine ray`, tried for real: a head and a second node on this machine.

Ten thousand images, a worker that is killed in the middle, a driver that is killed in the middle:
the rows are those of the local engine. `make test-ray` installs Ray and runs this file.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collections import BATCHED, batched, make_images, png, rows_of
from tests.support.ray_cluster import (
    ENVIRONMENT,
    MARKS,
    Cluster,
    done,
    kill_all,
    kit,
    kit_command,
    wait_for,
)

pytestmark = MARKS

IMAGES = 10_000
# About 20 s for all images, so that there is a middle.
SLOW = BATCHED.replace("batch_size = 4", "batch_size = 16").replace(
    "return [float", "__import__('time').sleep(0.03)\n        return [float"
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(Path(f"/tmp/kit-ray-{os.getpid()}")) as started:
        yield started


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 10,000 images, two of them broken, a submission, and the local rows."""
    folder = tmp_path_factory.mktemp("many")
    images = make_images(folder / "images")
    contents = [png(10 + number) for number in range(90)]
    for number in range(IMAGES - 11):
        (images / f"more{number:05}.png").write_bytes(contents[number % 90])
    batched(folder / "s", SLOW)
    order = ("predict", "s", "images", "--out", "local", "--shard-size", "250")
    assert kit(folder, *order)["images"] == IMAGES
    return folder


def order(cluster: Cluster, out: str) -> list[str]:
    command = ["predict", "s", "images", "--out", out, "--shard-size", "250"]
    return [*command, "--engine", "ray", "--address", cluster.address]


def driver_of(place: Path, cluster: Cluster, out: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        kit_command(*order(cluster, out), "--json"),
        cwd=place, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_killed_worker_changes_no_row(place: Path, cluster: Cluster) -> None:
    driver = driver_of(place, cluster, "worker")
    wait_for(lambda: done(place / "worker") >= 3)
    (actor, *_) = cluster.actors()
    os.kill(actor, signal.SIGKILL)
    out, err = driver.communicate(timeout=600)
    assert driver.returncode == 0, err[-3000:]
    assert json.loads(out)["complete"]
    assert kit(place, "merge", "worker")["rows"] == IMAGES
    assert rows_of(place / "worker") == rows_of(place / "local")


def test_a_killed_process_of_the_submission_changes_no_row(place: Path, cluster: Cluster) -> None:
    driver = driver_of(place, cluster, "process")
    wait_for(lambda: done(place / "process") >= 3)
    for number in cluster.servers():
        os.kill(number, signal.SIGKILL)
    _, err = driver.communicate(timeout=600)
    assert driver.returncode == 0, err[-3000:]
    assert rows_of(place / "process") == rows_of(place / "local")


def test_a_killed_driver_is_resumed_by_the_same_command(place: Path, cluster: Cluster) -> None:
    driver = driver_of(place, cluster, "driver")
    wait_for(lambda: done(place / "driver") >= 5)
    driver.kill()
    driver.communicate()
    before = done(place / "driver")
    wait_for(lambda: not cluster.servers())
    summary = kit(place, *order(cluster, "driver"))
    assert 5 <= before < 40
    assert summary["shards"]["before"] in (before, before - 1)  # killed before the journal's line
    assert summary["complete"]
    assert kit(place, "merge", "driver")["rows"] == IMAGES
    assert rows_of(place / "driver") == rows_of(place / "local")


def test_features_of_parquet_files_and_a_part(place: Path, cluster: Cluster) -> None:
    from tests.support.collections import make_parquet

    names = [f"more{number:05}.png" for number in range(600)]
    images = [(place / "images" / name).read_bytes() for name in names]
    make_parquet(place / "some.parquet", {"filename": names, "image": images}, group=100)
    common = ("predict", "s", "some.parquet", "--shard-size", "100", "--features")
    kit(place, *common, "--out", "flocal")
    for part in ("1/2", "2/2"):
        kit(place, *common, "--out", "fray", "--shard", part, "--engine", "ray",
            "--address", cluster.address)  # fmt: skip
    assert rows_of(place / "fray") == rows_of(place / "flocal")


def test_a_submission_that_cannot_be_loaded_is_one_message(place: Path, cluster: Cluster) -> None:
    batched(place / "broken", BATCHED.replace('print("loading", flush=True)', "1 / 0"))
    command = [*order(cluster, "broken-out")]
    command[1] = "broken"
    ended = subprocess.run(
        kit_command(*command), cwd=place, env=ENVIRONMENT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "load() raised ZeroDivisionError" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_node_that_dies_changes_no_row(place: Path, cluster: Cluster) -> None:
    """The last test: the cluster has one node after it."""
    driver = driver_of(place, cluster, "node")
    wait_for(lambda: done(place / "node") >= 3)
    kill_all(cluster.nodes[1])
    _, err = driver.communicate(timeout=600)
    assert driver.returncode == 0, err[-3000:]
    assert rows_of(place / "node") == rows_of(place / "local")
