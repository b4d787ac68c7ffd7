"""Choose settings and mixes of measures by leaving species out in turn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.anomaly.species.features import Animals
from training.anomaly.species.fit import Setting
from training.anomaly.species.validation import Compared, Round, compare, rounds
from training.common.console import say
from wildlife_anomaly.anomaly_model import COLOUR, ENCODED
from wildlife_anomaly.scores import MAHALANOBIS, NEIGHBOURS, SVM

SVM_GRID = tuple(
    Setting(ENCODED, SVM, nu, gamma)
    for nu, gamma in itertools.product((0.05, 0.2), (1.0, 2.0, 3.0, 4.0))
)
OTHERS = (
    Setting(ENCODED, NEIGHBOURS),
    Setting(ENCODED, MAHALANOBIS),
    Setting(COLOUR, SVM),
)


@dataclass(frozen=True)
class Choice:
    """The chosen settings, their rounds, the rows of all that was compared, the chosen row."""

    settings: tuple[Setting, ...]
    made: list[Round]
    rows: list[Compared]
    best: Compared


def worth(row: Compared) -> float:
    """What is chosen by: the mean AUROC of crops and frames, of crops where frames have none."""
    return row.crops if math.isnan(row.frames) else (row.crops + row.frames) / 2


def choose(animals: Animals, mixed: bool) -> Choice:
    """Choose the one-class SVM of the grid and, where `mixed`, the measures to add to it.

    The table always has a row for each measure alone.
    """
    tried = rounds(animals, [*SVM_GRID, *OTHERS])
    alone = {setting.title: [at] for at, setting in enumerate([*SVM_GRID, *OTHERS])}
    rows = compare(tried, animals.frame, alone)
    best_svm = max(range(len(SVM_GRID)), key=lambda at: worth(rows[at]))
    others = range(len(SVM_GRID), len(SVM_GRID) + len(OTHERS))
    mixes = {
        _mix_title([*SVM_GRID, *OTHERS], [best_svm, *more]): [best_svm, *more]
        for count in range(1, len(OTHERS) + 1)
        for more in itertools.combinations(others, count)
    }
    mixed_rows = compare(tried, animals.frame, mixes)
    members, best = [best_svm], rows[best_svm]
    if mixed:
        found = max([best, *mixed_rows], key=worth)
        members, best = mixes.get(found.title, members), found
    every = [*SVM_GRID, *OTHERS]
    kept = [Round(one.left_out, one.scores[members], one.anomaly) for one in tried]
    return Choice(tuple(every[at] for at in members), kept, [*rows, *mixed_rows], best)


def _mix_title(settings: Sequence[Setting], members: Sequence[int]) -> str:
    parts = [f"{settings[at].measure} on {settings[at].features}" for at in members]
    return "mean of " + ", ".join(parts)


def table_rows(choice: Choice) -> list[list[str]]:
    """Return the cells of the table: what was compared, three AUROCs, and which is chosen."""
    return [
        [row.title, f"{row.crops:.3f}", f"{row.frames:.3f}", f"{row.worst:.3f}",
         "chosen" if row is choice.best else ""]
        for row in choice.rows
    ]  # fmt: skip


TITLES = ["setting", "AUROC of crops", "AUROC of frames", "worst species' frames", ""]


def say_table(choice: Choice) -> None:
    """Print the table of all that was compared."""
    for cells in [TITLES, *table_rows(choice)]:
        say("  ".join([f"{cells[0]:<64}", *cells[1:]]))
