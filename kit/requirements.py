"""What a submission asks for in requirements.txt, beside what is installed here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from kit.contract import REQUIREMENTS_FILE


@dataclass(frozen=True)
class Unmet:
    """A requirement that this environment does not meet; `installed` is None where missing."""

    requirement: str
    installed: str | None

    def __str__(self) -> str:
        if self.installed is None:
            return f"{self.requirement}: not installed"
        return f"{self.requirement}: {self.installed} is installed"


def unmet(folder: Path) -> list[Unmet]:
    """The requirements of a submission that this environment does not meet.

    Lines that are not requirements are left to the ingestion program, which refuses them.
    """
    path = folder / REQUIREMENTS_FILE
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        try:
            requirement = Requirement(line.split(" #")[0].strip())
        except InvalidRequirement:
            continue
        if requirement.marker and not requirement.marker.evaluate():
            continue
        installed = installed_version(requirement.name)
        if installed is None or not requirement.specifier.contains(installed, prereleases=True):
            found.append(Unmet(str(requirement), installed))
    return found


def installed_version(name: str) -> str | None:
    """The installed version of a distribution, None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
