"""Look at the entries of a zip from outside, before anything is unpacked.

What the worker would unpack into something else than its author meant (a parent folder, `..`, a
link, a name that no file can have) is refused with a message.
"""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from kit.contract import (
    MAX_RATIO,
    MAX_UNPACKED_BYTES,
    MAX_ZIP_ENTRIES,
    SMALL_ENOUGH_BYTES,
)

_SHOWN, _SHOWN_CHARACTERS = 5, 80
# The longest name of a file and the longest path on Linux, in bytes.
_LONGEST_NAME, _LONGEST_PATH = 255, 4095


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
    path = name.encode("utf-8", "replace")
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
