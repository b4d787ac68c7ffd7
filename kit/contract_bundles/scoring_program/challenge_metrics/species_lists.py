"""PlantCLEF 2025: the F1 of the list of species of each image, averaged by transect, then overall.

truth.csv: quadrat_id, species_ids, transect. submission.csv: quadrat_id, species_ids, such as
"[1, 2]".

Source: the overview of PlantCLEF 2025 (arXiv 2509.17602), where the mean over the plots of a
transect comes before the mean over transects.
"""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path

from .tables import Row, paired, read_table, shown

_LIST = re.compile(r"\s*\[\s*(?:\d+\s*(?:,\s*\d+\s*)*)?\]\s*")
_COLUMN = "species_ids"


def score(truth: Path, predictions: Path, problems: list[str]) -> dict[str, float]:
    """Return the mean F1; nothing where there are problems."""
    asked = read_table(truth / "truth.csv", ("quadrat_id", _COLUMN, "transect"), problems)
    answers = read_table(predictions / "submission.csv", ("quadrat_id", _COLUMN), problems)
    pairs = paired(asked, answers, "quadrat_id", problems)
    for rows, name in ((asked, "truth.csv"), (answers, "submission.csv")):
        if wrong := [row["quadrat_id"] for row in rows if not _LIST.fullmatch(row[_COLUMN])]:
            problems.append(f"{name}: {_COLUMN}: expected a list as [1, 2], not so {shown(wrong)}")
    if empty := [row["quadrat_id"] for row in asked if not _species(row)]:
        problems.append(f"truth.csv: {_COLUMN}: expected a species or more, none of {shown(empty)}")
    if problems:
        return {}
    transects: dict[str, list[float]] = {}
    for row, answer in pairs:
        transects.setdefault(row["transect"], []).append(f1(_species(row), _species(answer)))
    means = [sum(values) / len(values) for values in transects.values()]
    return {"macro_f1": sum(means) / len(means)}


def f1(truth: Set[int], predicted: Set[int]) -> float:
    """Return twice the common species over all named in both; the truth holds one at least."""
    return 2 * len(truth & predicted) / (len(truth) + len(predicted))


def _species(row: Row) -> set[int]:
    return {int(text) for text in re.findall(r"\d+", row[_COLUMN])}
