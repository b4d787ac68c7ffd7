"""Folders as YOLO trainers read them: data.yaml, images/PART/ and labels/PART/, a text file each.

A line of a label file is `class x y width height`: the class's number and the box's centre and
size as shares of the image. frames.csv next to data.yaml keeps what YOLO has no place for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from training.anomaly.camera_traps import Box, Frame, checked_box, image_size
from training.anomaly.coco_document import refuse
from training.anomaly.importing.names import is_there
from training.anomaly.layout import Found, no_frames, same_names
from training.common.atomic import write_text
from training.common.errors import DataError
from training.common.images import list_images, place_image
from training.common.tables import read_table, write_table

DATA, PLACES = "data.yaml", "frames.csv"
PARTS = ("train", "val", "test")
ANY_ANIMAL = "animal"
_COLUMNS = ("file_name", "part", "location", "sequence")


def label_text(frame: Frame, species: Sequence[str]) -> str:
    """Return a label file; a frame without boxes has an empty one."""
    lines = []
    for box in frame.boxes:
        name = ANY_ANIMAL if tuple(species) == (ANY_ANIMAL,) else box.species
        values = (
            (box.left + box.width / 2) / frame.width,
            (box.top + box.height / 2) / frame.height,
            box.width / frame.width,
            box.height / frame.height,
        )
        lines.append(" ".join([str(species.index(name)), *(f"{one:.7f}" for one in values)]) + "\n")
    return "".join(lines)


def write_yolo(
    parts: Mapping[str, Sequence[Frame]],
    images: Path,
    out: Path,
    species: Sequence[str],
    link: bool,
) -> None:
    """Write images, labels, frames.csv and, last, data.yaml.

    Args:
        parts: frames by the part, one of PARTS.
        images: the folder of the frames' file names.
        out: the folder to write.
        species: the classes in their order; ANY_ANIMAL alone makes all boxes one class.
        link: whether to link to the images instead of copying them.
    """
    rows = []
    for part, frames in parts.items():
        for frame in frames:
            place_image(images / frame.file_name, out / "images" / part / frame.file_name, link)
            label = (out / "labels" / part / frame.file_name).with_suffix(".txt")
            write_text(label, label_text(frame, species))
            values = (frame.file_name, part, frame.location, frame.sequence)
            rows.append(dict(zip(_COLUMNS, values, strict=True)))
    write_table(out / PLACES, _COLUMNS, rows)
    described: dict[str, Any] = {part: f"images/{part}" for part in parts}
    described["names"] = dict(enumerate(species))
    write_text(out / DATA, yaml.safe_dump(described, sort_keys=False, allow_unicode=True))


def read_yolo(folder: Path) -> list[Found]:
    """Return the frames of FOLDER/data.yaml, part after part, images by name.

    An image without a label file is an empty frame. Raises DataError with all that is wrong: a
    description without names or parts, unreadable images, lines of another form, class numbers
    without a name, boxes outside the image, labels without image, one name in two parts.
    """
    described = _description(folder / DATA)
    problems: list[str] = []
    species = _names(described.get("names"), problems)
    places = _places(folder / PLACES)
    found: list[Found] = []
    for part in PARTS:
        if described.get(part) is not None:
            found += _part(folder, part, described, species, places, problems)
    if not any(described.get(part) is not None for part in PARTS):
        problems.append(f"expected one of {', '.join(PARTS)}, found {', '.join(described)}")
    problems += same_names(found)
    refuse(folder / DATA, problems or no_frames(found), "read")
    return found


def _description(path: Path) -> dict[str, Any]:
    try:
        described = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing: expected the folder of a YOLO trainer") from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{path}: expected YAML in UTF-8: {error}") from error
    if not isinstance(described, dict):
        raise DataError(f"{path}: expected a mapping with names, found {type(described).__name__}")
    return {str(name): value for name, value in described.items()}


def _names(given: object, problems: list[str]) -> dict[int, str]:
    pairs = dict(enumerate(given)) if isinstance(given, list) else given
    if not isinstance(pairs, dict) or not pairs:
        problems.append(f"names: expected a list or numbers with names, found {given!r:.80}")
        return {}
    problems += [
        f"names: expected a number with a name, found {number!r}: {name!r}"
        for number, name in pairs.items()
        if not isinstance(number, int) or not str(name or "").strip()
    ]
    return {number: str(name) for number, name in pairs.items() if isinstance(number, int)}


def _places(table: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Location and sequence by part and file name; nothing where there is no frames.csv."""
    if not table.is_file():
        return {}
    columns, rows = read_table(table, PLACES)
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise DataError(f"{table}: columns {missing} are missing; found {columns}")
    return {(row["part"], row["file_name"]): (row["location"], row["sequence"]) for row in rows}


def _part(
    folder: Path,
    part: str,
    described: Mapping[str, Any],
    species: Mapping[int, str],
    places: Mapping[tuple[str, str], tuple[str, str]],
    problems: list[str],
) -> list[Found]:
    where = str(described[part])
    images = folder / str(described.get("path") or ".") / where
    # As YOLO trainers do: the last `images` of the path becomes `labels`.
    before, word, after = where.rpartition("images")
    if not (word and is_there(images) and images.is_dir()):
        problems.append(f"{part}: expected a folder images/..., found {where!r}")
        return []
    labels = folder / str(described.get("path") or ".") / f"{before}labels{after}"
    found = []
    names = list_images(images)
    for name in names:
        wrong: list[str] = []
        location, sequence = places.get((part, name.as_posix()), ("", ""))
        size = image_size(images / name, wrong) or (0, 0)
        frame = Frame(name.as_posix(), *size, location, sequence or name.as_posix(), ())
        boxes = _boxes(labels / name.with_suffix(".txt"), frame, species, wrong) if size[0] else []
        problems += [f"{part}: {text}" for text in wrong]
        whole = Frame(frame.file_name, *size, location, frame.sequence, tuple(boxes))
        found.append(Found(whole, images / name))
    wanted = {labels / name.with_suffix(".txt") for name in names}
    strays = sorted(set(labels.rglob("*.txt")) - wanted) if labels.is_dir() else []
    problems += [f"{part}: {path} has no image" for path in strays]
    return found


def _boxes(path: Path, frame: Frame, species: Mapping[int, str], wrong: list[str]) -> list[Box]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        wrong.append(f"{path} cannot be read: {error}")
        return []
    boxes = []
    for number, line in enumerate(lines, start=1):
        said: list[str] = []
        box = _box(line, frame, species, said) if line.strip() else None
        wrong += [f"{path}, line {number}: {text}" for text in said]
        boxes += [box] if box is not None else []
    return boxes


def _box(line: str, frame: Frame, species: Mapping[int, str], said: list[str]) -> Box | None:
    try:
        number, x, y, width, height = (float(word) for word in line.split())
    except ValueError:
        said.append(f"expected `class x y width height`, found {line!r:.80}")
        return None
    if number not in species:
        said.append(f"class {number:g} is not among the names 0 to {len(species) - 1}")
        return None
    if not all(map(math.isfinite, (x, y, width, height))):
        said.append(f"expected finite numbers, found {line!r:.80}")
        return None
    bbox = [
        round((x - width / 2) * frame.width, 3),
        round((y - height / 2) * frame.height, 3),
        round(width * frame.width, 3),
        round(height * frame.height, 3),
    ]
    return checked_box(species[int(number)], bbox, frame, said)
