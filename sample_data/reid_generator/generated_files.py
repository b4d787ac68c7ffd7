"""Make the generated files of sample_data/reid, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import scipy

from sample_data.generator_common.bundle_folder import Bundle
from sample_data.generator_common.shapes import Points
from sample_data.generator_common.versions import drawing_versions

from .collection import SEED, TESTS, collection
from .sheets import logo, sheet
from .tables import DATABASE_COLUMNS, QUERY_COLUMNS, REFERENCE_COLUMNS, image_table, landmark_table

HOME = Path(__file__).resolve().parents[1] / "reid"
VERSIONS = drawing_versions(scipy=scipy.__version__)


def files() -> Iterator[tuple[str, bytes]]:
    """Yield path within the bundle and content of every generated file but the record."""
    everything = collection()
    landmarks: list[Points] = []
    for one in everything:
        folder = "train" if one.task == "train" else f"input_data/{one.task}"
        name = one.path if one.task == "train" else one.filename
        taken = one.photograph()
        yield f"{folder}/{name}", taken.jpeg
        if one.task == "train":
            landmarks.append(taken.landmarks)
    train = [one for one in everything if one.task == "train"]
    yield "train/metadata.csv", image_table(train, DATABASE_COLUMNS)
    yield "train/landmarks.csv", landmark_table(train, landmarks)
    for task in TESTS:
        queries = [one for one in everything if one.task == task]
        yield f"input_data/{task}/metadata.csv", image_table(queries, QUERY_COLUMNS)
        yield f"reference_data/{task}/ref.csv", image_table(queries, REFERENCE_COLUMNS)
    yield "contact_sheet.jpg", sheet(everything)
    yield "logo.png", logo()


BUNDLE = Bundle(HOME, "python -m sample_data.generate_reid", SEED, VERSIONS, files)
