"""Read a COCO camera traps document as LILA publishes it, of which one may have only a part."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.anomaly.camera_traps import Box, Frame, checked_box, image_size
from training.anomaly.coco_document import (
    Entry,
    by_id,
    category_names,
    link_problems,
    read_document,
    refuse,
)
from training.anomaly.importing.names import below, is_there
from training.anomaly.layout import Found, no_frames, same_names


@dataclass(frozen=True)
class Wishes:
    """What to leave out of a document."""

    empty: Collection[str] = ("empty",)  # categories that say that there is no animal
    drop: Collection[str] = ()  # categories whose boxes are left out; their images stay
    skip_missing: bool = False  # leave out images whose file is not there


def read_coco(
    table: Path, images: Path, wishes: Wishes | None = None
) -> tuple[list[Found], Counter[str]]:
    """Return the document's frames, and how many images were left out for which reason.

    An image with an animal that has no box is left out: a detector would learn that nothing is
    there. Raises DataError with all that is wrong.

    Args:
        table: the document.
        images: the folder below which file names are.
        wishes: what to leave out.
    """
    wishes = wishes or Wishes()
    document = read_document(table)
    problems: list[str] = []
    species = category_names(document["categories"], problems)
    entries = by_id("images", document["images"], problems)
    annotations = _by_image(document["annotations"], species, entries, problems)
    left_out: Counter[str] = Counter()
    found = []
    for key, entry in entries.items():
        wrong: list[str] = []
        own = annotations[key]
        reason = _reason(entry, images, own, wishes)
        if reason:
            left_out[reason] += 1
        elif one := _found(entry, images, own, wishes, wrong):
            found.append(one)
        problems += [f"image {key!r}: {text}" for text in wrong]
    refuse(table, [*problems, *same_names(found)] or no_frames(found), "imported")
    return found, left_out


Named = list[tuple[Hashable, str, object]]  # id, species and bbox of an image's annotations


def _by_image(
    annotations: Sequence[Entry],
    species: Mapping[Hashable, str],
    images: Mapping[Hashable, Entry],
    problems: list[str],
) -> dict[Hashable, Named]:
    named: dict[Hashable, Named] = defaultdict(list)
    for key, entry in by_id("annotations", annotations, problems).items():
        wrong = link_problems(entry, species, images)
        problems += [f"annotation {key!r}: {text}" for text in wrong]
        if not wrong:
            name = species[entry["category_id"]]
            named[entry["image_id"]].append((key, name, entry.get("bbox")))
    return named


def _reason(entry: Entry, images: Path, own: Named, wishes: Wishes) -> str:
    """Why an image is left out; "" where it is not."""
    path = below(images, entry.get("file_name"), [])
    if wishes.skip_missing and path is not None and not is_there(path):
        return "the file is not there"
    kept = [bbox for _, name, bbox in own if name not in (*wishes.empty, *wishes.drop)]
    return "an animal without a box" if any(bbox is None for bbox in kept) else ""


def _found(
    entry: Entry, images: Path, own: Named, wishes: Wishes, wrong: list[str]
) -> Found | None:
    path = below(images, entry.get("file_name"), wrong)
    size = image_size(path, wrong) if path is not None else None
    if path is None or size is None:
        return None
    name = path.relative_to(images).as_posix()
    location, sequence = (str(entry.get(part) or "").strip() for part in ("location", "seq_id"))
    frame = Frame(name, *size, location, sequence or name, ())
    # The document may describe a larger original of which this is the published copy.
    said = (entry.get("width", size[0]), entry.get("height", size[1]))
    if said != size:
        wrong.append(f"{name}: expected {said[0]} x {said[1]}, the file is {size[0]} x {size[1]}")
        return None
    boxes: list[Box] = []
    for key, species, bbox in own:
        if species in wishes.empty or species in wishes.drop:
            continue
        said_wrong: list[str] = []
        box = checked_box(species, bbox, frame, said_wrong)
        wrong += [f"annotation {key!r}: {text}" for text in said_wrong]
        boxes += [box] if box is not None else []
    return Found(replace(frame, boxes=tuple(boxes)), path)
