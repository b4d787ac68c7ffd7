"""SnakeCLEF 2023/24: the cost of a snake that is taken for another, by what is venomous.

truth.csv: observation_id, class_id. venomous_status_list.csv: class_id, MIVS (1 is venomous), which
the organisers publish. submission.csv: observation_id, class_id.

Source: BohemianVRA/FGVC-Competitions at ecb583b, SnakeCLEF2023/evaluate.py: track 1 is a weighted
mean of F1 and four shares of right decisions in percent (higher is better), track 2 a sum of costs
(lower is better). F1 and the shares are rounded to two decimals before they are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

from .classes import UNKNOWN, Pair, macro_f1, read_dangerous, read_pairs
from .tables import rounded

# What is true, what is predicted (True is venomous), and what taking one for the other costs.
COSTS = {(False, False): 1, (False, True): 2, (True, False): 5, (True, True): 2}
_WEIGHT_OF_F1 = 1


def score(truth: Path, predictions: Path, problems: list[str]) -> dict[str, float]:
    """Return both tracks, F1 and accuracy in percent; nothing where there are problems."""
    pairs = read_pairs(truth, predictions, problems)
    venomous = read_dangerous(truth / "venomous_status_list.csv", "MIVS", problems)
    if not problems and min(_sizes(pairs, venomous).values()) == 0:
        problems.append(
            "truth.csv: expected an observation of a venomous snake and one of a harmless snake at "
            "least: track 1 takes the share of each that is mistaken"
        )
    if problems:
        return {}
    f1 = rounded(100 * macro_f1(pairs), 2)
    accuracy = 100 * sum(true == predicted for true, predicted in pairs) / len(pairs)
    return {
        "track1": track1(pairs, venomous),
        "track2": track2(pairs, venomous),
        "f1": f1,
        "accuracy": rounded(accuracy, 2),
    }


def track1(pairs: Sequence[Pair], venomous: Set[int]) -> float:
    """Return the weighted mean of F1 and of the shares that are not mistaken, in percent."""
    mistakes, sizes = _mistakes(pairs, venomous), _sizes(pairs, venomous)
    total = _WEIGHT_OF_F1 * rounded(100 * macro_f1(pairs), 2)
    for kind, cost in COSTS.items():
        total += cost * (100 - rounded(mistakes[kind] / sizes[kind[0]] * 100, 2))
    return rounded(total / (_WEIGHT_OF_F1 + sum(COSTS.values())), 2)


def track2(pairs: Sequence[Pair], venomous: Set[int]) -> float:
    """Return the sum of the costs of all mistakes."""
    mistakes = _mistakes(pairs, venomous)
    return float(sum(cost * mistakes[kind] for kind, cost in COSTS.items()))


def _mistakes(pairs: Sequence[Pair], venomous: Set[int]) -> dict[tuple[bool, bool], int]:
    kinds = [(true in venomous, given in venomous) for true, given in pairs if true != given]
    return {kind: kinds.count(kind) for kind in COSTS}


def _sizes(pairs: Sequence[Pair], venomous: Set[int]) -> dict[bool, int]:
    """Return how many observations are venomous and harmless; an unknown snake is neither."""
    known = [true in venomous for true, _ in pairs if true != UNKNOWN]
    return {kind: known.count(kind) for kind in (True, False)}
