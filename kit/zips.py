"""Zips: the ones that come from outside, opened safely, and the ones the kit writes.

A zip is unpacked with Python's `zipfile`, as the worker does: execution bits are lost and a
link becomes a text file. What the worker would unpack into something else than its author
meant (a parent folder, `..`, an absolute path) is refused here with a message instead.
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
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from kit.contract import (
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    MAX_ZIP_ENTRIES,
    SMALL_ENOUGH_BYTES,
)
from kit.errors import KitError, UsageProblem
from kit.files import WriteFailed, replacing
from kit.trees import open_regular, read_problem, regular_items, strange_files

# 1980 is the first year that a zip can hold; a fixed time makes equal content equal bytes.
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_SHOWN, _SHOWN_CHARACTERS = 5, 80
# The longest name of a file and the longest path on Linux, in bytes.
_LONGEST_NAME, _LONGEST_PATH = 255, 4095
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


@dataclass(frozen=True)
class Refusal:
    """A reason to refuse a zip from outside: its code in `kit check`, and what was found."""

    code: str
    text: str


def inspect(archive: zipfile.ZipFile, must_hold: tuple[str, ...] = ()) -> list[Refusal]:
    """List every reason to refuse a zip from outside; an empty list means a good one."""
    infos = archive.infolist()
    if len(infos) > MAX_ZIP_ENTRIES:
        text = f"{len(infos):,} entries; at most {MAX_ZIP_ENTRIES:,} are unpacked"
        return [Refusal("zip-unsafe", text)]
    names = [info.filename for info in infos]
    files = unpacked_files(archive)
    refusals = [
        *_size_refusals(infos),
        *_listed(
            "zip-encrypted", "encrypted entries", [i.filename for i in infos if i.flag_bits & 0x1]
        ),
        *_listed("zip-unsafe", "entries without a name", _without_name(infos)),
        *_listed(
            "zip-escape", "names that lead out of the folder", [n for n in names if _escapes(n)]
        ),
        *_listed(
            "zip-backslash",
            "names with a backslash, one flat file on Linux",
            _with_backslash(infos),
        ),
        *_listed(
            "zip-link", "links, which become text files", [i.filename for i in infos if _is_link(i)]
        ),
        *_listed("zip-duplicate", "names that appear more than once", _twice(names, files)),
        *_listed(
            "zip-unsafe",
            f"names that are too long for a file ({_LONGEST_NAME} bytes, a path {_LONGEST_PATH:,})",
            [name for name in names if _is_too_long(name)],
        ),
        *_listed("zip-unsafe", "files that are folders too", _files_and_folders(names, files)),
    ]
    if not files:
        refusals.append(Refusal("zip-empty", "no file in it"))
    elif must_hold and not refusals:
        refusals += _root_refusals(files, must_hold)
    return refusals


def as_unpacked(name: str) -> str:
    """Return the path to which `zipfile.extractall` unpacks an entry: ./model.py is model.py."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def unpacked_files(archive: zipfile.ZipFile) -> list[str]:
    """Return the path of every file, folders left out, as unpacking writes it."""
    # ZipInfo.is_dir raises where a name is empty.
    names = [info.filename for info in archive.infolist()]
    return [as_unpacked(name) for name in names if not name.endswith("/")]


def _without_name(infos: list[zipfile.ZipInfo]) -> list[str]:
    # "./" is the folder itself, which some zip programs write down.
    names = [info.filename for info in infos]
    return [n for n in names if not n.strip("/") or not (as_unpacked(n) or n.endswith("/"))]


def _twice(names: list[str], files: list[str]) -> list[str]:
    entries = [name for name, count in Counter(names).items() if count > 1]
    unpacked = [name for name, count in Counter(files).items() if count > 1]
    return list(dict.fromkeys([*entries, *unpacked]))


def _is_too_long(name: str) -> bool:
    path = os.fsencode(name)
    return len(path) > _LONGEST_PATH or any(len(p) > _LONGEST_NAME for p in path.split(b"/"))


def _files_and_folders(names: list[str], files: list[str]) -> list[str]:
    folders = {str(parent) for file in files for parent in PurePosixPath(file).parents}
    folders |= {as_unpacked(name) for name in names if name.endswith("/")}
    return [name for name in dict.fromkeys(files) if name and name in folders]


def _size_refusals(infos: list[zipfile.ZipInfo]) -> list[Refusal]:
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_UNPACKED_BYTES:
        text = f"would unpack to {unpacked:,} bytes; at most {MAX_UNPACKED_BYTES:,} are unpacked"
        return [Refusal("zip-too-large", text)]
    packed = max(1, sum(info.compress_size for info in infos))
    if unpacked > SMALL_ENOUGH_BYTES and unpacked > MAX_RATIO * packed:
        text = (
            f"would unpack to {unpacked / packed:,.0f} times its size, {unpacked:,} bytes; at most "
            f"{MAX_RATIO} times is unpacked, for images and weights shrink little"
        )
        return [Refusal("zip-too-large", text)]
    return []


def _escapes(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    return path.is_absolute() or ".." in path.parts or drive or "\0" in name


def _with_backslash(infos: list[zipfile.ZipInfo]) -> list[str]:
    # On Windows zipfile has already turned them into slashes; orig_filename has not changed.
    return [i.orig_filename for i in infos if "\\" in i.orig_filename and not _escapes(i.filename)]


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)


def _root_refusals(names: list[str], must_hold: tuple[str, ...]) -> list[Refusal]:
    if set(must_hold) & set(names):
        return []
    wanted = " or ".join(must_hold)
    nested = [n for n in names if PurePosixPath(n).name in must_hold and "__MACOSX" not in n]
    if nested:
        folder = PurePosixPath(nested[0]).parent
        text = f"{wanted} found under {folder}/, expected at the root of the zip"
    else:
        text = f"{wanted} expected at the root of the zip, found nowhere in it"
    return [Refusal("zip-root", text)]


def _listed(code: str, what: str, names: list[str]) -> list[Refusal]:
    if not names:
        return []
    shown = ", ".join(_short(name) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [Refusal(code, f"{what}: {shown}{more}")]


def _short(name: str) -> str:
    return repr(name if len(name) <= _SHOWN_CHARACTERS else f"{name[:_SHOWN_CHARACTERS]}...")


def tree_entries(folder: Path) -> list[Entry]:
    """All files below a folder as zip entries, links followed as a zip program would.

    Raises:
        StrangeFiles: something below it is no regular file that can be read; all are named.
    """
    entries = [Entry(item.name, item.path) for item in regular_items(folder)]
    return sorted(entries, key=lambda entry: entry.name)
