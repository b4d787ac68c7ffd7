"""Two nodes of Ray on this machine, and `kit predict` on them. They end by their process ids."""

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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

# Not imported here: that takes seconds in every run of the suite.
MISSING = [name for name in ("pyarrow", "ray") if importlib.util.find_spec(name) is None]
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{MISSING} not installed (make test-ray does it)"),
]
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


def done(folder: Path) -> int:
    return len(list(folder.glob("shards/*.parquet")))


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


def kill_all(node: subprocess.Popen[bytes]) -> None:
    """Kill a node and all processes below it."""
    for number in [*below(node.pid), node.pid]:
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Cluster:
    """Context manager: a head and a second node, each a process that blocks.

    Args:
        folder: new; its path is short, because Ray's sockets have paths of at most 107 bytes.
        variables: more environment variables of both nodes.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        folder.mkdir()
        self._folder = folder
        self._environment = ENVIRONMENT | dict(variables or {})
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
            command,
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

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
            kill_all(node)
            node.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)
