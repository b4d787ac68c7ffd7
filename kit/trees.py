"""Walk a folder that may hold anything, and meet only regular files.

Opening a pipe waits for ever, a dangling link or a socket is an error half-way. So every digest,
copy and zip of a folder goes through `walk`, which opens nothing, and `open_regular`, which never
waits. What is no regular file is named all at once, before anything is done.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from kit.errors import KitError
from kit.files import writing

_BLOCK = 1 << 20
# Links between folders multiply: twenty folders with two links each hold a million paths.
_MOST_VISITS = 16


class Kind(Enum):
    """What stands at a path, in words."""

    FILE = "a regular file"
    FOLDER = "a folder"
    LINK = "a link"
    DANGLING = "a link that leads nowhere"
    LOOP = "a link to a folder around it"
    MANY = "a link to a folder that many links lead to"
    PIPE = "a pipe"
    SOCKET = "a socket"
    DEVICE = "a device"
    NAME = "a name that is not UTF-8"
    UNREADABLE = "cannot be read"
    GONE = "vanished while it was read"


@dataclass(frozen=True)
class Item:
    """What a walk meets: its name relative to the folder, with slashes, and what it is.

    `link` is where a link points, as it is written; None for what is no link.
    """

    name: str
    path: Path
    kind: Kind
    link: str | None = None


class StrangeFiles(KitError):
    """A folder holds something that is no regular file, or a file that cannot be read."""


def strange_files(problems: Iterable[str]) -> StrangeFiles:
    """Return the error that names all of them; each problem begins with its path."""
    return StrangeFiles(
        "expected regular files that can be read, found something else",
        list(problems),
        "remove these, or put a file in the place of each",
    )


def problem_of(item: Item) -> str:
    """Say where something strange is, and what."""
    shown = os.fsencode(item.path).decode("utf-8", "backslashreplace")
    return f"{shown}: {item.kind.value}"


def read_problem(path: Path, error: OSError) -> str:
    """Say which file could not be read after all, and why."""
    gone = isinstance(error, FileNotFoundError)
    return f"{path}: {Kind.GONE.value if gone else f'cannot be read ({error.strerror or error})'}"


def everything(name: str) -> bool:
    """Accept every name."""
    return True


def walk(
    path: Path, follow: bool = True, wanted: Callable[[str], bool] = everything
) -> Iterator[Item]:
    """Yield all below `path` that is no folder, sorted in each folder by name; open nothing.

    Args:
        path: a folder; anything else is one item of its own name.
        follow: take a link for what it leads to, as a zip program does. `path` itself may be a
            link in any case.
        wanted: says by the name relative to `path` whether it counts; a folder that does not
            count is not entered.
    """
    kind = _target_kind(path)
    if kind is not Kind.FOLDER:
        yield Item(path.name, path, kind)
        return
    entered = Counter[tuple[int, int]]()
    # The folders around the present one, each with what it still has to give; no recursion,
    # because a folder may be nested deeper than Python calls.
    open_folders = {_identity(path): _look_into(path, "", follow, wanted)}
    while open_folders:
        here = next(reversed(open_folders))
        item = next(open_folders[here], None)
        if item is None:
            del open_folders[here]
        elif item.kind is not Kind.FOLDER:
            yield item
        elif (folder := _identity(item.path)) in open_folders:
            yield replace(item, kind=Kind.LOOP)
        elif item.link is not None and entered[folder] == _MOST_VISITS:
            yield replace(item, kind=Kind.MANY)
        else:
            entered[folder] += 1
            open_folders[folder] = _look_into(item.path, f"{item.name}/", follow, wanted)


def _identity(folder: Path) -> tuple[int, int]:
    """Return what tells a folder from all others, whatever path leads to it."""
    try:
        status = folder.stat()
    except OSError:
        return (0, id(folder))  # it vanished; looking into it says so
    return (status.st_dev, status.st_ino)


def _look_into(
    folder: Path, prefix: str, follow: bool, wanted: Callable[[str], bool]
) -> Iterator[Item]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        yield Item(prefix.rstrip("/") or ".", folder, Kind.UNREADABLE)
        return
    for name in names:
        if wanted(prefix + name):
            yield look(folder / name, prefix + name, follow)


def look(path: Path, name: str, follow: bool) -> Item:
    """Return what stands at a path inside a folder, under that name."""
    try:
        mode = path.lstat().st_mode
        link = str(path.readlink()) if stat.S_ISLNK(mode) else None
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        return Item(name, path, Kind.GONE if gone else Kind.UNREADABLE)
    if not _is_utf8(name):
        return Item(name, path, Kind.NAME, link)
    if link is not None and not follow:
        return Item(name, path, Kind.LINK, link)
    return Item(name, path, _target_kind(path), link)


def _target_kind(path: Path) -> Kind:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        is_loop = error.errno == errno.ELOOP
        missing = Kind.DANGLING if path.is_symlink() else Kind.GONE
        gone = is_loop or error.errno in (errno.ENOENT, errno.ENOTDIR)
        return missing if gone else Kind.UNREADABLE
    if stat.S_ISDIR(mode):
        return Kind.FOLDER if os.access(path, os.R_OK | os.X_OK) else Kind.UNREADABLE
    if stat.S_ISREG(mode):
        return Kind.FILE if os.access(path, os.R_OK) else Kind.UNREADABLE
    if stat.S_ISFIFO(mode):
        return Kind.PIPE
    return Kind.SOCKET if stat.S_ISSOCK(mode) else Kind.DEVICE


def _is_utf8(name: str) -> bool:
    # Bytes that are not UTF-8 reach Python as lone surrogates.
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; never wait at a pipe that took its place.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    # O_NONBLOCK changes nothing for regular files; Windows has neither it nor pipes with names.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def regular_items(path: Path, wanted: Callable[[str], bool] = everything) -> list[Item]:
    """List the regular files at or below a path, links followed.

    Raises:
        StrangeFiles: something there is no regular file that can be read; all are named.
    """
    items = list(walk(path, wanted=wanted))
    if strange := [problem_of(item) for item in items if item.kind is not Kind.FILE]:
        raise strange_files(strange)
    return items


def copy_files(source: Path, target: Path, wanted: Callable[[str], bool] = everything) -> None:
    """Copy the files below `source` into the folder `target`; links are followed.

    Raises:
        StrangeFiles: as `regular_items`, with nothing copied; or a file vanished since.
    """
    items = regular_items(source, wanted)
    target.mkdir(parents=True, exist_ok=True)
    problems = []
    for item in items:
        copy = target / item.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open_regular(item.path) as stream:
                status = os.fstat(stream.fileno())
                with writing(copy), copy.open("wb") as out:
                    shutil.copyfileobj(stream, out, _BLOCK)
        except OSError as error:
            problems.append(read_problem(item.path, error))
            continue
        copy.chmod(stat.S_IMODE(status.st_mode) | stat.S_IWUSR)
    if problems:
        raise strange_files(problems)


def remove_tree(folder: Path) -> None:
    """Remove a folder that programs wrote into, as far as the system lets; raise nothing.

    The standard library's removal is recursive, and folders may be nested deeper than Python
    calls. So each folder is moved to the top before it is looked into.
    """
    unique = f".{secrets.token_hex(8)}."
    waiting, emptied = [folder], []
    while waiting:
        here = waiting.pop()
        emptied.append(here)
        for entry in _entries_of(here):
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    moved = folder / f"{unique}{len(emptied)}.{len(waiting)}"
                    Path(entry.path).rename(moved)
                    waiting.append(moved)
                else:
                    Path(entry.path).unlink()
    for here in reversed(emptied):
        with suppress(OSError):
            here.rmdir()


def _entries_of(folder: Path) -> list[os.DirEntry[str]]:
    with suppress(OSError):
        folder.chmod(0o700)
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Give a temporary folder for programs to write into; it is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        yield folder
    finally:
        remove_tree(folder)
