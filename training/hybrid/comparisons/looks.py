"""Tables, development images and rank correlation of the three comparisons of settings.

Used by wing_pattern/settings.py, bioclip/compare_scores.py and dinov2/settings.py.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr


@dataclass(frozen=True)
class Look:
    """Images with the reference columns of the hybrid track, (n,) each; never for choosing."""

    paths: tuple[Path, ...]
    hybrid: NDArray[np.int64]
    group: NDArray[np.str_]


def read_look(images: Path, reference: Path) -> Look:
    """Read a reference table (filename, hybrid_stat, ssp_indicator), with its images."""
    with reference.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Look(
        tuple(images / row["filename"] for row in rows),
        np.array([int(row["hybrid_stat"]) for row in rows]),
        np.array([row["ssp_indicator"] for row in rows]),
    )


def development(folder: Path) -> Look:
    """Read a development folder of photographs: images/ and ref_dev.csv."""
    return read_look(folder / "images", folder / "ref_dev.csv")


def heading(columns: Sequence[str]) -> list[str]:
    """Return the first two lines of a table in Markdown."""
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


def table_row(name: str, values: Sequence[float]) -> str:
    """Return one Markdown row: the setting's name, then its values with 3 decimals."""
    return f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def rank_agreement(
    validated: Sequence[float], looked: Sequence[float], title: str, rows: str
) -> str:
    """Return Spearman's correlation of (n,) and (n,) as a sentence; `title` names the second.

    `rows` says what the n rows are, such as "settings".
    """
    agreement = float(spearmanr(validated, looked).statistic)
    return (
        f"Rank correlation of harmonic mean and {title}: {agreement:.2f} ({len(validated)} {rows})."
    )
