"""Make the generated files of sample_data/family, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sample_data.generator_common.bundle_folder import Bundle
from sample_data.generator_common.versions import drawing_versions

from .collection import SEED, TESTS, collection
from .sheets import logo, sheet
from .tables import REFERENCE_COLUMNS, TRAIN_COLUMNS, labelled, metadata

HOME = Path(__file__).resolve().parents[1] / "family"
VERSIONS = drawing_versions()


def files() -> Iterator[tuple[str, bytes]]:
    """Yield path within the bundle and content of every generated file but the record."""
    everything = collection()
    for one in everything:
        folder = "train/images" if one.task == "train" else f"input_data/{one.task}"
        yield f"{folder}/{one.filename}", one.jpeg()
    train = [one for one in everything if one.task == "train"]
    yield "train/train.csv", labelled(train, TRAIN_COLUMNS)
    for task in TESTS:
        asked = [one for one in everything if one.task == task]
        yield f"input_data/{task}/metadata.csv", metadata(asked)
        yield f"reference_data/{task}/ref.csv", labelled(asked, REFERENCE_COLUMNS)
    yield "contact_sheet.jpg", sheet(everything)
    yield "logo.png", logo()


BUNDLE = Bundle(HOME, "python -m sample_data.generate_family", SEED, VERSIONS, files)
