"""Names in requirements.txt that pip does not have, or that need what the platform lacks."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import canonicalize_name

from kit.contract import REQUIREMENTS_FILE
from kit.findings.finding import Finding
from kit.package_names import (
    is_not_in_pip,
    is_part_of_python,
    package_meant,
    without_screen,
)
from kit.requirements import Line


def name_problem(line: Line, spelled: Mapping[str, str] | None) -> Finding | None:
    """Say what is wrong with the name of a requirement, and the right one.

    Args:
        line: of requirements.txt.
        spelled: the organiser's whitelist by canonical name, None where any package is allowed.
    """
    if line.requirement is None:
        return None
    name = line.requirement.name
    if meant := package_meant(name):
        return _meant(line, meant, spelled)
    # An organiser who lists such a name has it in the image.
    if is_not_in_pip(name) and canonicalize_name(name) not in (spelled or {}):
        found = f"pip has no package {name}, or another of that name; copy the code that you need"
        return _finding("requirement-name", line, found)
    if is_part_of_python(name):
        return _finding("requirement-name", line, f"{name} is a part of Python; remove the line")
    return _screen(line, spelled)


def _meant(line: Line, meant: str, spelled: Mapping[str, str] | None) -> Finding:
    assert line.requirement is not None
    name = line.requirement.name
    if spelled is not None and canonicalize_name(meant) not in spelled:
        found = f"pip's name for {name} is {meant}, which is not on the organiser's whitelist"
        return _finding("requirement-not-allowed", line, found)
    right = meant if spelled is None else spelled[canonicalize_name(meant)]
    found = f"pip has no package {name} that works; write `{_with_version(line, right)}`"
    return _finding("requirement-name", line, found)


def _screen(line: Line, spelled: Mapping[str, str] | None) -> Finding | None:
    """Say which package needs no screen, unless the organiser lists the one that does."""
    assert line.requirement is not None
    name = line.requirement.name
    if spelled is not None and canonicalize_name(name) in spelled:
        return None
    choices = without_screen(name)
    right = next((item for item in choices if spelled is None or item in spelled), None)
    if right is None:
        return None
    found = f"{name} needs libGL, a library for screens; write `{_with_version(line, right)}`"
    code = "requirement-headless" if spelled is None else "requirement-name"
    return _finding(code, line, found)


def _with_version(line: Line, right: str) -> str:
    """Return the right name with the version that the line pins, if it is one of that package."""
    pins = [] if line.requirement is None else list(line.requirement.specifier)
    if len(pins) == 1 and pins[0].operator == "==" and not pins[0].version.startswith("0.0"):
        return f"{right}=={pins[0].version}"
    return right


def _finding(code: str, line: Line, found: str) -> Finding:
    return Finding(code, REQUIREMENTS_FILE, found, line.number)
