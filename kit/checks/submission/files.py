"""The files of a submission: what has to be there, names, sizes, secrets, metadata."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from kit.bundle_track import track_difference
from kit.bundles import Bundle
from kit.checks.submission.formats import has_format_problem
from kit.checks.submission.subject import Subject
from kit.contract import (
    METADATA_FILES,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SCORES_FILES,
)
from kit.errors import KitError
from kit.findings.finding import Finding, shown
from kit.isolation.programs import CommandProblem, command_of
from kit.packing.shipping import file_problems
from kit.submissions import metadata_of, track_problem
from kit.zips import Entry

_LONGEST_NAME = 255
# Reports of uploads that hang or answer 0.0 begin at this size (codabench#2250).
_LARGE = 1_000_000_000
_CHANGED = ("weights-size", "weights-digest")
_PLANTED = (PREDICTIONS_FILE, REPORT_FILE, *SCORES_FILES)


def check_files(subject: Subject) -> Iterator[Finding]:
    """Files that are missing, unlisted, changed, linked, or that hold secrets."""
    for problem in _problems(subject):
        path = subject.files.get(problem.file)
        # A pointer or a page has another size and digest too: `check_formats` says why.
        if path is None or problem.code not in _CHANGED or not has_format_problem(path):
            yield problem
    if not subject.submission.is_zip:
        for name in subject.submission.shipment.secrets:
            yield Finding("secret-left-behind", name, "looks like a secret and is not shipped")


def _problems(subject: Subject) -> Iterator[Finding]:
    if not subject.submission.is_zip:
        yield from subject.submission.shipment.problems
        return
    entries = [Entry(name, path) for name, path in subject.files.items()]
    yield from file_problems(subject.files, entries, subject.manifest)


def check_names(subject: Subject) -> Iterator[Finding]:
    """Names and sizes that some file system, zip program or server does not take."""
    for name in subject.files:
        if not name.isascii():
            yield Finding("name-not-ascii", name, "has letters that not every zip program keeps")
        if any(len(os.fsencode(part)) > _LONGEST_NAME for part in PurePosixPath(name).parts):
            yield Finding("name-too-long", name, f"longer than {_LONGEST_NAME} bytes")
        if name in _PLANTED and not subject.is_result:
            yield Finding("planted-output", name, "has the name of an output of the programs")
    folded = Counter(name.casefold() for name in subject.files)
    twins = [name for name in subject.files if folded[name.casefold()] > 1]
    if twins:
        yield Finding("name-case", twins[0], f"differ by case only: {shown(twins)}")
    total = sum(path.stat().st_size for path in subject.files.values())
    if total > _LARGE:
        yield Finding("size-total", "", f"{total:,} bytes; uploads above {_LARGE:,} get stuck")


def check_metadata(subject: Subject) -> Iterator[Finding]:
    """The metadata file as the worker reads it."""
    name = next((name for name in METADATA_FILES if name in subject.files), None)
    if name is None:
        return
    try:
        command = command_of(subject.root)
    except KitError as error:
        is_command = isinstance(error, CommandProblem)
        code = "metadata-command" if is_command else "metadata-malformed"
        yield Finding(code, name, error.message.removeprefix(f"{name}: "))
        return
    if command:
        found = (
            "has a `command`; the platform would run it next to the ingestion program. Remove the "
            "command"
        )
        yield Finding("metadata-command", name, found)


def check_track(subject: Subject, bundle: Bundle | None) -> Iterator[Finding]:
    """The track is one that the kit knows, or with a bundle one that does not contradict it."""
    name = next((name for name in METADATA_FILES if name in subject.files), None)
    if name is None or subject.is_result or not _reads_as_yaml(subject):
        return  # `check_metadata` and `check_files` say it
    track = metadata_of(subject.root).get("track")
    if bundle is not None:
        if difference := track_difference(track, bundle):
            yield Finding("track-differs", name, difference)
    elif problem := track_problem(track):
        yield Finding("track-unknown", name, f"{problem}; no --bundle is given")


def _reads_as_yaml(subject: Subject) -> bool:
    try:
        command_of(subject.root)
    except CommandProblem:
        return True
    except KitError:
        return False
    return True
