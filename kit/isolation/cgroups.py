"""A memory limit for a group of processes, through Linux control groups where they let us.

Version 1 and version 2 are told apart by what is mounted; a user without the right to make a
group gets None and the caller falls back to a limit per process.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_SELF = Path("/proc/self/cgroup")
_PATIENCE_S = 2.0


@dataclass(frozen=True)
class MemoryGroup:
    """A control group with a memory limit.

    A process joins by writing its id to `procs`.
    """

    folder: Path

    @property
    def procs(self) -> Path:
        """The file that takes process ids."""
        return self.folder / "cgroup.procs"

    def kills(self) -> int:
        """How many processes of the group the kernel has killed for want of memory."""
        for name in ("memory.events", "memory.oom_control"):
            path = self.folder / name
            if path.is_file():
                fields = dict(line.split(maxsplit=1) for line in path.read_text().splitlines())
                return int(fields.get("oom_kill", 0))
        return 0

    def remove(self) -> None:
        """Remove the group; the kernel needs a moment after its last process."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self.folder.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.01)


def memory_group(limit_bytes: int, root: Path = _ROOT, own: Path = _SELF) -> MemoryGroup | None:
    """Make a group below the kit's own that may use `limit_bytes`, swap included.

    Args:
        limit_bytes: the limit.
        root: where control groups are mounted.
        own: the file that says in which groups the kit is.

    Returns:
        The group, or None where there are no control groups or the kit may not make one.
    """
    try:
        groups = dict(line.split(":", 2)[1:] for line in own.read_text().splitlines())
    except (OSError, ValueError):
        return None
    if (root / "memory").is_dir():
        # In a container the path may be that of another view of the groups.
        parents = [root / "memory" / groups.get("memory", "/").lstrip("/"), root / "memory"]
        limits = {"memory.limit_in_bytes": limit_bytes, "memory.memsw.limit_in_bytes": limit_bytes}
    else:
        home = root / groups.get("", "/").lstrip("/")
        # A group that holds processes cannot give its children a memory controller.
        parents = [p for p in (home, *home.parents) if p.is_relative_to(root) and _delegates(p)]
        limits = {"memory.max": limit_bytes, "memory.swap.max": 0}
    for parent in parents:
        if group := _make(parent, limits):
            return group
    return None


def _delegates(folder: Path) -> bool:
    try:
        return "memory" in (folder / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False


def _make(parent: Path, limits: dict[str, int]) -> MemoryGroup | None:
    """Make a group in `parent`; the first limit has to take, swap may not be accounted."""
    group = MemoryGroup(parent / f"kit-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        group.folder.mkdir()
        for position, (name, value) in enumerate(limits.items()):
            path = group.folder / name
            if position == 0 or path.exists():
                path.write_text(str(value))
        # Joining takes rights in the group that is left, too; only trying tells.
        join = ["sh", "-c", 'echo 0 > "$0"', str(group.procs)]
        subprocess.run(join, check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        group.remove()
        return None
    return group
