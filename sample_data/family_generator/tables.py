"""The CSV tables of the bundle."""

from __future__ import annotations

from collections.abc import Sequence

from sample_data.generator_common.tables import table

from .collection import PlannedImage

TRAIN_COLUMNS = ("filename", "family", "phylum", "dirt")
REFERENCE_COLUMNS = ("filename", "family", "phylum")
METADATA_COLUMNS = ("filename", "phylum")


def labelled(images: Sequence[PlannedImage], columns: Sequence[str]) -> bytes:
    """Return a table with a row for each image: train.csv or ref.csv."""
    return table(columns, ({**_row(one), "phylum": one.phylum} for one in images))


def metadata(images: Sequence[PlannedImage]) -> bytes:
    """Return the table of a task's inputs; the phylum of some images is not known."""
    rows = ({**_row(one), "phylum": one.phylum if one.phylum_known else ""} for one in images)
    return table(METADATA_COLUMNS, rows)


def _row(one: PlannedImage) -> dict[str, str]:
    return {"filename": one.filename, "family": one.family, "dirt": one.dirt}
