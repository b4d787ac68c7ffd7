"""What a step of a run gets: a task's data, and the programs of the bundle."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from kit.errors import KitError
from kit.isolation.modes import Mode
from kit.trees import copy_files, regular_items, walk
from kit.zips import is_plain, unpack


def provide_data(source: Path, target: Path, mode: Mode) -> Path:
    """Give a task's data to a step: a folder by a link, a zip unpacked.

    Raises:
        KitError: a plain file, a damaged zip, or links that lead nowhere in this mode.
    """
    if source.is_dir() and mode.real_paths:
        # Mounted over an empty folder: a link would lead out of the container.
        regular_items(source)
        _refuse_links_out(source)
        target.mkdir()
        return source.resolve()
    if source.is_dir():
        regular_items(source)  # a program that opened a pipe would wait for ever
        # A link, not a copy: a real test set is tens of gigabytes.
        target.symlink_to(source.resolve(), target_is_directory=True)
    elif is_plain(source):
        raise KitError(f"{source}: expected data as a folder or zip, found a plain file")
    else:
        unpack(source, target)
    return target


def _refuse_links_out(folder: Path) -> None:
    """Raise where a link in mounted data leads nowhere once only the folder is there."""
    root = folder.resolve()
    problems = [
        f"{item.path}: a link to {item.link}"
        for item in walk(folder, follow=False)
        if item.link is not None
        and (item.link.startswith("/") or not item.path.resolve().is_relative_to(root))
    ]
    if problems:
        raise KitError(
            f"{folder}: links lead out of the folder, and nowhere in this mode, which shows a "
            "program this folder only",
            problems,
            "copy what they lead to, or use --mode subprocess; `kit bundle` copies it too",
        )


def lay_out_program(source: Path, target: Path, kind: str) -> Path:
    """Lay out a program of the bundle; the user's folder stays untouched.

    Raises:
        KitError: a plain file, or a damaged zip.
    """
    if source.is_dir():
        copy_files(source, target, _is_of_program)
    elif is_plain(source):
        raise KitError(f"{source}: expected the {kind} program as a folder or zip, found a file")
    else:
        unpack(source, target, must_hold=("metadata.yaml", "metadata"))
    return target


def _is_of_program(name: str) -> bool:
    last = PurePosixPath(name).name
    return last != "__pycache__" and not last.startswith(".")
