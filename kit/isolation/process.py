"""Running the programs of one step side by side: a time limit, small logs, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from kit.isolation.logs import CappedLog, follow

# What of the user's environment reaches a program. The platform passes nothing, so only what
# a process needs to start at all is let through: no tokens, no caches, no PYTHONPATH.
_PASSED = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SYSTEMROOT",
)  # fmt: skip
# With --install, pip needs to find its way out as the user's own pip does.
_PASSED_TO_INSTALL = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT", "REQUESTS_CA")
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
# Its sitecustomize.py takes the kit's checkout off a program's sys.path.
_PLATFORM_PATH = Path(__file__).with_name("platform_path")
_POLL_S = 0.02
# The supervisor needs no longer to kill what it can kill at all.
_PATIENCE_S = 8.0


class Stop(Enum):
    """Why a program did not end by itself."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    `exit_status` is negative for a signal and None when the kit killed it; `peak_bytes` is 0
    where it could not be measured.
    """

    exit_status: int | None
    seconds: float
    peak_bytes: int
    stop: Stop | None = None


class Running(Protocol):
    """A program that was started, in whatever kind of container."""

    outcome: Outcome | None

    def poll(self, elapsed: float) -> None:
        """Set `outcome` when the program has ended by itself."""

    def kill(self, elapsed: float, stop: Stop | None) -> None:
        """End the program if it has not ended, and clean up after it; may be called twice."""


@dataclass(frozen=True)
class Command:
    """A process to start. `procs` is the file of a control group to join, or None."""

    argv: list[str]
    cwd: Path
    env: dict[str, str]
    stdout: Path
    stderr: Path
    log_bytes: int
    procs: Path | None = None


def environment(extra: dict[str, str], home: str, install: bool) -> dict[str, str]:
    """Return the environment of a program: the worker's, on a private home and temporary folder.

    Args:
        extra: variables of the worker's container.
        home: a private folder; caches of the user's own home are not there on the platform.
        install: whether the program may install packages with pip.
    """
    env = {name: os.environ[name] for name in _PASSED if name in os.environ}
    # `python3` of a command is the interpreter that runs the kit.
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    env |= {"HOME": home, "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1", **extra}
    env["PYTHONPATH"] = str(_PLATFORM_PATH)
    if install:
        passed = {k: v for k, v in os.environ.items() if k.upper().startswith(_PASSED_TO_INSTALL)}
        return env | passed
    return env | {
        "INGESTION_INSTALL": "never",
        # The reference is the user's own here, so the report may name the worst errors.
        "SCORING_NAME_ERRORS": "1",
        # An organiser's own program may call pip; it must not change this environment either.
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_OFFLINE": "1",
    }


def run_together(
    starts: Iterable[Callable[[], Running]],
    limit_s: float,
    on_tick: Callable[[float], None],
    too_much: Callable[[], bool],
) -> list[Outcome]:
    """Run the containers of a step side by side, as the worker does, under one time limit.

    Whatever is left is killed when its program has ended, when a limit is passed, or when the
    kit itself is interrupted.

    Args:
        starts: what starts each program.
        limit_s: seconds after which all are killed.
        on_tick: called with the seconds gone by, several times a second.
        too_much: whether the programs have written more than they may.
    """
    programs: list[Running] = []
    stop: Stop | None = None
    elapsed = 0.0
    try:
        for start in starts:
            programs.append(start())
        started = time.monotonic()
        while any(program.outcome is None for program in programs):
            elapsed = time.monotonic() - started
            for program in programs:
                program.poll(elapsed)
            stop = _limit_passed(elapsed > limit_s, too_much)
            if stop:
                break
            on_tick(elapsed)
            time.sleep(_POLL_S)
    finally:
        for program in programs:
            program.kill(elapsed, stop)
    return [program.outcome or Outcome(None, elapsed, 0, stop) for program in programs]


def _limit_passed(late: bool, too_much: Callable[[], bool]) -> Stop | None:
    if late:
        return Stop.TIME
    return Stop.OUTPUT if too_much() else None


class LocalProcess:
    """A command under `kit.isolation.supervisor`, and once it has ended, its outcome."""

    def __init__(self, command: Command) -> None:
        self.outcome: Outcome | None = None
        self._report, report = os.pipe()
        supervisor = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(report)]
        self._process = subprocess.Popen(
            [*supervisor, str(command.procs or ""), *command.argv], cwd=command.cwd,
            env=command.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=(report,), start_new_session=True,
        )  # fmt: skip
        os.close(report)
        self._logs = [CappedLog(path, command.log_bytes) for path in _log_paths(command)]
        pipes = (self._process.stdout, self._process.stderr)
        self._followers = [
            follow(os.dup(pipe.fileno()), log)
            for pipe, log in zip(pipes, self._logs, strict=True)
            if pipe
        ]
        for pipe in pipes:
            if pipe:
                pipe.close()

    def poll(self, elapsed: float) -> None:
        """Take note when the command has ended by itself."""
        if self.outcome is None and self._process.poll() is not None:
            self._ended(elapsed, None)

    def kill(self, elapsed: float, stop: Stop | None) -> None:
        """Have the supervisor kill everything, and do it in its place where it cannot."""
        if self.outcome is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._ended(elapsed, stop)

    def _ended(self, elapsed: float, stop: Stop | None) -> None:
        lines = _read_report(self._report).splitlines()
        if lines and len(lines) < 2:
            # Nobody has waited for the command: its supervisor was stopped, by us or by it.
            _kill_group(int(lines[0]))
        status: int | None = self._process.returncode
        peak = 0
        if len(lines) == 2:
            status, peak = (int(word) for word in lines[1].split())
        self.outcome = Outcome(None if stop else status, elapsed, peak, stop)
        for follower in self._followers:
            follower.join(_PATIENCE_S)
        for log in self._logs:
            log.close()


def _log_paths(command: Command) -> tuple[Path, Path]:
    return command.stdout, command.stderr


def _read_report(descriptor: int) -> str:
    # The supervisor is dead and never gave its end away, so that this ends at once.
    with os.fdopen(descriptor, "rb") as report:
        return report.read().decode()


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
