"""The versions that made a pickle, compared with those that requirements.txt brings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kit.checks.submission.inert_pickle import Contents
from kit.checks.submission.requirements import asked_for, pinned_version
from kit.checks.submission.subject import Subject
from kit.checks.submission.version_ranges import allows_from
from kit.findings.finding import Finding, shown
from kit.requirements import installed_version

# NumPy 2 moved numpy.core to numpy._core, and pickles bit generators as classes.
_NUMPY_2 = re.compile(r"numpy\._core\..+|numpy\.random\._(?:pcg64|mt19937|philox|sfc64)\.[A-Z].+")
# 1.26.1 to 1.26.4 have stubs of these modules, for pickles of NumPy 2.
_STUBS = re.compile(r"numpy\._core\.(?:multiarray|_multiarray_umath|_internal|umath)\..+")
_WITH_STUBS = [f"1.26.{patch}" for patch in range(1, 5)]


def check_versions(
    subject: Subject, name: str, where: str, contents: Contents
) -> Iterator[Finding]:
    """What the names and versions inside a pickle tell about the packages that can read it."""
    for version in sorted(contents.sklearn_versions):
        yield from _scikit_learn(subject, name, where, version)
    yield from _numpy(subject, name, where, contents)


def _scikit_learn(subject: Subject, name: str, where: str, version: str) -> Iterator[Finding]:
    pin, here = pinned_version(subject, "scikit-learn"), installed_version("scikit-learn")
    if pin is None:
        found = f"{where} was made with scikit-learn {version}; requirements.txt pins no version"
        yield Finding("pickle-unpinned", name, found)
    elif pin != version:
        found = f"{where} was made with scikit-learn {version}, requirements.txt pins {pin}"
        yield Finding("sklearn-pin-differs", name, found)
    if here is not None and here != version:
        found = f"{where} was made with scikit-learn {version}, {here} is installed"
        yield Finding("sklearn-installed-differs", name, found)


def _numpy(subject: Subject, name: str, where: str, contents: Contents) -> Iterator[Finding]:
    """NumPy 2 reads the pickles of NumPy 1, but not the other way round."""
    dotted = sorted(f"{module}.{attribute}" for module, attribute in contents.names)
    newer = [text for text in dotted if _NUMPY_2.fullmatch(text)]
    asked = asked_for(subject, "numpy")
    if not newer or asked is None or allows_from(asked, "2"):
        return
    found = f"{where} was made with NumPy 2 ({shown(newer)}); requirements.txt says numpy{asked}"
    has_stubs = any(map(asked.contains, _WITH_STUBS))
    if has_stubs and all(map(_STUBS.fullmatch, newer)):
        found += ", which reads it through stubs only"
        yield Finding("numpy-made-newer", name, found)
    else:
        yield Finding("numpy-pin-older", name, f"{found}, which cannot read it")
