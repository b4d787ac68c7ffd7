"""Read and write the anomaly track's training data: frames of fixed cameras with boxes of animals.

FOLDER holds images/ and annotations.json, a COCO camera traps document (after Beery et al., the
format of LILA): `images` (id, file_name below images/, width, height, location, seq_id),
`annotations` (id, image_id, category_id, bbox as [left, top, width, height] in pixels) and
`categories` (id, name). A frame without a box is an empty frame. Everything that is wrong is said
at once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from PIL import Image

from training.anomaly.coco_document import (
    Entry,
    by_id,
    category_names,
    link_problems,
    read_document,
    refuse,
    twice,
)
from training.common.atomic import write_text
from training.common.images import UNREADABLE, upright_size

ANNOTATIONS, IMAGES = "annotations.json", "images"
# Pixels that a box may reach beyond its image, where it is cut: some tools count from 0.5 or 1.
SLACK = 1.0
_SMALL = (64, 64)  # pixels
_MOST = 1e9  # pixels; JSON also has whole numbers that no float can hold, and NaN


@dataclass(frozen=True)
class Box:
    """An animal's place in a frame, in pixels from the image's top left corner."""

    species: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Frame:
    """One image of a fixed camera; `file_name` is relative to images/, with slashes.

    `location` is "" where the document does not say, and `sequence` is then the file name.
    """

    file_name: str
    width: int
    height: int
    location: str
    sequence: str
    boxes: tuple[Box, ...]


def read_camera_traps(folder: Path) -> list[Frame]:
    """Return the frames of FOLDER/annotations.json in its order.

    Raises DataError with all that is wrong: a document that is no COCO camera traps, ids twice,
    an annotation without image or category, a box outside its image or without area, an image
    that is missing, unreadable or of another size, no images, no box.
    """
    table = folder / ANNOTATIONS
    document = read_document(table)
    problems: list[str] = []
    species = category_names(document["categories"], problems)
    frames = _frames(document["images"], folder / IMAGES, problems)
    boxes = _boxes(document["annotations"], species, frames, problems)
    if not frames:
        problems.append("no images; expected at least one with a box")
    elif not document["annotations"]:
        problems.append("no annotations; expected at least one image with a box")
    refuse(table, problems, "read")
    return [
        replace(frame, boxes=tuple(boxes[key]))
        for key, frame in frames.items()
        if frame is not None
    ]


def write_camera_traps(path: Path, frames: Sequence[Frame]) -> None:
    """Write annotations.json in one step."""
    write_text(path, document_text(frames))


def document_text(frames: Sequence[Frame]) -> str:
    """Return a COCO camera traps document, an entry on a line; equal frames give equal text.

    Ids count from 1: images and annotations in the frames' order, categories by name.
    """
    species = sorted({box.species for frame in frames for box in frame.boxes})
    parts: dict[str, list[Entry]] = {
        "images": [_image_entry(number, frame) for number, frame in enumerate(frames, start=1)],
        "annotations": _annotation_entries(frames, species),
        "categories": [{"id": at, "name": name} for at, name in enumerate(species, start=1)],
    }
    blocks = [f' "{name}": [\n  {_joined(entries)}\n ]' for name, entries in parts.items()]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _frames(
    entries: Sequence[Entry], images: Path, problems: list[str]
) -> dict[Hashable, Frame | None]:
    """Frames without boxes by image id; None where an entry cannot be used."""
    found = by_id("images", entries, problems)
    named = ((entry["file_name"], key) for key, entry in found.items() if _is_name(entry))
    problems += twice("file_name", named)
    frames: dict[Hashable, Frame | None] = {}
    for key, entry in found.items():
        wrong: list[str] = []
        frames[key] = _frame(entry, images, wrong)
        problems += [f"image {key!r}: {text}" for text in wrong]
    return frames


def _is_name(entry: Entry) -> bool:
    return isinstance(entry.get("file_name"), str) and bool(entry["file_name"].strip())


def _frame(entry: Entry, images: Path, wrong: list[str]) -> Frame | None:
    name = entry.get("file_name")
    path = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("/")
    if not _is_name(entry) or path.is_absolute() or ".." in path.parts or "\\" in str(name):
        wrong.append(f"file_name: expected a path below {images}, found {name!r}")
        return None
    size = image_size(images / path, wrong)
    if size is None:
        return None
    said = (entry.get("width", size[0]), entry.get("height", size[1]))
    if said != size:
        wrong.append(
            f"{name}: width and height: expected {size[0]} x {size[1]}, the size of the file, "
            f"found {said[0]} x {said[1]}"
        )
    location, sequence = _text(entry.get("location")), _text(entry.get("seq_id"))
    return Frame(str(path), *size, location, sequence or str(path), ())


def image_size(path: Path, wrong: list[str]) -> tuple[int, int] | None:
    """Return an image's upright (width, height) in pixels; None, and a problem, where it has none.

    A JPEG is decoded at reduced scale, which finds a file that was cut short.
    """
    try:
        with Image.open(path) as image:
            size = upright_size(image)
            image.draft("RGB", _SMALL)
            image.load()
            return size
    except FileNotFoundError:
        wrong.append(f"{path} is missing")
    except UNREADABLE as error:
        wrong.append(f"{path} cannot be read: {error}")
    return None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _boxes(
    entries: Sequence[Entry],
    species: Mapping[Hashable, str],
    frames: Mapping[Hashable, Frame | None],
    problems: list[str],
) -> dict[Hashable, list[Box]]:
    boxes: dict[Hashable, list[Box]] = defaultdict(list)
    for key, entry in by_id("annotations", entries, problems).items():
        wrong = link_problems(entry, species, frames)
        frame = None if wrong else frames[entry["image_id"]]
        name = species.get(entry["category_id"], "") if not wrong else ""
        box = checked_box(name, entry.get("bbox"), frame, wrong)
        problems += [f"annotation {key!r}: {text}" for text in wrong]
        if box is not None and not wrong:
            boxes[entry["image_id"]].append(box)
    return boxes


def checked_box(name: str, bbox: object, frame: Frame | None, wrong: list[str]) -> Box | None:
    """Return the box, cut at the image's edge; None, and a problem, where it cannot be used.

    Args:
        name: the species.
        bbox: expected [left, top, width, height] in pixels.
        frame: the box's frame; None where it is not known, and then its size is not either.
        wrong: what is wrong is added here.
    """
    if not (isinstance(bbox, (list, tuple)) and len(bbox) == 4 and all(map(_is_number, bbox))):
        wrong.append(f"bbox: expected four finite numbers, found {bbox!r:.80}")
        return None
    left, top, width, height = map(float, bbox)
    if width <= 0 or height <= 0:
        wrong.append(f"bbox {bbox}: expected width and height above 0")
        return None
    if frame is None:
        return Box(name, left, top, width, height)
    right, bottom = left + width, top + height
    beyond = max(-left, -top, right - frame.width, bottom - frame.height)
    cut = (max(0.0, left), max(0.0, top), min(right, frame.width), min(bottom, frame.height))
    if beyond > SLACK or cut[0] >= cut[2] or cut[1] >= cut[3]:
        size = f"{frame.width} x {frame.height}"
        wrong.append(f"bbox {list(bbox)} reaches beyond {frame.file_name}, which is {size}")
        return None
    if beyond <= 0:
        return Box(name, left, top, width, height)
    return Box(name, cut[0], cut[1], cut[2] - cut[0], cut[3] - cut[1])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST


def _image_entry(number: int, frame: Frame) -> Entry:
    return {
        "id": number,
        "file_name": frame.file_name,
        "width": frame.width,
        "height": frame.height,
        "location": frame.location,
        "seq_id": frame.sequence,
    }


def _annotation_entries(frames: Sequence[Frame], species: Sequence[str]) -> list[Entry]:
    pairs = [(number, box) for number, frame in enumerate(frames, start=1) for box in frame.boxes]
    return [
        {
            "id": at,
            "image_id": number,
            "category_id": species.index(box.species) + 1,
            "bbox": [_short(side) for side in (box.left, box.top, box.width, box.height)],
        }
        for at, (number, box) in enumerate(pairs, start=1)
    ]


def _short(value: float) -> float:
    return int(value) if value == int(value) else value


def _joined(entries: Iterable[Entry]) -> str:
    return ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
