"""Why a failure may be the mode's own: what a program met here and does not meet on the platform.

A program of somebody else says what it met in its log only. What is looked for there are the names
of Python's exceptions, the system's error numbers and the words of pip and of shells, which do not
depend on the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kit.isolation.app_paths import AppPath
from kit.isolation.modes import Lack
from kit.isolation.process import Outcome, Stop
from kit.package_names import packages_of
from kit.requirements import UnmetRequirement

_MOST_BYTES = 64 * 1024
_NOT_FOUND = 127
# Modules that no image has: of the submission itself, and of the kit's checkout.
_NEVER_INSTALLED = frozenset(("model", "kit", "training", "tests"))
_REAL_APP = "use --mode sandbox or --mode container, which have a real /app"
_IMAGE = "--mode container runs in the bundle's image, with its packages and programs"
_NETWORK = "--mode container has a network, as the platform's workers usually have"
_WRITING = "write to /app/output or to the working directory; only the platform itself can tell"


class Doubt(NamedTuple):
    """One limit of a mode that a program met, and what to do to be sure."""

    reason: str
    todo: str


@dataclass(frozen=True)
class _Sign:
    """What a log says when a mode lacks something; the pattern's group names what was missing."""

    lack: Lack
    pattern: str
    reason: str
    todo: str


_VERSION = "the {} of this machine may be of another version than the image's"
_ABSENT = "{} is not on this machine, and the image may have it"
_DENIED = "a program could not write to {}, where the platform's worker may let it"
_OFFLINE = "a program wanted the network ({}), and this mode has none"
# Repetitions are bounded: a log may be one line of any length.
_SIGNS = (
    _Sign("packages", r"cannot import name '\w+' from '([\w.]+)' \(.{,300}site-packages",
          _VERSION, _IMAGE),
    _Sign("packages", r"AttributeError: module '([\w.]+)' has no attribute", _VERSION, _IMAGE),
    _Sign("packages", r"(\S{1,99}): cannot open shared object file", _ABSENT, _IMAGE),
    _Sign("packages", r"\[Errno 2\][^\n]{,200}?: '(/(?:usr|opt|var|etc|srv|lib|bin)/[^'\n]*)'",
          _ABSENT, _IMAGE),
    _Sign("packages", r"there is no package called .(\w+)", _ABSENT, _IMAGE),
    _Sign("packages", r"(?m)(\S{1,99}): (?:command )?not found$", _ABSENT, _IMAGE),
    _Sign("packages", r"in _execute_child\n(?:.*\n){,40}?FileNotFoundError: .*?'([^'\n]+)'",
          _ABSENT, _IMAGE),
    _Sign("pip", r"No matching distribution found for (\S+)", "pip may not install {} here",
          "pip install it, or use --install, which lets the programs install, or --mode container"),
    _Sign("network", r"(gaierror|\[Errno -[2-5]\]|\[Errno 101\]|Could not resolve host)",
          _OFFLINE, _NETWORK),
    _Sign("network", r"(Network is unreachable|Temporary failure in name resolution)",
          _OFFLINE, _NETWORK),
    _Sign("writing", r"\[Errno (?:13|30)\][^:\n]*: '(/[^'\n]+)'", _DENIED, _WRITING),
    _Sign("writing", r"(?:(/[^\s':]{1,98})[':]* )?Read-only file system", _DENIED, _WRITING),
)  # fmt: skip
_MODULE = re.compile(r"ModuleNotFoundError: No module named '?([\w.]+)")
_APP_PATH = re.compile(r"\[Errno 2\][^\n]*?: '(/app/[^'\n]*)'")


def doubts(
    lacks: frozenset[Lack], named: Sequence[AppPath], log: str, own: frozenset[str]
) -> Iterator[Doubt]:
    """Give the limits that the log of a failed run shows.

    Args:
        lacks: what the mode lacks of the platform.
        named: /app paths that the programs name themselves.
        log: what the programs printed.
        own: modules of the submission and the programs, which no image brings.
    """
    if "app" in lacks:
        yield from _app_doubts(named, log)
    if "packages" in lacks:
        modules = dict.fromkeys(name.split(".")[0] for name in _MODULE.findall(log))
        for module in modules:
            if module not in own | _NEVER_INSTALLED:
                yield missing_package(packages_of(module)[0])
    for sign in _SIGNS:
        found = re.search(sign.pattern, log) if sign.lack in lacks else None
        what = (found[1] or "a file") if found else ""
        if what and what.split(".")[0] not in own:
            yield Doubt(sign.reason.format(what), sign.todo)


def _app_doubts(named: Sequence[AppPath], log: str) -> Iterator[Doubt]:
    """Give the /app path that the code names, or else the one that a program looked for."""
    why = "and --mode subprocess has no /app"
    if named:
        more = f" ({len(named) - 1} more files name others)" if len(named) > 1 else ""
        yield Doubt(f"{named[0]}{more}, {why}", _REAL_APP)
    elif found := _APP_PATH.search(log):
        yield Doubt(f"a program looked for {found[1]}, {why}", _REAL_APP)


def missing_package(name: str) -> Doubt:
    """Say that a package is not here, and the ways to get it."""
    return Doubt(
        f"the package {name} is not installed here, and the platform may have it or install it",
        f"pip install {name}; or --install, which installs what requirements.txt names; or "
        "--mode container, which runs in the bundle's image",
    )


def doubts_of_requirements(unmet: Sequence[UnmetRequirement]) -> Iterator[Doubt]:
    """Give the requirements of the submission that are missing here."""
    for item in unmet:
        if item.installed is None:
            yield missing_package(item.requirement)


def doubts_of_outcomes(lacks: frozenset[Lack], outcomes: Sequence[Outcome]) -> Iterator[Doubt]:
    """Give the kit's own limits that programs met, which the platform does not have."""
    for outcome in outcomes:
        if outcome.stop is Stop.MEMORY:
            yield Doubt("the limit of memory is the kit's own", "allow more with --memory")
        elif outcome.stop is Stop.OUTPUT:
            yield Doubt("the limit of output is the kit's own", "write less to /app/output")
        elif outcome.exit_status == _NOT_FOUND and "packages" in lacks:
            yield Doubt("a command was not found here, and the image may have it", _IMAGE)


def read_logs(folder: Path) -> str:
    """Return the ends of all logs in a folder as one text."""
    texts = []
    for path in sorted(folder.glob("*.txt")):
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _MOST_BYTES))
            texts.append(stream.read().decode("utf-8", "replace"))
    return "\n".join(texts)


def modules_in(folders: Sequence[Path]) -> frozenset[str]:
    """Return the names of Python modules and packages in folders, at any depth."""
    found: set[str] = set()
    for folder in folders:
        for path in folder.rglob("*.py"):
            found |= {path.stem, path.parent.name}
    return frozenset(found)
