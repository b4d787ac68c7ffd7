"""Copies of shared packages compared with their sources and with VENDORED.json."""

from __future__ import annotations

from collections.abc import Iterator

from kit.checks.submission.subject import Subject
from kit.errors import KitError
from kit.findings.finding import Finding, shown
from kit.vendoring.record import VENDORED_FILE, VendoredUnusable
from kit.vendoring.vendor import UNUSED, Difference, differences, shared_folders


def check_vendored(subject: Subject) -> Iterator[Finding]:
    """The copies are those of `_shared` next to a folder; in a zip, those of VENDORED.json."""
    submission = subject.submission
    shared = [] if submission.is_zip else shared_folders(submission.path)
    try:
        found = differences(subject.root, shared)
    except VendoredUnusable as error:
        yield Finding("vendored-malformed", VENDORED_FILE, error.message)
        return
    except KitError as error:
        yield Finding("vendored-differs", VENDORED_FILE, error.message)
        return
    kinds: dict[str, list[Difference]] = {}
    for difference in found:
        kinds.setdefault(difference.kind, []).append(difference)
    for kind, group in kinds.items():
        file = VENDORED_FILE if kind == UNUSED else group[0].path
        paths = shown([difference.path for difference in group])
        yield Finding("vendored-differs", file, f"{group[0].reason}: {paths}")
