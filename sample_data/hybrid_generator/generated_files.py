"""Make the generated files of sample_data/hybrid, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sample_data.generator_common.bundle_folder import Bundle
from sample_data.generator_common.versions import drawing_versions

from .collection import SEED, Specimen, collection
from .sheets import logo, sheet
from .tables import reference_table, train_table

HOME = Path(__file__).resolve().parents[1] / "hybrid"
VERSIONS = drawing_versions()


def files() -> Iterator[tuple[str, bytes]]:
    """Yield path within the bundle and content of every generated file but the record."""
    specimens = collection()
    by_task: dict[str, list[Specimen]] = {}
    for one in specimens:
        by_task.setdefault(one.task, []).append(one)
    for task, members in by_task.items():
        images = [one.image() for one in members]
        folder = "train/images" if task == "train" else f"input_data/{task}"
        for one, image in zip(members, images, strict=True):
            yield f"{folder}/{one.filename}", image
        if task == "train":
            yield "train/train.csv", train_table(members, images)
        else:
            yield f"reference_data/{task}/ref.csv", reference_table(members)
    yield "contact_sheet.jpg", sheet(specimens)
    yield "logo.png", logo()


BUNDLE = Bundle(HOME, "python -m sample_data.generate_hybrid", SEED, VERSIONS, files)
