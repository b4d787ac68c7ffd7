"""Make the generated files of sample_data/anomaly, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sample_data.generator_common.bundle_folder import Bundle
from sample_data.generator_common.versions import drawing_versions

from .collection import SEED, TESTS, collection
from .sheets import logo, sheet
from .tables import INPUT_COLUMNS, REFERENCE_COLUMNS, Boxes, annotations_file, frame_table

HOME = Path(__file__).resolve().parents[1] / "anomaly"
VERSIONS = drawing_versions()


def files() -> Iterator[tuple[str, bytes]]:
    """Yield path within the bundle and content of every generated file but the record."""
    everything = collection()
    boxes: list[Boxes] = []
    for one in everything:
        taken = one.shot()
        folder = "train/images" if one.task == "train" else f"input_data/{one.task}"
        yield f"{folder}/{one.filename}", taken.jpeg
        if one.task == "train":
            boxes.append(taken.boxes)
    train = [one for one in everything if one.task == "train"]
    yield "train/annotations.json", annotations_file(train, boxes)
    for task in TESTS:
        own = [one for one in everything if one.task == task]
        yield f"input_data/{task}/metadata.csv", frame_table(own, INPUT_COLUMNS)
        yield f"reference_data/{task}/ref.csv", frame_table(own, REFERENCE_COLUMNS)
    yield "contact_sheet.jpg", sheet(everything)
    yield "logo.png", logo()


BUNDLE = Bundle(HOME, "python -m sample_data.generate_anomaly", SEED, VERSIONS, files)
