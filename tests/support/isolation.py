"""Runs of the kit in one mode for the isolation tests, and what this machine looks like after."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit import bundles, runs, submissions
from kit.errors import KitError
from kit.isolation import bubblewrap
from kit.isolation.engine import connect
from kit.isolation.limits import DEFAULT_LIMITS, Limits
from kit.isolation.modes import MODES, Mode, Subprocess
from kit.isolation.sandbox import Sandbox
from tests.support.kit import make_bundle, write_tree

METADATA = "description: made by a test\n"


def modes(names: tuple[str, ...] = MODES) -> list[object]:
    """The modes as parameters; containers have a marker of their own."""
    marks = {"container": [pytest.mark.containers]}
    return [pytest.param(name, marks=marks.get(name, [])) for name in names]


def need_sandbox() -> None:
    """Skip the test where bubblewrap is missing or may not work; the reason says why."""
    try:
        bubblewrap.check()
    except KitError as error:
        pytest.skip(str(error))


def make(name: str, limits: Limits = DEFAULT_LIMITS) -> Mode:
    """The mode of that name, or a skip that says why it does not work here."""
    if name == "subprocess":
        return Subprocess(limits=limits)
    if name == "sandbox":
        need_sandbox()
        return Sandbox(limits)
    image = os.environ.get("KIT_TEST_IMAGE")
    if not image:
        pytest.skip("KIT_TEST_IMAGE names no image; `make test-containers` sets one up")
    from kit.isolation.container import Container

    return Container(connect(), image, limits, network=False)


@dataclass(frozen=True)
class Ran:
    """How a run came out: `failure` is empty when it ended well; `log` is all four logs."""

    failure: str
    scores: dict[str, float]
    folder: Path
    log: str

    def file(self, name: str) -> str:
        """A file of the run's folder."""
        return (self.folder / name).read_text(encoding="utf-8")


def run_in(mode: Mode, model: str, bundle: Path, folder: Path, limit_s: float = 60) -> Ran:
    """Run a submission made of `model` against a bundle; nothing may be left of its stage."""
    submission = write_tree(folder / "submission", {"model.py": model, "metadata": METADATA})
    read = bundles.read(bundle)
    scores: dict[str, float] = {}
    try:
        result = runs.run(
            submissions.find(str(submission)),
            read,
            read.task(None),
            folder / "run",
            mode=mode,
            time_limit_s=limit_s,
        )
        failure, scores = result.failure, result.scores
    except KitError as error:
        failure = str(error)
    logs = sorted((folder / "run/logs").glob("*.txt"))
    assert not list((folder / "run").glob(".stage-*"))
    text = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in logs)
    return Ran(failure, scores, folder / "run", text)


@dataclass(frozen=True)
class Machine:
    """What an attack is after, and a way to see that it did not get it."""

    bundle: Path
    outside: Path
    port: int
    mark: str

    @property
    def places(self) -> dict[str, str]:
        """The values of the @...@ of a hostile submission."""
        return {
            "OUTSIDE": str(self.outside),
            "REFERENCE": str(self.bundle / "reference_data"),
            "PORT": str(self.port),
            "MARK": self.mark,
        }

    def snapshot(self) -> dict[str, bytes]:
        """Every file that the attacker might change, with its content."""
        files = [path for path in self.bundle.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in [*files, self.outside]}

    def left_running(self) -> list[str]:
        """Command lines of processes that carry the mark."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if self.mark.encode() in words:
                found.append(str(words))
        return found


@contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """A bundle, a file that is nobody's business, and a service that listens on this machine."""
    outside = folder / "private" / "diary.txt"
    write_tree(outside.parent, {outside.name: "mine alone"})
    # Closed to others, as a home is: the kit has to find its own way in.
    outside.parent.chmod(0o700)
    with socket.create_server(("127.0.0.1", 0)) as server:
        mark = f"{600 + secrets.randbelow(10**6) / 10**6:.6f}"
        yield Machine(make_bundle(folder / "bundle"), outside, server.getsockname()[1], mark)


def containers_left() -> list[str]:
    """The kit's containers that the engine still knows."""
    from kit.isolation.container import LABEL

    with closing(connect().open()) as client:
        found = client.containers.list(all=True, filters={"label": LABEL})
        return [container.name for container in found]


def groups_left() -> list[Path]:
    """Control groups that this process made and did not remove."""
    return list(Path("/sys/fs/cgroup").glob(f"**/kit-{os.getpid()}-*"))
