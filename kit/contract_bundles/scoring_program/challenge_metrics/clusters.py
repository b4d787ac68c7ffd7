"""AnimalCLEF 2026: the mean over data sets of the adjusted Rand index; 1 is perfect, 0 is chance.

truth.csv: image_id, identity, dataset. submission.csv: image_id, cluster. The names of clusters
mean nothing; only which images share one counts.

Source: WildlifeDatasets/wildlife-datasets at b403581, baselines/AnimalCLEF2026; L. Hubert and
P. Arabie, Comparing partitions, Journal of Classification 2 (1985).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

from .tables import paired, read_table


def score(truth: Path, predictions: Path, problems: list[str]) -> dict[str, float]:
    """Return the mean index, and the index of each data set; nothing where there are problems."""
    asked = read_table(truth / "truth.csv", ("image_id", "identity", "dataset"), problems)
    answers = read_table(predictions / "submission.csv", ("image_id", "cluster"), problems)
    pairs = paired(asked, answers, "image_id", problems)
    if problems:
        return {}
    parts: dict[str, tuple[list[str], list[str]]] = {}
    for row, answer in pairs:
        identities, clusters = parts.setdefault(row["dataset"], ([], []))
        identities.append(row["identity"])
        clusters.append(answer["cluster"])
    found = {name: adjusted_rand_index(*part) for name, part in sorted(parts.items())}
    mean = sum(found.values()) / len(found)
    return {"mean_ari": mean} | {f"ari_{name}": value for name, value in found.items()}


def adjusted_rand_index(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """Return how far two groupings of the same items agree beyond chance.

    Args:
        one: the group of each item.
        other: the group of each item in the other grouping, as long as `one`.
    """
    both = _pairs(Counter(zip(one, other, strict=True)))
    first, second, all_pairs = _pairs(Counter(one)), _pairs(Counter(other)), _pairs({0: len(one)})
    if both == first == second:
        return 1.0
    # Whole numbers as long as possible: the fraction of both - expected and mean - expected.
    top = 2 * (both * all_pairs - first * second)
    return top / ((first + second) * all_pairs - 2 * first * second)


def _pairs(sizes: Counter[Hashable] | Counter[tuple[Hashable, Hashable]] | dict[int, int]) -> int:
    """Return how many pairs of items share a group."""
    return sum(size * (size - 1) // 2 for size in sizes.values())
