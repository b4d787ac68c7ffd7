"""Folders of images that scripts read and write: listing, upright pixels, atomic files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image

from kit.trees import Kind, problem_of, walk
from training.common import processes
from training.common.atomic import replaced, write_text
from training.common.errors import DataError, FolderError

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"}
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
MASK_END = "_mask.png"

Read = TypeVar("Read")


def list_images(folder: Path) -> list[Path]:
    """Return the images in the folder and below, relative to it, sorted, without masks.

    Raises FolderError where the folder holds none, or where one is a pipe, a dangling link or
    cannot be read; all of these are named.
    """
    items = [item for item in walk(folder) if _is_image(item.path)]
    if strange := [problem_of(item) for item in items if item.kind is not Kind.FILE]:
        raise FolderError("\n  ".join([f"{folder}: expected images, found", *strange]))
    found = sorted(item.path.relative_to(folder) for item in items)
    if not found:
        raise FolderError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    return found


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.endswith(MASK_END)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) in pixels, once turned by the EXIF tag, without decoding."""
    turned = image.getexif().get(0x0112, 1) >= 5
    return (image.height, image.width) if turned else (image.width, image.height)


def save_image(image: Image.Image, path: Path) -> None:
    """Write an image in the format of the name's ending, in one step; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = Image.registered_extensions()[path.suffix.lower()]
    quality = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    with replaced(path) as temporary:
        image.save(temporary, kind, **quality)


def place_image(source: Path, target: Path, link: bool) -> None:
    """Copy an image, or link to it; leave a target of the same kind and size as it is.

    The target gets its name when it is complete, so that a killed run can be run again.
    """
    same_kind = target.exists() and target.is_symlink() == link
    if same_kind and target.stat().st_size == source.stat().st_size:
        return
    if not link:
        with replaced(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    if not processes.is_first():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # A link is complete from the start; the old target only has to make room.
    target.unlink(missing_ok=True)
    target.symlink_to(source.resolve())


def claim(folder: Path, made_by: str, settings: Mapping[str, object]) -> None:
    """Note in the folder how its files are made, so that a rerun never mixes two kinds.

    Raises FolderError where the folder holds files that were made with other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / f"{made_by}.json"
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    if note.is_file() and note.read_text(encoding="utf-8") != text:
        raise FolderError(
            f"{folder} holds the output of other settings, see {note}; "
            "give another folder, or delete this one to make it again"
        )
    write_text(note, text)


def read_each(
    paths: Sequence[Path], read_one: Callable[[Image.Image], Read], done: str
) -> list[Read]:
    """Return `read_one(image)` of every image, opened lazily.

    Raises DataError naming all unreadable images; `done` says what was not done, as in "trained".
    """
    results, problems = [], []
    for path in paths:
        try:
            with Image.open(path) as image:
                results.append(read_one(image))
        except UNREADABLE as error:
            problems.append(f"{path} cannot be read: {error}")
    if problems:
        head = f"{len(problems)} of {len(paths)} images cannot be used, nothing was {done}"
        raise DataError("\n  ".join([head, *problems]))
    return results
