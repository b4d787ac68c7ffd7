"""The command line of bubblewrap: what a sandboxed program sees, and as whom it runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import KitError
from kit.isolation.limits import DEFAULT_LIMITS, Limits
from kit.isolation.platform_table import SHM_BYTES

# The user "nobody" of Linux distributions: owns nothing, may do nothing.
NOBODY = 65534
_TOOLS = {"bwrap": "bubblewrap", "prlimit": "util-linux", "setpriv": "util-linux"}
_OLDEST = (0, 6)
_WITH_DISABLE_USERNS = (0, 8)
# Where a privileged kit shows its folders to the unprivileged bubblewrap: an empty file system
# is put over it, in a private view of the machine's folders.
_LOBBY = "/mnt"
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
# What dynamic linking, time zones and fonts need of /etc: nothing about users, hosts, secrets.
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "fonts")
# The processors' layout, for libraries that choose a number of threads.
_SYS = "/sys/devices/system"


@dataclass(frozen=True)
class View:
    """A folder or file of this machine at the path where the sandbox sees it."""

    source: Path
    path: str
    writable: bool = False


def check() -> None:
    """Raise a KitError that says what to do where bubblewrap is missing or may not work."""
    missing = sorted({package for tool, package in _TOOLS.items() if not shutil.which(tool)})
    if sys.platform != "linux":
        raise KitError(
            f"--mode sandbox: expected Linux, found {sys.platform}",
            hint="use --mode container or subprocess",
        )
    if missing:
        raise KitError(
            f"--mode sandbox: expected the programs {', '.join(_TOOLS)}, found some missing",
            hint=f"install them (apt-get install {' '.join(missing)}; other systems call the "
            "packages the same), or use --mode container or subprocess",
        )
    if _version() < _OLDEST:
        raise KitError(
            f"--mode sandbox: expected bubblewrap {_shown(_OLDEST)} or newer, found "
            f"{_shown(_version())}",
            hint="use --mode container or subprocess",
        )
    # prlimit starts every program, and has to be where the sandbox sees it.
    argv = command_line(["prlimit", "--version"], [], "/", DEFAULT_LIMITS, gpus=False)
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise KitError(
            "--mode sandbox: this system does not let bubblewrap work: "
            f"{ended.stderr.strip() or f'it ended with {ended.returncode}'}",
            hint="allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1; "
            "on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0; a container has to be a "
            "privileged one), or use --mode container or subprocess",
        )


def _version() -> tuple[int, ...]:
    ended = subprocess.run(
        [_program("bwrap"), "--version"], capture_output=True, text=True, check=False
    )
    return tuple(int(number) for number in re.findall(r"\d+", ended.stdout))


def _program(name: str) -> str:
    """Return the whole path of a program: the sandbox's own PATH leads to the system's only."""
    found = shutil.which(name)
    return str(Path(found).absolute()) if found else name


def _shown(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)


def command_line(
    command: Sequence[str], views: Sequence[View], cwd: str, limits: Limits, gpus: bool
) -> list[str]:
    """Return the argv that runs `command` in a sandbox.

    A kit that runs as root starts two bubblewraps: the first, privileged, puts the views where
    anybody can reach them (the user's home may be closed to others) and changes nothing else;
    the second runs as nobody, as it would for a user without rights, and builds the sandbox.
    bubblewrap itself may lie in a closed home too, so that it is shown in the same way.
    """
    if os.geteuid() != 0:
        return _sandbox(_program("bwrap"), command, views, cwd, limits, gpus)
    bwrap, again = _program("bwrap"), f"{_LOBBY}/bwrap"
    outer = [bwrap, "--dev-bind", "/", "/", "--tmpfs", _LOBBY, "--die-with-parent"]
    outer += ["--ro-bind", str(Path(bwrap).resolve()), again]
    inside = []
    for number, view in enumerate(views):
        place = f"{_LOBBY}/{number}"
        outer += ["--bind" if view.writable else "--ro-bind", str(view.source), place]
        inside.append(View(Path(place), view.path, view.writable))
    outer += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--"]
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    return [*outer, _program("setpriv"), *ids, *_sandbox(again, command, inside, cwd, limits, gpus)]


def _sandbox(
    bwrap: str, command: Sequence[str], views: Sequence[View], cwd: str, limits: Limits, gpus: bool
) -> list[str]:
    argv = [bwrap, "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    argv += ["--cap-drop", "ALL"]
    if _version() >= _WITH_DISABLE_USERNS:
        argv.append("--disable-userns")
    argv += _system_files(gpus)
    argv += ["--proc", "/proc", "--dev", "/dev", *_devices(gpus)]
    for path, size in (("/dev/shm", SHM_BYTES), ("/tmp", limits.temporary_bytes)):
        argv += ["--perms", "1777", "--size", str(size), "--tmpfs", path]
    # A folder comes before what is mounted in it.
    for view in sorted(views, key=lambda view: view.path):
        argv += ["--bind" if view.writable else "--ro-bind", str(view.source), view.path]
    # Only now: the mount points above had to be made.
    return [*argv, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd, "--", *command]


def _system_files(gpus: bool) -> list[str]:
    argv = []
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            argv += ["--ro-bind", str(path), str(path)]
    others = [*(f"/etc/{name}" for name in _ETC), "/sys" if gpus else _SYS]
    for name in others:
        argv += ["--ro-bind-try", name, name]
    return argv


def _devices(gpus: bool) -> list[str]:
    found = sorted(Path("/dev").glob("nvidia*")) if gpus else []
    return [word for path in found for word in ("--dev-bind", str(path), str(path))]


def python_views() -> list[View]:
    """Return the interpreter that runs the kit and its packages, at their own paths.

    The system's own Python lies in /usr, which is visible anyway.
    """
    prefixes = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    candidates = {Path(prefix) for prefix in prefixes}
    candidates |= {path.resolve() for path in candidates}
    candidates.add(Path(sys.executable).resolve().parents[1])
    trees = {path for path in candidates if not path.is_relative_to("/usr")} - {Path("/")}
    outermost = [
        path for path in trees if not any(path != p and path.is_relative_to(p) for p in trees)
    ]
    return [View(path, str(path)) for path in sorted(outermost)]
