"""Say how many boxes and frames of each species the parts of a split have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from training.anomaly.camera_traps import Frame

COLUMNS = ("species", "part", "boxes", "frames", "share")
EMPTY = "(empty frames)"
_UNEVEN = 10.0  # times as many boxes of one species as of another, from which on a line says so


def balance_rows(parts: Mapping[str, Sequence[Frame]]) -> list[dict[str, str]]:
    """Return a row for each species and part, and one for the empty frames of each part.

    `share` is that of the part's boxes, or of its frames where they are empty.
    """
    rows = []
    names = _species(parts)
    for part, frames in parts.items():
        boxes = Counter(box.species for frame in frames for box in frame.boxes)
        with_it = Counter(name for frame in frames for name in {box.species for box in frame.boxes})
        for name in names:
            share = boxes[name] / max(boxes.total(), 1)
            numbers = (boxes[name], with_it[name], f"{share:.3f}")
            rows.append(_row(name, part, *map(str, numbers)))
        empty = sum(not frame.boxes for frame in frames)
        rows.append(_row(EMPTY, part, "0", str(empty), f"{empty / max(len(frames), 1):.3f}"))
    return rows


def balance_lines(parts: Mapping[str, Sequence[Frame]]) -> list[str]:
    """Return the report for a person: a line for each species and part, then what is uneven."""
    rows = balance_rows(parts)
    width = max(len(row["species"]) for row in rows)
    lines = [
        f"{row['species']:{width}}  {row['part']:5}  {row['boxes']:>6} boxes in {row['frames']:>5} "
        f"frames, {float(row['share']):.1%}"
        for row in sorted(rows, key=lambda row: (row["species"] == EMPTY, row["species"]))
    ]
    return lines + [f"note: {text}" for text in _notes(parts)]


def _notes(parts: Mapping[str, Sequence[Frame]]) -> list[str]:
    notes = []
    for part, frames in parts.items():
        counts = Counter(box.species for frame in frames for box in frame.boxes)
        lacking = [name for name in _species(parts) if not counts[name]]
        if lacking:
            notes.append(f"{part} has no box of {', '.join(lacking)}")
        if counts and max(counts.values()) > _UNEVEN * min(counts.values()):
            (most, many), (least, few) = counts.most_common()[0], counts.most_common()[-1]
            notes.append(f"{part} has {many} boxes of {most} and {few} of {least}: weight them")
    return notes


def _species(parts: Mapping[str, Sequence[Frame]]) -> list[str]:
    return sorted({box.species for frames in parts.values() for f in frames for box in f.boxes})


def _row(*values: str) -> dict[str, str]:
    return dict(zip(COLUMNS, values, strict=True))
