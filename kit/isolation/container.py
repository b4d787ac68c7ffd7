"""`--mode container`: the worker's own containers, through the Docker API.

Mounts, capabilities, flags and environment are those of `platform_table`. Where the kit
departs from the worker it says so: the user's data is read-only, memory, processes and output
have limits, and with an engine that runs as root for a user who is not, programs run as that
user, who owns the folders.
"""

from __future__ import annotations

import os
import posixpath
import sysconfig
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from docker.errors import APIError, NotFound
from docker.models.containers import Container as DockerContainer
from docker.types import DeviceRequest, LogConfig, Mount

from kit.errors import KitError
from kit.isolation import platform_table as worker
from kit.isolation.engine import Engine
from kit.isolation.limits import DEFAULT_LIMITS, Limits
from kit.isolation.logs import CappedLog
from kit.isolation.modes import Lack, Place
from kit.isolation.process import Outcome, Running, Stop
from kit.isolation.programs import Job

# By this label the kit's containers can be found, should the kit itself be killed.
LABEL = "wildlife-challenge-kit"
_SITE_PACKAGES = "/kit/site-packages"
_POLL_S = 0.1
_JOIN_S = 10.0
_NOT_FOUND = 127
_KILLED = 137
# What the engines search where an image sets no PATH.
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Container:
    """Programs in containers of `image`.

    `network` is on with the worker, unless its operator switches it off. `site_packages` mounts
    the packages of the kit's environment (read-only), so that torch need not be in the image;
    the image's Python has to be of the same minor version.
    """

    engine: Engine
    image: str
    limits: Limits = DEFAULT_LIMITS
    network: bool = worker.NETWORK
    gpus: bool = False
    site_packages: bool = False
    name: ClassVar[str] = "container"
    real_paths: ClassVar[bool] = True

    def lacks(self, docker_image: str) -> frozenset[Lack]:
        """It is the platform's own environment but for what the user changed."""
        lacking: set[Lack] = {"writing"}
        if self.image != docker_image or self.site_packages:
            lacking.add("packages")
        return frozenset(lacking if self.network else lacking | {"network", "pip"})

    def lend(self, folders: list[Path]) -> AbstractContextManager[None]:
        """Nothing to do: the container runs as who owns the folders."""
        return nullcontext()

    def start(self, job: Job, place: Place) -> Running:
        """Create and start the job's container."""
        return _RunningContainer(self, job, place)

    def settings(self, job: Job) -> dict[str, Any]:
        """Return the arguments of the SDK's `containers.create` for a job."""
        request = DeviceRequest(driver=worker.GPU_DRIVER, device_ids=list(worker.GPU_DEVICES))
        environment = dict(worker.ENVIRONMENT)
        if self.site_packages:
            environment["PYTHONPATH"] = _SITE_PACKAGES
        return {
            "image": self.image,
            "command": list(job.argv),
            "entrypoint": worker.ENTRYPOINT,
            "working_dir": worker.WORKING_DIRECTORY,
            "environment": environment,
            "mounts": self._mounts(job),
            "cap_drop": list(worker.CAP_DROP),
            "security_opt": list(worker.SECURITY_OPTIONS[self.engine.kind]),
            "userns_mode": worker.USERNS_MODE,
            "shm_size": worker.SHM_BYTES,
            "network_mode": None if self.network else "none",
            "device_requests": [request] if self.gpus else None,
            "user": self._user(),
            "labels": {LABEL: str(os.getpid())},
            # The kit reads the streams itself; the engine's own copy would have no end.
            "log_config": LogConfig(type="none"),
            "mem_limit": self.limits.memory,
            "memswap_limit": self.limits.memory,
            "pids_limit": self.limits.processes,
        }

    def _mounts(self, job: Job) -> list[Any]:
        mounts = []
        for bind in sorted(job.binds, key=lambda bind: bind.mount.path):
            source = str(bind.source.resolve())
            read_only = not bind.mount.writable_here
            mounts.append(Mount(bind.mount.path, source, type="bind", read_only=read_only))
        if self.site_packages:
            source = sysconfig.get_path("purelib")
            mounts.append(Mount(_SITE_PACKAGES, source, type="bind", read_only=True))
        return mounts

    def _user(self) -> str | None:
        """Nobody but the image's own user, as the worker has it, where that user can write."""
        if os.geteuid() == 0 or self.engine.rootless:
            return None
        return f"{os.geteuid()}:{os.getegid()}"


class _RunningContainer:
    """One container from its creation to its removal, with a client of its own."""

    def __init__(self, mode: Container, job: Job, place: Place) -> None:
        self.outcome: Outcome | None = None
        self._podman = mode.engine.kind == "podman"
        self._peak = 0
        self._next_poll = 0.0
        self._follower: threading.Thread | None = None
        self._logs = [CappedLog(path, mode.limits.log_bytes) for path in place.log_files(job)]
        self._client = mode.engine.open()
        self._container: DockerContainer | None = None
        try:
            self._container = self._client.containers.create(**mode.settings(job))
            self._start(self._container, job)
        except BaseException as error:
            self._clean_up()
            if isinstance(error, APIError):
                raise _refused(error) from error
            raise

    def _start(self, container: DockerContainer, job: Job) -> None:
        try:
            # Attached before the start: nothing keeps what was printed before.
            stream = container.attach(stream=True, logs=False, demux=True)
            self._follower = threading.Thread(target=_copy, args=(stream, self._logs), daemon=True)
            self._follower.start()
            container.start()
        except APIError as error:
            # Docker finds that out at the start, Podman when it is attached to.
            if not _lacks(container, job.argv[0]):
                raise
            self._logs[1].write(f"{job.argv[0]}: cannot be started: {error}\n".encode())
            self._ended(Outcome(_NOT_FOUND, 0.0, 0))

    def poll(self, elapsed: float) -> None:
        """Take note when the container has ended by itself."""
        if self.outcome is not None or self._container is None or elapsed < self._next_poll:
            return
        self._next_poll = elapsed + _POLL_S
        try:
            self._container.reload()
        except (APIError, OSError) as error:
            raise KitError(f"the container engine lost the program: {error}") from error
        state = self._container.attrs["State"]
        if state["Status"] not in ("exited", "dead", "stopped"):
            self._peak = max(self._peak, _memory_used(self._container))
            return
        status = int(state["ExitCode"])
        # Podman never says OOMKilled; who sends SIGKILL to a container's first process is the
        # kernel.
        killed = state.get("OOMKilled") or (self._podman and status == _KILLED)
        stop = Stop.MEMORY if killed and status else None
        self._ended(Outcome(status, elapsed, self._peak, stop))

    def kill(self, elapsed: float, stop: Stop | None) -> None:
        """Kill and remove the container."""
        if self.outcome is None:
            self._ended(Outcome(None, elapsed, self._peak, stop))

    def _ended(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._clean_up()

    def _clean_up(self) -> None:
        if self._container:
            try:
                self._container.remove(force=True, v=True)
            except (NotFound, OSError):
                # Somebody else has removed it, or the engine has gone and its containers too.
                pass
        if self._follower:
            self._follower.join(_JOIN_S)
        self._client.close()
        for log in self._logs:
            log.close()


def _copy(stream: Any, logs: list[CappedLog]) -> None:
    """Copy both streams into their logs until the container is gone."""
    try:
        for parts in stream:
            for content, log in zip(parts, logs, strict=True):
                if content:
                    log.write(content)
    finally:
        # The SDK's own `close` leaves the socket to the garbage collector.
        stream._response.close()


def _memory_used(container: DockerContainer) -> int:
    """Bytes in use now, or at most so far where the engine knows; 0 where it does not say."""
    try:
        memory = container.stats(stream=False, one_shot=True).get("memory_stats") or {}
    except APIError:
        return 0
    return int(memory.get("max_usage") or memory.get("usage") or 0)


def _lacks(container: DockerContainer, program: str) -> bool:
    """Say whether the container has no such program, looked up as the engine looks it up.

    Both engines answer with the same status as for every other refusal, and Podman sets no exit
    code for a container that never ran. So the file itself is asked for.
    """
    config = container.attrs["Config"]
    if "/" in program:
        folders = [config.get("WorkingDir") or "/"]
    else:
        variables = dict(line.partition("=")[::2] for line in config.get("Env") or ())
        folders = variables.get("PATH", _DEFAULT_PATH).split(":")
    return not any(_holds(container, posixpath.join(folder, program)) for folder in folders)


def _holds(container: DockerContainer, path: str) -> bool:
    try:
        archive, _ = container.get_archive(path)
    except NotFound:
        return False
    for _ in archive:  # read to its end, which closes the connection
        pass
    return True


def _refused(error: APIError) -> KitError:
    return KitError(
        f"the container engine refuses to run the program: {error.explanation or error}",
        hint="--no-network where the engine has no network, no --gpus where it has none, and "
        "folders that the engine can see",
    )
