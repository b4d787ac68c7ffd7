"""Zips: the ones that come from outside, opened safely, and the ones the kit writes.

A zip is unpacked with Python's `zipfile`, as the worker does: execution bits are lost and a
link becomes a text file. `kit.zip_inspection` says what is refused.
"""

from __future__ import annotations

import errno
import hashlib
import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kit.errors import KitError, UsageProblem
from kit.files import WriteFailed, replacing
from kit.trees import open_regular, read_problem, regular_items, strange_files
from kit.zip_inspection import inspect

# 1980 is the first year that a zip can hold; a fixed time makes equal content equal bytes.
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
# What the file system answers to names that are too long, or a file and a folder at once. An
# error without a number comes from a decompressor.
_NAME_ERRORS = (
    None, errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EINVAL, errno.EILSEQ,
)  # fmt: skip

# What zipfile and the decompressors raise for a zip that is damaged or of an unknown kind.
ZIP_ERRORS = (
    zipfile.BadZipFile, EOFError, UnicodeDecodeError, NotImplementedError, RuntimeError,
    struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A file on its way into a zip: the name inside and where its bytes are."""

    name: str
    path: Path


def write_zip(entries: Iterable[Entry], target: Path) -> str:
    """Write a zip whose bytes depend on names and contents only; return its sha256.

    Entries are sorted, times and modes are fixed, and nothing is compressed: the output of
    zlib differs between builds of Python, and weights do not shrink.

    Raises:
        StrangeFiles: entries are no regular files or cannot be read; all of these are named.
        WriteFailed: the disk does not take the zip.
    """
    problems: list[str] = []
    with replacing(target, "the zip") as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for entry in sorted(entries, key=lambda item: item.name):
                try:
                    source = open_regular(entry.path)
                except OSError as error:
                    problems.append(read_problem(entry.path, error))
                    continue
                with source:
                    _add(archive, entry.name, source)
        if problems:
            raise strange_files(problems)
        digest = sha256_of(temporary)
    return digest


def _add(archive: zipfile.ZipFile, name: str, source: BinaryIO) -> None:
    info = zipfile.ZipInfo(name, _FIXED_TIME)
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.create_system = 3  # Unix, whatever this machine is
    info.file_size = os.fstat(source.fileno()).st_size  # lets zipfile choose zip64 itself
    with archive.open(info, "w") as out:
        shutil.copyfileobj(source, out, 1 << 20)


def zip_size(entries: Iterable[Entry]) -> int:
    """Return the size in bytes of the zip that `write_zip` would make, without making it."""
    total = 22  # end of central directory
    for entry in entries:
        name_bytes = len(entry.name.encode())
        total += entry.path.stat().st_size + 30 + 46 + 2 * name_bytes
    return total


def sha256_of(path: Path) -> str:
    """Return the sha256 of a regular file, in hexadecimal."""
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def is_plain(path: Path) -> bool:
    """Say whether a path is a file that no worker can unpack; the name's ending tells nothing.

    A file that is called .zip counts as one: what is wrong with it is for `unpack` to say.
    """
    return path.is_file() and path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path)


def unpack(
    archive_path: Path, target: Path, must_hold: tuple[str, ...] = (), made_by: str = ""
) -> None:
    """Unpack a zip from outside into a new folder, after looking at every name in it.

    Args:
        archive_path: the zip.
        target: the folder to make; it appears whole or not at all.
        must_hold: names of which one has to be at the zip's root (empty: no rule).
        made_by: the command of the kit that makes such a zip.

    Raises:
        KitError: not a zip, corrupt, encrypted, unsafe names, too large, or nothing of
            `must_hold` at its root. Every problem found is named.
    """
    try:
        with open_regular(archive_path) as stream, zipfile.ZipFile(stream) as archive:
            refusals = inspect(archive, must_hold)
            if refusals:
                raise KitError(
                    f"{archive_path}: this zip cannot be used",
                    [refusal.text for refusal in refusals],
                    zip_contents(made_by),
                )
            _extract(archive, archive_path, target)
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError) as error:
        raise KitError(
            f"{archive_path}: expected a zip file, found something that does not read as one "
            f"({error})",
            hint="make the zip again and check that it was copied whole",
        ) from error
    except ZIP_ERRORS as error:
        raise KitError(f"{archive_path}: Python's zipfile cannot unpack it: {error}") from error


def refuse_plain_file(path: Path, expected: str) -> None:
    """Refuse a file that is no zip and does not call itself one, such as a model.py.

    Raises:
        UsageProblem: it says that `expected` was expected, and names the file's folder.
    """
    if path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path):
        raise UsageProblem(
            f"{path}: expected {expected}, found a file that is no zip",
            hint=f"name the folder that holds it: {path.parent}",
        )


def zip_contents(made_by: str) -> str:
    """Return what to do about a zip with a folder around everything, or with odd names."""
    does = f": `{made_by}` does it" if made_by else ""
    return f"zip the contents of the folder, not the folder{does}"


def _extract(archive: zipfile.ZipFile, archive_path: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        archive.extractall(temporary)
        temporary.rename(target)
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise KitError(f"{archive_path}: the zip is damaged: {error}") from error
    except ValueError as error:
        raise KitError(f"{archive_path}: a name in the zip cannot be a file: {error}") from error
    except OSError as error:
        if error.errno not in _NAME_ERRORS:
            raise WriteFailed(target, f"the content of {archive_path}", error) from error
        raise KitError(
            f"{archive_path}: the names in the zip do not fit together as files: {error.strerror}"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def tree_entries(folder: Path) -> list[Entry]:
    """All files below a folder as zip entries, links followed as a zip program would.

    Raises:
        StrangeFiles: something below it is no regular file that can be read; all are named.
    """
    entries = [Entry(item.name, item.path) for item in regular_items(folder)]
    return sorted(entries, key=lambda entry: entry.name)
