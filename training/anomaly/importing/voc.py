"""Read annotations of Pascal VOC: an XML file for each image.

The values of `bndbox` count pixels from 1 and include the last one (VOC2012 development kit), so a
box is xmax - xmin + 1 wide. Tools that count from 0 exist; `zero_based` reads theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from training.anomaly.camera_traps import Box, Frame, checked_box, image_size
from training.anomaly.coco_document import refuse
from training.anomaly.importing.names import below, is_there, places
from training.anomaly.layout import Found, no_frames, same_names
from training.common.errors import DataError
from training.common.images import SUFFIXES

_SIDES = ("xmin", "ymin", "xmax", "ymax")
# Entities can make a document of a few lines fill the memory; VOC has none.
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def read_voc(
    annotations: Path, images: Path, pattern: str | None = None, zero_based: bool = False
) -> list[Found]:
    """Return a frame for each XML file, in the order of their names.

    Args:
        annotations: the folder of the XML files, and of folders of such.
        images: the folder of the images; that of an XML file is named in it, or after it.
        pattern: of names that tell location and sequence, see `names.places`.
        zero_based: whether the annotations count pixels from 0.

    Raises DataError with all that is wrong in all files.
    """
    files = sorted(path for path in annotations.rglob("*.xml") if path.is_file())
    if not files:
        raise DataError(f"{annotations}: expected XML files of Pascal VOC, found none")
    problems: list[str] = []
    found = []
    for path in files:
        wrong: list[str] = []
        one = _read(path, annotations, images, pattern, zero_based, wrong)
        problems += [f"{path.relative_to(annotations)}: {text}" for text in wrong]
        found += [one] if one is not None else []
    refuse(annotations, [*problems, *same_names(found)] or no_frames(found), "imported")
    return found


def _read(
    path: Path,
    annotations: Path,
    images: Path,
    pattern: str | None,
    zero_based: bool,
    wrong: list[str],
) -> Found | None:
    root = _document(path, wrong)
    if root is None:
        return None
    source = _image(path.relative_to(annotations), images, root, wrong)
    size = image_size(source, wrong) if source is not None else None
    if source is None or size is None:
        return None
    said = tuple(_whole(root.findtext(f"size/{side}")) for side in ("width", "height"))
    # Some tools write 0 where they did not look.
    if all(said) and said != size:
        wrong.append(f"size: expected {size[0]} x {size[1]}, found {said[0]} x {said[1]}")
    name = source.relative_to(images).as_posix()
    location, sequence = places(name, pattern, wrong)
    frame = Frame(name, *size, location, sequence, ())
    boxes = tuple(_boxes(root, frame, 0 if zero_based else 1, wrong))
    return Found(replace(frame, boxes=boxes), source)


def _document(path: Path, wrong: list[str]) -> ElementTree.Element | None:
    try:
        text = path.read_bytes()
        if _DECLARATION.search(text.decode("utf-8", "replace")):
            wrong.append("expected no DOCTYPE and no ENTITY")
            return None
        root = ElementTree.fromstring(text)
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        wrong.append(f"expected XML: {error}")
        return None
    if root.tag != "annotation":
        wrong.append(f"expected <annotation>, found <{root.tag}>")
        return None
    return root


def _image(inside: Path, images: Path, root: ElementTree.Element, wrong: list[str]) -> Path | None:
    """The image that the file names, else the one that is called as the file is."""
    named = (root.findtext("filename") or "").strip()
    said: list[str] = []
    path = below(images, named, said) if named else None
    candidates = [path, images / inside.parent / named] if path is not None else []
    candidates += [images / inside.with_suffix(ending) for ending in sorted(SUFFIXES)]
    for candidate in candidates:
        if candidate is not None and is_there(candidate) and candidate.is_file():
            return candidate
    wrong += said or [f"image {named or inside.stem!r} is not in {images}"]
    return None


def _boxes(root: ElementTree.Element, frame: Frame, first: int, wrong: list[str]) -> Iterator[Box]:
    for number, part in enumerate(root.findall("object"), start=1):
        said: list[str] = []
        name = (part.findtext("name") or "").strip()
        if not name:
            said.append("expected a name, found none")
        sides = [_number(part.findtext(f"bndbox/{side}")) for side in _SIDES]
        if any(side is None for side in sides):
            texts = [part.findtext(f"bndbox/{side}") for side in _SIDES]
            said.append(f"bndbox: expected numbers {', '.join(_SIDES)}, found {texts}")
        else:
            left, top, right, bottom = (side for side in sides if side is not None)
            bbox = [left - first, top - first, right - left + first, bottom - top + first]
            box = checked_box(name, bbox, frame, said)
            if box is not None and not said:
                yield box
        wrong += [f"object {number}: {text}" for text in said]


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _whole(text: str | None) -> int:
    number = _number(text)
    return int(number) if number is not None and number == number and abs(number) < 1e9 else 0
