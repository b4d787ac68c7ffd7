"""Read the submission's requirements.txt, compare it with the whitelist, install what is missing.

The official program compares the text before `==` with the whitelist and calls pip for every
line; here names are normalised, any version range is understood, and pip is called at most once.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from wildlife_ingestion.errors import IngestionError, bullets, counted

FORM = "one package a line, such as scikit-learn or numpy>=1.26,<3"


@dataclass(frozen=True)
class Unmet:
    """A requirement that the environment does not satisfy; `installed` is None if it is absent."""

    requirement: Requirement
    installed: str | None

    def __str__(self) -> str:
        found = "is not installed" if self.installed is None else f"found {self.installed}"
        return f"{self.requirement}: {self.requirement.name} {found}"


def read_whitelist(program_dir: Path) -> dict[str, str]:
    """Return normalised name -> name as the organisers spell it."""
    path = program_dir / "whitelist.txt"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise IngestionError(
            f"the organisers' list of allowed packages cannot be read: {path} ({error}). "
            "This is not the submission's fault; tell the organisers."
        ) from None
    names = [line.split("#")[0].strip() for line in lines]
    return {canonicalize_name(name): name for name in names if name}


def read_requirements(path: Path, whitelist: dict[str, str]) -> list[Requirement]:
    """Return the requirements of `path` whose markers hold here; [] without a file.

    Raises IngestionError with every line that cannot be accepted.
    """
    if not path.is_file():
        return []
    wanted: list[Requirement] = []
    problems: list[str] = []
    forbidden = False
    for number, text in _logical_lines(_decode(path)):
        requirement = _parse(text)
        if isinstance(requirement, str):
            problems.append(f"line {number} {text!r}: {requirement}")
        elif canonicalize_name(requirement.name) not in whitelist:
            problems.append(f"line {number} {text!r}: {requirement.name} is not on the whitelist")
            forbidden = True
        elif requirement.marker is None or requirement.marker.evaluate():
            wanted.append(requirement)
    if problems:
        allowed = "\nAllowed packages: " + ", ".join(sorted(whitelist.values(), key=str.lower))
        raise IngestionError(
            f"requirements.txt has {counted(len(problems), 'line')} that cannot be accepted "
            f"(expected: {FORM}):" + bullets(problems) + (allowed if forbidden else "")
        )
    return wanted


def _decode(path: Path) -> str:
    data = path.read_bytes()
    # `pip freeze > requirements.txt` in PowerShell writes UTF-16.
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise IngestionError(
            f"requirements.txt is not UTF-8 text (byte {error.start}): save it as UTF-8."
        ) from None


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """(number, line) without comments and blank lines, continued lines joined, as pip reads it."""
    lines: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start or number
        # As in pip, a line that is only a comment never continues on the next one, and stays a
        # comment where one before it continues.
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            pending += raw[:-1]
            continue
        lines.append((start, pending + (" " if is_comment else "") + raw))
        pending, start = "", 0
    lines.append((start, pending))
    without_comments = [(n, re.sub(r"(^|\s)#.*$", "", line).strip()) for n, line in lines]
    return [(number, line) for number, line in without_comments if line]


def _parse(text: str) -> Requirement | str:
    """Return the requirement, or why the line is refused."""
    if text.startswith("-"):
        return "an option of pip; only package names with versions are read"
    if "://" in text or re.match(r"^[./~]|.*\.(whl|zip|tar\.gz)$", text):
        return "an address or a path; only packages of the index can be installed"
    if re.search(r"\s--\w", text):
        return "an option of pip after the package; leave only name and version"
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        return "not a requirement: " + str(error).splitlines()[0]


def find_unmet(requirements: Sequence[Requirement]) -> list[Unmet]:
    """Return what the installed packages do not satisfy, the extras' packages included."""
    unmet: dict[str, Unmet] = {}
    for requirement in requirements:
        missing = _why_unmet(requirement)
        if missing is not None:
            unmet[str(requirement)] = Unmet(requirement, missing.installed)
    return list(unmet.values())


def _why_unmet(requirement: Requirement) -> Unmet | None:
    try:
        distribution = metadata.distribution(requirement.name)
    except metadata.PackageNotFoundError:
        return Unmet(requirement, None)
    if not requirement.specifier.contains(distribution.version, prereleases=True):
        return Unmet(requirement, distribution.version)
    for extra in requirement.extras:
        for line in distribution.requires or []:
            needed = Requirement(line)
            belongs = needed.marker is not None and needed.marker.evaluate({"extra": extra})
            plain = needed.marker is None or needed.marker.evaluate({"extra": ""})
            if belongs and not plain and _why_unmet(needed) is not None:
                return Unmet(requirement, f"{distribution.version} without {needed.name}")
    return None


def provide(requirements: Sequence[Requirement], install: bool) -> None:
    """Install what is not satisfied; with `install` False only report it.

    Raises IngestionError naming the packages that are missing after that.
    """
    unmet = find_unmet(requirements)
    if not unmet:
        print(f"requirements: {len(requirements)} listed, all satisfied", flush=True)
    elif install:
        _install(unmet)
    else:
        _report_without_installing(unmet)


def _install(unmet: list[Unmet]) -> None:
    wanted = [str(item.requirement) for item in unmet]
    print("requirements: installing " + ", ".join(wanted), flush=True)
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *wanted]
    status = subprocess.run(command, check=False).returncode
    importlib.invalidate_caches()
    still = find_unmet([item.requirement for item in unmet])
    if not still:
        return
    raise IngestionError(
        f"{counted(len(still), 'required package')} could not be installed "
        f"(pip ended with status {status}; is there a network?):"
        + bullets([str(item) for item in still])
        + "\nRequire what the platform's image already has, or a version that pip can find."
    )


def _report_without_installing(unmet: list[Unmet]) -> None:
    missing = [item for item in unmet if item.installed is None]
    for item in unmet:
        if item.installed is not None:
            print(
                f"WARNING: requirements.txt asks for {item.requirement}, installed is "
                f"{item.requirement.name} {item.installed}; continuing with the installed one",
                flush=True,
            )
    if missing:
        names = " ".join(item.requirement.name for item in missing)
        raise IngestionError(
            f"{counted(len(missing), 'required package')} missing, and this run may not install:"
            + bullets([str(item) for item in missing])
            + f"\nInstall it yourself (pip install {names}), or let the run do it: "
            "kit run --install"
        )
