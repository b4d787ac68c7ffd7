"""requirements.txt compared with the whitelist: as the strictest organiser does, and properly.

The strict rule is `install_from_whitelist` of Imageomics/HDR-anomaly-challenge: each line, cut at
`==`, has to be a line of whitelist.txt, letter for letter; comments and blank lines end the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from kit.checks.submission.conflicts import exclusions
from kit.checks.submission.requirement_names import name_problem
from kit.checks.submission.subject import Subject
from kit.checks.submission.version_ranges import without_builds
from kit.contract import REQUIREMENTS_FILE
from kit.findings.finding import CheckResult, Finding, Skipped
from kit.requirements import Line, installed_version, read_requirements, unmet_requirements


def requirement_lines(subject: Subject) -> list[Line]:
    """Read the submission's requirements.txt; empty where it has none."""
    path = subject.files.get(REQUIREMENTS_FILE)
    return [] if path is None else read_requirements(path)


def check_requirements(subject: Subject) -> Iterator[CheckResult]:
    """Each line against the organiser's whitelist, by the organiser's rule and properly."""
    path = subject.files.get(REQUIREMENTS_FILE)
    if path is None:
        return
    if found := _encoding(path.read_bytes()):
        yield Finding("requirement-encoding", REQUIREMENTS_FILE, found)
        return
    lines = requirement_lines(subject)
    allowed = None if subject.whitelist is None else _whitelist_lines(subject.whitelist)
    spelled = None if allowed is None else _spelled(allowed)
    if allowed is None:
        yield Skipped(
            "requirements against the whitelist",
            "the organiser's ingestion program has no whitelist.txt",
            "kit check NAME --bundle BUNDLE, a bundle whose ingestion program has one",
        )
    for line in lines:
        if finding := name_problem(line, spelled) or (allowed is not None and _line(line, allowed)):
            yield finding
    yield from _together(lines)
    for unmet in unmet_requirements(subject.root):
        if unmet.installed is not None:
            yield Finding("requirement-differs-here", REQUIREMENTS_FILE, str(unmet))


def _whitelist_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").split("\n")


def whitelist(subject: Subject) -> dict[str, str] | None:
    """Return the packages that the organiser allows, by canonical name; None where any is."""
    return None if subject.whitelist is None else _spelled(_whitelist_lines(subject.whitelist))


def _spelled(allowed: list[str]) -> dict[str, str]:
    return {canonicalize_name(name): name for name in allowed if name}


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16, expected UTF-8 without a byte order mark"
    if data.startswith(b"\xef\xbb\xbf"):
        return "begins with a byte order mark, which becomes part of the first name"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start})"
    return ""


def passes(text: str, allowed: list[str]) -> bool:
    """Apply the organiser's own rule to one line of requirements.txt, without its line break."""
    parts = text.split("==")
    if len(parts) == 2:
        try:
            Version(parts[1])
        except InvalidVersion:
            return False
    return parts[0] in allowed


def _line(line: Line, allowed: list[str]) -> Finding | None:
    text = line.text

    def finding(code: str, found: str) -> Finding:
        return Finding(code, REQUIREMENTS_FILE, found, line.number)

    if not line.content:
        what = "a comment" if text.strip() else "a blank line"
        return finding("requirement-line", f"{what}, which the organiser takes for a package")
    if line.requirement is None:
        return finding("requirement-malformed", f"{text!r} is not NAME or NAME==VERSION")
    name = _spelled(allowed).get(canonicalize_name(line.requirement.name))
    if name is None:
        found = f"{line.requirement.name} is not on the organiser's whitelist"
        return finding("requirement-not-allowed", found)
    if not passes(text, allowed):
        found = f"{text!r} does not pass the organiser's reader; write `{_spelling(line, name)}`"
        return finding("requirement-spelling", found)
    return None


def _spelling(line: Line, name: str) -> str:
    """Return the spelling that passes: the organiser's name, with a version where one is meant."""
    assert line.requirement is not None
    specifiers = list(line.requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator == "==" and "*" not in str(specifiers[0]):
        return f"{name}=={specifiers[0].version}"
    installed = installed_version(line.requirement.name)
    if specifiers and installed and line.requirement.specifier.contains(installed):
        return f"{name}=={installed}"
    return name


def _together(lines: list[Line]) -> Iterator[Finding]:
    """Packages that are listed twice, or that cannot be installed with the others."""
    named: dict[str, list[Line]] = {}
    for line in lines:
        if line.requirement and line.applies:
            named.setdefault(canonicalize_name(line.requirement.name), []).append(line)
    excluded = set()
    for name, why in exclusions({name: _asked(group) for name, group in named.items()}):
        excluded.add(name)
        number = named[name][-1].number
        yield Finding("requirement-conflict", REQUIREMENTS_FILE, why, number)
    for name, group in named.items():
        if len(group) > 1 and name not in excluded:
            found = f"{name} is listed {len(group)} times"
            yield Finding("requirement-duplicate", REQUIREMENTS_FILE, found)


def _asked(lines: list[Line]) -> SpecifierSet:
    specifiers = [str(line.requirement.specifier) for line in lines if line.requirement]
    return without_builds(",".join(filter(None, specifiers)))


def pinned_version(subject: Subject, name: str) -> str | None:
    """Return the version that requirements.txt pins with `==`, None where it pins none."""
    for line in requirement_lines(subject):
        if line.requirement and canonicalize_name(line.requirement.name) == name:
            for specifier in line.requirement.specifier:
                if specifier.operator == "==" and "*" not in specifier.version:
                    return specifier.version
    return None


def asked_for(subject: Subject, name: str) -> SpecifierSet | None:
    """Return the versions of a package that requirements.txt allows, None where it names none."""
    lines = [
        line
        for line in requirement_lines(subject)
        if line.requirement and line.applies and canonicalize_name(line.requirement.name) == name
    ]
    return _asked(lines) if lines else None
