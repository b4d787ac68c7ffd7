"""The generated files of sample_data/reid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
import scipy  # type: ignore[import-untyped]
from PIL import features

from sample_data.bundle_folder import Bundle

from .collection import SEED, TESTS, collection
from .shapes import Points
from .sheets import contact_sheet, logo
from .tables import DATABASE_COLUMNS, QUERY_COLUMNS, REFERENCE_COLUMNS, landmark_table, table

HOME = Path(__file__).resolve().parents[1] / "reid"


def versions() -> dict[str, str]:
    """What decides the bytes beside the seed: JPEG coding and the drawing are Pillow's."""
    return {
        "pillow": PIL.__version__,
        "libjpeg": str(features.version("jpg")),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def files() -> Iterator[tuple[str, bytes]]:
    """Path within the bundle and content, of everything that is generated but the record."""
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
    yield "train/metadata.csv", table(train, DATABASE_COLUMNS)
    yield "train/landmarks.csv", landmark_table(train, landmarks)
    for task in TESTS:
        queries = [one for one in everything if one.task == task]
        yield f"input_data/{task}/metadata.csv", table(queries, QUERY_COLUMNS)
        yield f"reference_data/{task}/ref.csv", table(queries, REFERENCE_COLUMNS)
    yield "contact_sheet.jpg", contact_sheet(everything)
    yield "logo.png", logo()


BUNDLE = Bundle(HOME, "python -m sample_data.generate_reid", SEED, versions(), files)
