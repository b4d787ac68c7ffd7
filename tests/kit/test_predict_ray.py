"""`kit predict --engine ray`, tried for real: a head and a second node on this machine.

Ten thousand images, a worker that is killed in the middle, a driver that is killed in the middle:
the rows are those of the local engine. `make test-ray` installs Ray and runs this file.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.collections import BATCHED, batched, make_images, png, rows_of

# Not imported here: that takes seconds in every run of the suite.
MISSING = [name for name in ("pyarrow", "ray") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{MISSING} not installed (make test-ray does it)"),
]

IMAGES = 10_000
# About 20 s for all images, so that there is a middle.
SLOW = BATCHED.replace("batch_size = 4", "batch_size = 16").replace(
    "return [float", "__import__('time').sleep(0.03)\n        return [float"
)
ENVIRONMENT = os.environ | {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kit_command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "kit", *map(str, arguments)]


def kit(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """Run a command to its end and return its JSON."""
    ended = subprocess.run(
        kit_command(*arguments, "--json"),
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def below(parent: int) -> dict[int, str]:
    """The command lines of all processes below one."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_bytes().rsplit(b")", 1)[1].split()
            lines[int(folder.name)] = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            )
        except OSError:
            continue
        parents[int(folder.name)] = int(stat[1])
    found: dict[int, str] = {}
    waiting = [parent]
    while waiting:
        here = waiting.pop()
        children = [number for number, above in parents.items() if above == here]
        waiting += children
        found |= {number: lines[number] for number in children}
    return found


class Cluster:
    """A head and a second node, each a process that blocks; they end by their ids."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        ray = str(Path(sys.executable).with_name("ray"))
        start = [ray] if Path(ray).exists() else [sys.executable, "-m", "ray.scripts.scripts"]
        common = ["--num-cpus=1", "--object-store-memory=200000000", "--disable-usage-stats"]
        head = [
            "--head",
            f"--port={self.address.rpartition(':')[2]}",
            "--node-ip-address=127.0.0.1",
        ]
        head += [f"--temp-dir={folder}", "--include-dashboard=false"]
        self._log = (folder / "start.log").open("w")
        self.nodes = [self._start([*start, "start", "--block", *head, *common])]
        wait_for(self._is_up)
        joined = [f"--address={self.address}", "--node-ip-address=127.0.0.1"]
        self.nodes.append(self._start([*start, "start", "--block", *joined, *common]))

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, env=ENVIRONMENT, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def _is_up(self) -> bool:
        host, _, port = self.address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True

    def servers(self) -> list[int]:
        """The processes that hold a submission."""
        return [
            number
            for node in self.nodes
            for number, line in below(node.pid).items()
            if "predicting/server.py" in line
        ]

    def actors(self) -> list[int]:
        """The workers of Ray that run an actor of the second stage."""
        return [
            number
            for node in self.nodes
            for number, line in below(node.pid).items()
            if line.startswith("ray::") and "Predicting" in line
        ]

    def close(self) -> None:
        """End every process of both nodes, by its id."""
        for node in reversed(self.nodes):
            numbers = [*below(node.pid), node.pid]
            for number in numbers:
                try:
                    os.kill(number, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            node.wait()
        self._log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    # Ray's sockets have paths of at most 107 bytes.
    folder = Path(f"/tmp/kit-ray-{os.getpid()}")
    folder.mkdir()
    started = Cluster(folder)
    yield started
    started.close()
    shutil.rmtree(folder, ignore_errors=True)


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


def done(folder: Path) -> int:
    return len(list(folder.glob("shards/*.parquet")))


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
    node = cluster.nodes[1]
    for number in [*below(node.pid), node.pid]:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass
    _, err = driver.communicate(timeout=600)
    assert driver.returncode == 0, err[-3000:]
    assert rows_of(place / "node") == rows_of(place / "local")
