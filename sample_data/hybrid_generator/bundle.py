"""The generated files of sample_data/hybrid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
from PIL import features

from sample_data.bundle_folder import Bundle

from .collection import SEED, Specimen, collection
from .sheets import contact_sheet, logo
from .tables import reference_table, train_table

HOME = Path(__file__).resolve().parents[1] / "hybrid"


def versions() -> dict[str, str]:
    """What decides the bytes beside the seed: JPEG coding and the drawing are Pillow's."""
    return {
        "pillow": PIL.__version__,
        "libjpeg": str(features.version("jpg")),
        "numpy": np.__version__,
    }


def files() -> Iterator[tuple[str, bytes]]:
    """Path within the bundle and content, of everything that is generated but the record."""
    specimens = collection()
    by_task: dict[str, list[Specimen]] = {}
    for one in specimens:
        by_task.setdefault(one.task, []).append(one)
    for task, members in by_task.items():
        pictures = [one.picture() for one in members]
        folder = "train/images" if task == "train" else f"input_data/{task}"
        for one, picture in zip(members, pictures, strict=True):
            yield f"{folder}/{one.filename}", picture
        if task == "train":
            yield "train/train.csv", train_table(members, pictures)
        else:
            yield f"reference_data/{task}/ref.csv", reference_table(members)
    yield "contact_sheet.jpg", contact_sheet(specimens)
    yield "logo.png", logo()


BUNDLE = Bundle(HOME, "python -m sample_data.generate_hybrid", SEED, versions(), files)
