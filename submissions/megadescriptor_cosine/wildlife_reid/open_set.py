"""Which individual of the gallery is it, or a new one? The rules of all reid submissions.

A query is compared with the gallery's rows (images, or individuals); scores are (n,), higher =
more alike. The rules, which training's calibration uses too:
- candidates are the rows of the query's dataset; where the dataset is missing or unknown, all rows;
- the best finite score wins, the first row of the gallery among equals; NaN and inf never win;
- it is that row's individual if its score is at least the threshold of that row's dataset;
- with an empty gallery, or without a finite score, it is a new individual.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

NEW = "new_individual"
POOLED = ""  # in a table by dataset: what was fitted on all datasets together
LISTED = 10  # individuals that `best_individuals` names
_LABELS = ("identity", "dataset")
_OLD_NAMES = {"embedding": "embeddings"}  # in galleries that were made before the names were one
_Fitted = TypeVar("_Fitted")


@dataclass(frozen=True)
class Gallery:
    """Labels of the gallery's rows, each (n,)."""

    identity: NDArray[np.str_]
    dataset: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.identity)


def candidates(gallery: Gallery, dataset: str | None) -> NDArray[np.bool_]:
    """Return (n,): True for rows of the query's dataset; for all where that dataset is unknown."""
    inside = gallery.dataset == (dataset or "")
    return inside if inside.any() else np.ones(len(gallery), dtype=np.bool_)


def of_dataset(table: Mapping[str, _Fitted], dataset: str | None) -> _Fitted:
    """Return the dataset's entry; that of POOLED where it is missing or has none of its own.

    Raises KeyError where the table has no entry POOLED.
    """
    return table.get(dataset or POOLED, table[POOLED])


def best_row(scores: NDArray[np.float64], gallery: Gallery, dataset: str | None) -> int | None:
    """Return the row that wins; None for an empty gallery and where no score is finite."""
    usable = _usable(scores, gallery, dataset)
    if not (usable > -math.inf).any():
        return None
    return int(usable.argmax())


def decide(
    scores: NDArray[np.float64],
    gallery: Gallery,
    thresholds: Mapping[str, float],
    dataset: str | None,
) -> str:
    """Return the best candidate's identity, or NEW if its score is below its dataset's threshold.

    Raises KeyError for a dataset without a threshold; `check_thresholds` says it at loading.
    """
    row = best_row(scores, gallery, dataset)
    if row is None or scores[row] < thresholds[str(gallery.dataset[row])]:
        return NEW
    return str(gallery.identity[row])


def best_individuals(
    scores: NDArray[np.float64], gallery: Gallery, dataset: str | None
) -> list[tuple[str, float]]:
    """Return the LISTED most similar identities, best first, with the score of the best row."""
    usable = _usable(scores, gallery, dataset)
    best: dict[str, float] = {}
    for row in np.argsort(-usable, kind="stable").tolist():
        if len(best) == LISTED or usable[row] == -math.inf:
            break
        best.setdefault(str(gallery.identity[row]), float(usable[row]))
    return list(best.items())


def check_thresholds(gallery: Gallery, thresholds: Mapping[str, float]) -> None:
    """Raise ValueError unless each of the gallery's datasets has a threshold that is a number."""
    wrong = {
        name: thresholds.get(name)
        for name in sorted(set(gallery.dataset.tolist()))
        if name not in thresholds or math.isnan(thresholds[name])
    }
    if wrong:
        raise ValueError(f"expected a threshold for each dataset of the gallery, found {wrong}")


def gallery_bytes(gallery: Gallery, arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Return an .npz file of the labels and the arrays, the same bytes every time."""
    buffer = io.BytesIO()
    labels = {"identity": gallery.identity, "dataset": gallery.dataset}
    np.savez_compressed(buffer, **labels, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_gallery(path: Path) -> tuple[Gallery, dict[str, NDArray[np.generic]]]:
    """Read the labels and arrays that `gallery_bytes` wrote.

    Raises FileNotFoundError, and ValueError where the labels are missing or not of one length.
    """
    # Opened here, because NumPy leaves the file of a damaged .npz open.
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {_OLD_NAMES.get(name, name): file[name] for name in file.files}
    if missing := [name for name in _LABELS if name not in arrays]:
        raise ValueError(f"{path}: expected the arrays {_LABELS}, {missing} are not there")
    gallery = Gallery(*(arrays.pop(name).astype(np.str_) for name in _LABELS))
    if gallery.identity.shape != gallery.dataset.shape:
        shapes = f"{gallery.identity.shape} and {gallery.dataset.shape}"
        raise ValueError(f"{path}: expected as many identities as datasets, found {shapes}")
    return gallery, arrays


def _usable(
    scores: NDArray[np.float64], gallery: Gallery, dataset: str | None
) -> NDArray[np.float64]:
    """The scores, -inf for rows that cannot win. Raises ValueError for a wrong shape."""
    if scores.shape != (len(gallery),):
        raise ValueError(f"expected {len(gallery)} scores, found shape {scores.shape}")
    inside = candidates(gallery, dataset) & np.isfinite(scores)
    return np.where(inside, scores, -math.inf)
