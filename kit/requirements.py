"""requirements.txt: the kit's one reader, and what of it is not met here.

It reads as the ingestion program does (wildlife_ingestion/requirements.py), which runs on the
platform without the kit; a test compares the two on awkward files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from kit.contract import REQUIREMENTS_FILE

_COMMENT = re.compile(r"(^|\s)#.*$")
# An option of pip, an address or a path: pip would take it, the platform's readers do not.
_NOT_A_PACKAGE = re.compile(r"-|.*://|[./~]|.*\.(whl|zip|tar\.gz)$|.*\s--\w", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A line of requirements.txt, with those that `\\` joins to it.

    `number` counts from 1, `text` is the line as it stands in the file, `content` the same without
    comment and joined; `requirement` is None where the content is not one.
    """

    number: int
    text: str
    content: str
    requirement: Requirement | None

    @property
    def applies(self) -> bool:
        """Whether the line asks for a package here: its environment marker holds."""
        if self.requirement is None:
            return False
        return self.requirement.marker is None or self.requirement.marker.evaluate()


def read_requirements(path: Path) -> list[Line]:
    """Read every line, comments and blank lines too; none where the file is missing."""
    if not path.is_file():
        return []
    lines = []
    start, texts = 1, list[str]()
    physical = _decode(path.read_bytes()).splitlines()
    for number, text in enumerate(physical, start=1):
        texts.append(text)
        # As in pip, a line that is only a comment never continues on the next one, and stays a
        # comment where one before it continues.
        is_comment = text.lstrip().startswith("#")
        goes_on = text.endswith("\\") and not is_comment
        if not goes_on or number == len(physical):
            before = "".join(part.removesuffix("\\") for part in texts[:-1])
            joined = before + (" " if is_comment else "") + text.removesuffix("\\")
            content = _COMMENT.sub("", joined).strip()
            lines.append(Line(start, "\n".join(texts), content, _parse(content)))
            start, texts = number + 1, []
    return lines


def _decode(data: bytes) -> str:
    # `pip freeze > requirements.txt` in PowerShell writes UTF-16.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding, errors="replace")


def _parse(content: str) -> Requirement | None:
    if _NOT_A_PACKAGE.match(content):
        return None
    try:
        return Requirement(content)
    except InvalidRequirement:
        return None


@dataclass(frozen=True)
class UnmetRequirement:
    """A requirement that this environment does not meet; `installed` is None where missing."""

    requirement: str
    installed: str | None

    def __str__(self) -> str:
        if self.installed is None:
            return f"{self.requirement}: not installed"
        return f"{self.requirement}: {self.installed} is installed"


def unmet_requirements(folder: Path) -> list[UnmetRequirement]:
    """List the requirements of a submission that this environment does not meet.

    Lines that are not requirements are left to the ingestion program, which refuses them.
    """
    unmet = []
    for line in read_requirements(folder / REQUIREMENTS_FILE):
        if line.requirement is None or not line.applies:
            continue
        installed = installed_version(line.requirement.name)
        specifier = line.requirement.specifier
        if installed is None or not specifier.contains(installed, prereleases=True):
            unmet.append(UnmetRequirement(str(line.requirement), installed))
    return unmet


def installed_version(name: str) -> str | None:
    """Return the installed version of a distribution, None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
