"""`--mode sandbox`: bubblewrap with the real /app paths, no network and an unprivileged user.

Stricter than the worker: there is no network, the user's data is read-only, memory, processes
and output are limited. Weaker than a container: the programs and libraries in this
machine's /usr are visible (read-only), and no system calls are filtered.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from kit.isolation.bubblewrap import NOBODY, View, command_line, python_views
from kit.isolation.cgroups import MemoryGroup, memory_group
from kit.isolation.limits import DEFAULT_LIMITS, Limits
from kit.isolation.modes import Lack, Place
from kit.isolation.platform_table import ENVIRONMENT, WORKING_DIRECTORY
from kit.isolation.process import Command, LocalProcess, Running, Stop, environment
from kit.isolation.programs import Job

_USERS = "root:x:0:0::/:/bin/false\nkit:x:{0}:{0}::/tmp:/bin/false\n"


@dataclass(frozen=True)
class Sandbox:
    """Programs in bubblewrap; `gpus` shows them the machine's NVIDIA devices.

    Memory is limited for all processes together by a control group where the kit may make one,
    else for each process (RLIMIT_DATA).
    """

    limits: Limits = DEFAULT_LIMITS
    gpus: bool = False
    name: ClassVar[str] = "sandbox"
    real_paths: ClassVar[bool] = True

    def lacks(self, docker_image: str) -> frozenset[Lack]:
        """It has real paths, and this machine's packages."""
        return frozenset(("packages", "pip", "network", "writing"))

    @contextmanager
    def lend(self, folders: list[Path]) -> Iterator[None]:
        """Give the folders to the unprivileged user, and take them back with all in them."""
        privileged = os.geteuid() == 0
        for folder in folders:
            _hand_to(NOBODY if privileged else os.geteuid(), folder)
        try:
            yield
        finally:
            for folder in folders:
                _hand_to(os.geteuid(), folder)

    def start(self, job: Job, place: Place) -> Running:
        """Start the job's command, unchanged, in a sandbox of its own."""
        views = [
            View(bind.source.resolve(), bind.mount.path, bind.mount.writable_here)
            for bind in job.binds
        ]
        stage = place.home.parent.resolve()
        for view in views:
            if view.source.is_relative_to(stage):
                _let_read(view.source)
        views += [View(_user_table(stage), "/etc/passwd"), *python_views()]
        group = memory_group(self.limits.memory)
        command = [*self._prlimit(per_process=group is None), *job.argv]
        stdout, stderr = place.log_files(job)
        return _SandboxedProcess(
            Command(
                command_line(command, views, WORKING_DIRECTORY, self.limits, self.gpus),
                place.home, _environment(), stdout, stderr, self.limits.log_bytes,
                group.procs if group else None,
            ),
            group,
        )  # fmt: skip

    def _prlimit(self, per_process: bool) -> list[str]:
        """Limits that hold from inside the sandbox, where only its own processes count."""
        argv = ["prlimit", "--core=0", f"--nproc={self.limits.processes}"]
        argv.append(f"--fsize={self.limits.output_bytes}")
        # CUDA reserves more address space than any machine has memory.
        if per_process and not self.gpus:
            argv.append(f"--data={self.limits.memory}")
        return [*argv, "--"]


class _SandboxedProcess(LocalProcess):
    """A sandbox and its control group, which goes with it."""

    def __init__(self, command: Command, group: MemoryGroup | None) -> None:
        self._group = group
        super().__init__(command)

    def _ended(self, elapsed: float, stop: Stop | None) -> None:
        super()._ended(elapsed, stop)
        if self._group is None or self.outcome is None:
            return
        if self._group.kills() and self.outcome.exit_status:
            self.outcome = replace(self.outcome, stop=Stop.MEMORY)
        self._group.remove()


def _environment() -> dict[str, str]:
    env = environment(dict(ENVIRONMENT), "/tmp", install=False)
    env["PATH"] = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    env.pop("LD_LIBRARY_PATH", None)
    env.pop("PYTHONPATH")  # the checkout is not visible in the sandbox anyway
    return env


def _user_table(folder: Path) -> Path:
    """A table that knows the program's user: getpass, and torch with it, ask for the name."""
    path = folder / "passwd"
    path.write_text(_USERS.format(os.geteuid() or NOBODY), encoding="utf-8")
    path.chmod(0o644)
    return path


def _hand_to(user: int, folder: Path) -> None:
    """Make `user` own a folder and all in it; folders that were closed are opened again."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            mode = path.lstat().st_mode
            if os.geteuid() == 0:
                os.chown(path, user, user, follow_symlinks=False)
            if stat.S_ISDIR(mode):
                path.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
                waiting += path.iterdir()
        except OSError as error:
            # A program can nest folders deeper than any path can say.
            if error.errno != errno.ENAMETOOLONG:
                raise


def _let_read(folder: Path) -> None:
    """Open the kit's own copies to the unprivileged user, whatever the user's umask is."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o755 if path.is_dir() else 0o444))
