"""The zip as it is: its name, its root, what is in it that nobody meant to upload."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from kit.contract import MAX_ZIP_NAME, MODEL_FILE
from kit.findings.finding import Finding, shown
from kit.packing.shipping import has_junk, is_secret
from kit.zip_inspection import inspect, unpacked_files
from kit.zips import ZIP_ERRORS


def check_zip(path: Path, root_file: str = MODEL_FILE) -> Iterator[Finding]:
    """Check everything of a zip that needs no unpacking.

    Args:
        path: the zip.
        root_file: what has to be at its root.
    """
    yield from check_name(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            refusals = inspect(archive)
            for refusal in refusals:
                yield Finding(refusal.code, path.name, refusal.text)
            names = unpacked_files(archive)
            if not refusals:
                yield from _damage(archive, path.name)
    except (*ZIP_ERRORS, OSError) as error:
        yield Finding("zip-damaged", path.name, f"does not read as a zip: {error}")
        return
    yield from _root(path.name, names, root_file)
    yield from _junk(path.name, names)
    for name in names:
        if is_secret(PurePosixPath(name).name):
            yield Finding("secret-file", name, "has a name under which people keep secrets")


def check_name(name: str) -> Iterator[Finding]:
    """Say whether the platform takes a zip of that name."""
    if not name.endswith(".zip"):
        yield Finding("zip-name", name, "the upload form takes names that end in .zip only")
    if len(name) > MAX_ZIP_NAME:
        yield Finding("zip-name", name, f"{len(name)} characters; at most {MAX_ZIP_NAME} fit")


def _damage(archive: zipfile.ZipFile, name: str) -> Iterator[Finding]:
    before = min((info.header_offset for info in archive.infolist()), default=0)
    if before:
        # A cut zip can end in the directory of a zip within it, such as an npz.
        found = f"{before:,} bytes before its first entry: cut off, or not a plain zip"
        yield Finding("zip-damaged", name, found)
        return
    try:
        broken = archive.testzip()
    except (*ZIP_ERRORS, OSError) as error:
        yield Finding("zip-damaged", name, f"cannot be unpacked: {error}")
        return
    if broken is not None:
        yield Finding("zip-damaged", name, f"the content of {broken} does not fit its checksum")


def _root(archive: str, names: list[str], root_file: str) -> Iterator[Finding]:
    if not names or root_file in names:
        return
    nested = [n for n in names if PurePosixPath(n).name == root_file and "__MACOSX" not in n]
    if nested:
        found = f"{root_file} is under {PurePosixPath(nested[0]).parent}/, expected at the root"
        yield Finding("zip-root", archive, found)


def _junk(archive: str, names: list[str]) -> Iterator[Finding]:
    junk = [name for name in names if has_junk(name)]
    if junk:
        yield Finding("zip-junk", archive, f"files that nobody meant to upload: {shown(junk)}")
