"""What SnakeCLEF and FungiCLEF share: classes of observations, and the list of dangerous ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .tables import as_whole, paired, read_table, whole_numbers

KEY, CLASS = "observation_id", "class_id"
UNKNOWN = -1
Pair = tuple[int, int]  # the true class and the predicted one


def read_pairs(truth: Path, predictions: Path, problems: list[str]) -> list[Pair]:
    """Return the classes of each observation; the truth may have a row for each of its images."""
    asked = read_table(truth / "truth.csv", (KEY, CLASS), problems)
    asked = list({row[KEY]: row for row in reversed(asked)}.values())[::-1]
    answers = read_table(predictions / "submission.csv", (KEY, CLASS), problems)
    pairs = paired(asked, answers, KEY, problems)
    for rows in (asked, answers):
        whole_numbers(rows, KEY, CLASS, problems)
    if problems:
        return []
    return [(as_whole(row[CLASS]), as_whole(answer[CLASS])) for row, answer in pairs]


def read_dangerous(path: Path, column: str, problems: list[str]) -> frozenset[int]:
    """Return the classes whose column is 1 in the challenge's list."""
    rows = read_table(path, (CLASS, column), problems)
    before = len(problems)
    for name in (CLASS, column):
        whole_numbers(rows, CLASS, name, problems)
    if len(problems) > before:
        return frozenset()
    return frozenset(as_whole(row[CLASS]) for row in rows if as_whole(row[column]) == 1)


def macro_f1(pairs: Sequence[Pair]) -> float:
    """Return the mean F1 of the classes that are true or predicted somewhere."""
    right = Counter(truth for truth, predicted in pairs if truth == predicted)
    named = Counter(truth for truth, _ in pairs) + Counter(predicted for _, predicted in pairs)
    return sum(2 * right[name] / count for name, count in named.items()) / len(named)
