"""Read a table as LILA publishes them: an image and a species in each row.

Columns are known by several names (`NAMES`). A row has a box where the table has columns for one;
tables without take the boxes of a detector's output in MegaDetector's format: where all rows of an
image name one species, each animal that the detector is sure of is one of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.anomaly.camera_traps import Box, Frame, checked_box, image_size
from training.anomaly.coco_document import refuse
from training.anomaly.detections_json import read_entries
from training.anomaly.importing.names import below
from training.anomaly.layout import Found, no_frames, same_names
from training.common.errors import DataError
from training.common.tables import Row, is_ragged, read_table

NAMES = {
    "image": ("file_name", "filename", "path", "image_path_rel", "image_id"),
    "species": ("species", "common_name", "original_label", "label", "scientific_name"),
    "location": ("location", "location_id", "site"),
    "sequence": ("sequence", "sequence_id", "seq_id"),
}
SIDES = (
    ("x", "y", "w", "h"),
    ("x", "y", "width", "height"),
    ("bbox_x", "bbox_y", "bbox_w", "bbox_h"),
    ("bbox_x", "bbox_y", "bbox_width", "bbox_height"),
)
EMPTY = ("", "empty", "blank", "none")
_ANIMAL = "1"  # MegaDetector's category

Sizes = Mapping[str, Sequence[tuple[float, ...]]]  # boxes as shares of the image, by image


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what; "" or () for what it does not have."""

    image: str
    species: str
    location: str
    sequence: str
    sides: tuple[str, ...]


def read_lila(
    table: Path,
    images: Path,
    species_column: str = "",
    detections: Path | None = None,
    threshold: float = 0.2,
) -> tuple[list[Found], Counter[str]]:
    """Return the table's frames, and how many images were left out for which reason.

    Args:
        table: CSV in UTF-8.
        images: the folder below which the table's images are.
        species_column: the species' column, where it has a name that is not in NAMES.
        detections: MegaDetector's JSON, for a table without boxes.
        threshold: the confidence from which on a detection counts.

    Raises DataError with all that is wrong.
    """
    names, rows = read_table(table, "a table with an image and a species in each row")
    columns = _columns(table, names, species_column, detections)
    problems = [
        f"line {line}: has more or fewer fields than the header"
        for line, row in enumerate(rows, start=2)
        if is_ragged(row)
    ]
    groups: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for line, row in enumerate(rows, start=2):
        if not is_ragged(row):
            groups[row[columns.image].strip()].append((line, row))
    detected = read_detections(detections, threshold) if detections else {}
    left_out: Counter[str] = Counter()
    found = []
    for name, lines in groups.items():
        reason = "" if columns.sides else _reason(name, lines, columns, detected)
        if reason:
            left_out[reason] += 1
            continue
        wrong: list[str] = []
        one = _found(name, lines, columns, images, detected, wrong)
        problems += wrong
        found += [one] if one is not None else []
    refuse(table, [*problems, *same_names(found)] or no_frames(found), "imported")
    return found, left_out


def _columns(
    table: Path, names: Sequence[str], species_column: str, detections: Path | None
) -> Columns:
    known = {**NAMES, "species": (species_column,) if species_column else NAMES["species"]}
    chosen = {
        what: next((name for name in options if name in names), "")
        for what, options in known.items()
    }
    sides = next((four for four in SIDES if set(four) <= set(names)), ())
    problems = [
        f"no column of the {what}: expected one of {', '.join(known[what])}"
        for what in ("image", "species")
        if not chosen[what]
    ]
    if not sides and detections is None:
        options = " or ".join(",".join(four) for four in SIDES)
        problems.append(f"no boxes: expected columns {options}, or a detector's output")
    if problems:
        refuse(table, [*problems, f"found columns {', '.join(names) or 'none'}"], "imported")
    return Columns(**chosen, sides=sides)


def read_detections(path: Path, threshold: float) -> Sizes:
    """Return the animals of MegaDetector's JSON as (left, top, width, height), shares of an image.

    Raises DataError where the file is not of that form.
    """
    entries, _ = read_entries(path)
    try:
        return {
            file: [
                tuple(float(side) for side in animal["bbox"])
                for animal in found
                if str(animal["category"]) == _ANIMAL and float(animal["conf"]) >= threshold
            ]
            for file, found in entries.items()
        }
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: expected MegaDetector's JSON: {error!r}") from error


def _species(lines: Sequence[tuple[int, Row]], columns: Columns) -> list[str]:
    named = {row[columns.species].strip() for _, row in lines}
    return sorted(name for name in named if name.casefold() not in EMPTY)


def _reason(name: str, lines: Sequence[tuple[int, Row]], columns: Columns, detected: Sizes) -> str:
    """Why an image without boxes of its own is left out; "" where it is not."""
    species = _species(lines, columns)
    if len(species) > 1:
        return "several species, and no boxes that tell them apart"
    if name not in detected:
        return "not in the detector's output"
    if species and not detected[name]:
        return "an animal that the detector did not find"
    return "empty, but the detector found an animal" if not species and detected[name] else ""


def _found(
    name: str,
    lines: Sequence[tuple[int, Row]],
    columns: Columns,
    images: Path,
    detected: Sizes,
    wrong: list[str],
) -> Found | None:
    first, row = lines[0]
    said: list[str] = []
    path = below(images, name, said)
    size = image_size(path, said) if path is not None else None
    wrong += [f"line {first}: {text}" for text in said]
    if path is None or size is None:
        return None
    location, sequence = (
        row[column].strip() if column else "" for column in (columns.location, columns.sequence)
    )
    frame = Frame(path.relative_to(images).as_posix(), *size, location, sequence or name, ())
    if columns.sides:
        boxes = _own_boxes(lines, columns, frame, wrong)
    else:
        boxes = _detected_boxes(first, _species(lines, columns), detected[name], frame, wrong)
    return Found(replace(frame, boxes=tuple(boxes)), path)


def _own_boxes(
    lines: Sequence[tuple[int, Row]], columns: Columns, frame: Frame, wrong: list[str]
) -> list[Box]:
    boxes = []
    for line, row in lines:
        said: list[str] = []
        texts = [row[side].strip() for side in columns.sides]
        species = row[columns.species].strip()
        box = None
        if species.casefold() not in EMPTY:
            box = checked_box(species, _numbers(texts), frame, said)
        elif any(texts):
            said.append(f"a box {texts} without a species")
        wrong += [f"line {line}: {text}" for text in said]
        boxes += [box] if box is not None else []
    return boxes


def _numbers(texts: Sequence[str]) -> list[object]:
    """The texts as numbers where they are ones, for `checked_box` to judge."""
    values: list[object] = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            values.append(text)
    return values


def _detected_boxes(
    line: int,
    species: Sequence[str],
    shares: Sequence[tuple[float, ...]],
    frame: Frame,
    wrong: list[str],
) -> list[Box]:
    boxes = []
    scale = (frame.width, frame.height, frame.width, frame.height)
    for share in shares if species else ():
        said: list[str] = []
        whole = len(share) == len(scale)
        bbox = [round(a * b, 3) for a, b in zip(share, scale, strict=True)] if whole else share
        box = checked_box(species[0], list(bbox), frame, said)
        wrong += [f"line {line}: the detector's {text}" for text in said]
        boxes += [box] if box is not None else []
    return boxes
