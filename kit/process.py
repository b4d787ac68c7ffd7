"""Running the programs of one step: a time limit, two log files each, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# What of the user's environment reaches a program. The platform passes nothing, so only what
# a process needs to start at all is let through: no tokens, no caches, no PYTHONPATH.
_PASSED = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SYSTEMROOT",
)  # fmt: skip
# With --install, pip needs to find its way out as the user's own pip does.
_PASSED_TO_INSTALL = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT", "REQUESTS_CA")
_POLL_S = 0.02


@dataclass(frozen=True)
class Command:
    """A process to start: argv, working directory, environment, and where its output goes."""

    argv: list[str]
    cwd: Path
    env: dict[str, str]
    stdout: Path
    stderr: Path


@dataclass(frozen=True)
class Outcome:
    """How a process ended. `exit_status` is None when the time limit killed it."""

    exit_status: int | None
    seconds: float
    peak_bytes: int


def environment(extra: dict[str, str], home: Path, install: bool) -> dict[str, str]:
    """The environment of a program: the worker's, on a private home and temporary folder.

    Args:
        extra: variables of the worker's container.
        home: a private folder; caches of the user's own home are not there on the platform.
        install: whether the program may install packages with pip.
    """
    env = {name: os.environ[name] for name in _PASSED if name in os.environ}
    # `python3` of a command is the interpreter that runs the kit.
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1", **extra}
    if install:
        passed = {k: v for k, v in os.environ.items() if k.upper().startswith(_PASSED_TO_INSTALL)}
        return env | passed
    return env | {
        "INGESTION_INSTALL": "never",
        # An organiser's own program may call pip; it must not change this environment either.
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_OFFLINE": "1",
    }


def run_together(
    commands: list[Command], limit_s: float, on_tick: Callable[[float], None]
) -> list[Outcome]:
    """Run the containers of a step side by side, as the worker does, under one time limit.

    Every process gets its own process group; whatever is left of a group is killed when its
    process has ended, when the time is up, or when the kit itself is interrupted.

    Args:
        commands: what to start.
        limit_s: seconds after which all are killed.
        on_tick: called with the seconds gone by, several times a second.
    """
    started = time.monotonic()
    processes = [_Running(command) for command in commands]
    try:
        while any(process.outcome is None for process in processes):
            elapsed = time.monotonic() - started
            for process in processes:
                process.poll(elapsed)
            if elapsed > limit_s:
                break
            on_tick(elapsed)
            time.sleep(_POLL_S)
    finally:
        for process in processes:
            process.kill(time.monotonic() - started)
    return [process.outcome or Outcome(None, limit_s, 0) for process in processes]


class _Running:
    """One started process and, once it has ended, its outcome."""

    def __init__(self, command: Command) -> None:
        self.outcome: Outcome | None = None
        with command.stdout.open("wb") as out, command.stderr.open("wb") as err:
            try:
                self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                    command.argv, cwd=command.cwd, env=command.env, stdin=subprocess.DEVNULL,
                    stdout=out, stderr=err, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                # The container runtime answers 127 to a program that does not exist.
                err.write(f"{command.argv[0]}: cannot be started: {error.strerror}\n".encode())
                self._process = None
                self.outcome = Outcome(127, 0.0, 0)

    def poll(self, elapsed: float) -> None:
        """Take note when the process has ended by itself."""
        if self._process is None or self.outcome is not None:
            return
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid:
            self._ended(os.waitstatus_to_exitcode(status), elapsed, usage.ru_maxrss)

    def kill(self, elapsed: float) -> None:
        """Kill what is left of the process group."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if self.outcome is None:
            _, _, usage = os.wait4(self._process.pid, 0)
            self._ended(None, elapsed, usage.ru_maxrss)

    def _ended(self, exit_status: int | None, elapsed: float, max_rss: int) -> None:
        assert self._process is not None
        # Popen must know that somebody else has waited, or it warns.
        self._process.returncode = -signal.SIGKILL if exit_status is None else exit_status
        # ru_maxrss counts kilobytes on Linux and bytes on macOS.
        unit = 1 if sys.platform == "darwin" else 1024
        self.outcome = Outcome(exit_status, elapsed, max_rss * unit)
