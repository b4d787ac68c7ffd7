"""FungiCLEF 2023/24: errors, the cost of poison that is taken for food, and unknown species.

truth.csv: observation_id, class_id (-1 is a species without a class). poison_status_list.csv:
class_id, poisonous, which the organisers publish. submission.csv: observation_id, class_id.

Source: BohemianVRA/FGVC-Competitions at ecb583b, FungiCLEF2023/evaluate.py, which rounds to four
decimals. Lower is better on all tracks.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path

from .classes import UNKNOWN, Pair, macro_f1, read_dangerous, read_pairs
from .tables import rounded

# Taking poison for food, and food for poison.
_POISON_COST, _FOOD_COST = 100, 1
# On track 4: naming a species that has no class, and saying unknown of one that has.
_NAMED_COST, _UNKNOWN_COST = 10, 0.1


def score(truth: Path, predictions: Path, problems: list[str]) -> dict[str, float]:
    """Return the four tracks, and F1 in percent; nothing where there are problems."""
    pairs = read_pairs(truth, predictions, problems)
    poisonous = read_dangerous(truth / "poison_status_list.csv", "poisonous", problems)
    if problems:
        return {}
    error, cost = classification_error(pairs), poison_cost(pairs, poisonous)
    return {
        "track1": rounded(error, 4),
        "track2": rounded(cost, 4),
        "track3": rounded(error + cost, 4),
        "track4": rounded(error_with_unknown(pairs), 4),
        "f1": rounded(100 * macro_f1(pairs), 2),
    }


def classification_error(pairs: Sequence[Pair]) -> float:
    """Return the share of observations whose class is wrong."""
    return sum(true != given for true, given in pairs) / len(pairs)


def error_with_unknown(pairs: Sequence[Pair]) -> float:
    """Return the mean cost: 1 for a wrong class, other costs where either is unknown."""
    costs = [0.0 if true == given else _cost(true, given) for true, given in pairs]
    return sum(costs) / len(pairs)


def _cost(true: int, given: int) -> float:
    if true == UNKNOWN:
        return _NAMED_COST
    return _UNKNOWN_COST if given == UNKNOWN else 1.0


def poison_cost(pairs: Sequence[Pair], poisonous: Set[int]) -> float:
    """Return the mean cost of poison taken for food and food taken for poison."""
    eaten = sum(true in poisonous and given not in poisonous for true, given in pairs)
    left = sum(true not in poisonous and given in poisonous for true, given in pairs)
    return (_POISON_COST * eaten + _FOOD_COST * left) / len(pairs)
