"""Questions about the versions that specifiers allow, without a list of what was released."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

_LATEST = "99999"
_BUILD = re.compile(r"\+[\w.]+")


def without_builds(text: str) -> SpecifierSet:
    """Return specifiers without what follows a `+`: 2.6.0+cpu is a build of 2.6.0."""
    return SpecifierSet(_BUILD.sub("", text))


def allows_from(allowed: SpecifierSet, first: str) -> bool:
    """Say whether a version that is `first` or later is allowed."""
    around = [*_around(Version(first)), *_probes(allowed)]
    return any(allowed.contains(v, prereleases=True) for v in around if v >= Version(first))


def is_empty(allowed: SpecifierSet) -> bool:
    """Say whether the specifiers exclude each other."""
    if any(specifier.operator == "===" for specifier in allowed):
        return False  # compares texts, which may be anything
    return not any(allowed.contains(v, prereleases=True) for v in _probes(allowed))


def _probes(allowed: SpecifierSet) -> Iterator[Version]:
    """Versions of which at least one is allowed, if any is: each border, and both sides of it."""
    yield from (Version("0"), Version(_LATEST))
    for specifier in allowed:
        try:
            yield from _around(Version(specifier.version.removesuffix(".*")))
        except InvalidVersion:
            continue


def _around(version: Version) -> Iterator[Version]:
    yield version
    yield Version(".".join(map(str, (*version.release, 0, 1))))
    release = list(version.release)
    while release and release[-1] == 0:
        release.pop()
    if release:
        below = [*release[:-1], release[-1] - 1, int(_LATEST)]
        yield Version(".".join(map(str, below)))
