"""Runs one command and sees to it that nothing of it is left, however it ends.

    python -I -S supervisor.py REPORT_FD CGROUP_PROCS COMMAND...

A program of its own, started by `process.py` next to it: on Linux it becomes the parent of every
process that its command leaves behind (a "child subreaper"), daemons in sessions of their own
included, so that it can find and kill them. SIGTERM, or the death of the kit, makes it kill all of
them. It writes two lines to REPORT_FD: the command's process id, and when everything is gone its
exit status (negative for a signal) and the peak memory in bytes of the largest process that was
waited for. CGROUP_PROCS is the `cgroup.procs` file of a group that the command joins, or "".
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_KILL_SECONDS = 5.0


def main(report: int, procs: str, command: list[str]) -> None:
    """Run `command` to its end or ours."""
    os.set_inheritable(report, False)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    child = os.fork()
    if child == 0:
        _become(command, procs)
    signal.signal(signal.SIGTERM, lambda number, frame: _kill(child))
    os.write(report, f"{child}\n".encode())
    status, peak = _wait(child)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    peak = max(peak, _kill_all(child))
    os.write(report, f"{status} {peak}\n".encode())


def _become(command: list[str], procs: str) -> None:
    """Turn the forked child into the command; the runtime answers 127 where there is none."""
    try:
        # Its own session: a signal that it sends to its group does not reach us.
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if procs:
            Path(procs).write_text(str(os.getpid()))
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: cannot be started: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _wait(child: int) -> tuple[int, int]:
    """Exit status and peak bytes of the child; orphans that end meanwhile are reaped too."""
    peak = 0
    while True:
        pid, status, usage = os.wait4(-1, 0)
        peak = max(peak, _bytes(usage))
        if pid == child:
            return os.waitstatus_to_exitcode(status), peak


def _kill_all(child: int) -> int:
    """Kill and reap what is left; the peak bytes of the largest of them."""
    deadline = time.monotonic() + _KILL_SECONDS
    peak = 0
    while time.monotonic() < deadline:
        _kill(-child)
        for pid in _descendants():
            _kill(pid)
        try:
            while True:
                pid, _, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    break
                peak = max(peak, _bytes(usage))
        except ChildProcessError:
            break
        time.sleep(0.005)
    return peak


def _bytes(usage: resource.struct_rusage) -> int:
    # ru_maxrss counts kilobytes on Linux and bytes on macOS.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _descendants() -> list[int]:
    """Every process below this one; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in brackets may hold anything, brackets too.
            parent = int((folder / "stat").read_bytes().rsplit(b")", 1)[1].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
