"""The CSV tables, with the columns and spellings of the real challenge's (HDR butterfly, 2024)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sample_data.generator_common.tables import table

from .collection import Specimen
from .genetics import SUBSPECIES

TRAIN_COLUMNS = (
    "CAMID",
    "hybrid_stat",
    "split",
    "md5",
    "subspecies",
    "parent_subspecies_1",
    "parent_subspecies_2",
    "filename",
)
REFERENCE_COLUMNS = ("CAMID", "hybrid_stat", "subspecies_ref", "filename", "ssp_indicator")


def _number(name: str) -> str:
    """Subspecies are numbers written as floats, as in the real table."""
    return f"{SUBSPECIES[name].number:.1f}"


def _train_row(specimen: Specimen, image: bytes) -> dict[str, str]:
    first, second = specimen.parents if specimen.hybrid else ("", "")
    return {
        "CAMID": specimen.cam_id,
        "hybrid_stat": "hybrid" if specimen.hybrid else "non-hybrid",
        "split": specimen.task,
        "md5": hashlib.md5(image, usedforsecurity=False).hexdigest(),
        "subspecies": "" if specimen.hybrid else _number(specimen.parents[0]),
        "parent_subspecies_1": _number(first) if first else "",
        "parent_subspecies_2": _number(second) if second else "",
        "filename": specimen.filename,
    }


def _reference_row(specimen: Specimen) -> dict[str, str]:
    return {
        "CAMID": specimen.cam_id,
        "hybrid_stat": str(int(specimen.hybrid)),
        "subspecies_ref": " x ".join(specimen.parents),
        "filename": specimen.filename,
        "ssp_indicator": specimen.group,
    }


def train_table(specimens: Sequence[Specimen], images: Sequence[bytes]) -> bytes:
    """Return train.csv; images: the JPEG of each specimen, for its digest."""
    rows = [_train_row(one, data) for one, data in zip(specimens, images, strict=True)]
    return table(TRAIN_COLUMNS, rows)


def reference_table(specimens: Sequence[Specimen]) -> bytes:
    """Return the ref.csv of one task."""
    return table(REFERENCE_COLUMNS, [_reference_row(one) for one in specimens])
