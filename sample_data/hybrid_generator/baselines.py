"""Reference values: what colour alone reaches, and what reading the true genotypes would reach.

Run by `python -m sample_data.generate_hybrid --baselines`, which writes them, and the counts of
the tables, into the bundle's README. Needs scikit-learn and the scoring program.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kit.markdown import table
from sample_data.generator_common.bundle_folder import fill_readme
from wildlife_scoring.hybrid.metrics import score

from .collection import TASKS, collection
from .genetics import SUBSPECIES, Genotype, Subspecies

TESTS = ("development", "final")
BINS = 10  # along each of the three axes
RARE = 0.02  # bins that never hold as much of a training image (as a root) are left out


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def colour_histogram(path: Path, space: str) -> np.ndarray:
    """Roots of the shares of a joint colour histogram of the whole image, shape (1000,).

    The 75th percentile of each channel, which is background, is made the same light grey first;
    a pixel is shared among its eight nearest bins, so that a little light more or less matters
    little.
    """
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), dtype=float)
    white = np.percentile(rgb.reshape(-1, 3), 75, axis=0)
    balanced = Image.fromarray(np.clip(rgb / white * 215, 0, 255).astype(np.uint8))
    pixels = np.asarray(balanced.convert(space), dtype=float).reshape(-1, 3)
    place = np.clip(pixels / 256 * BINS - 0.5, 0, BINS - 1)
    low = np.minimum(place.astype(int), BINS - 2)
    high_share = place - low
    counts = np.zeros(BINS**3)
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, high_share, 1 - high_share).prod(axis=1)
        bins = np.ravel_multi_index((low + np.array(corner)).T, (BINS, BINS, BINS))
        counts += np.bincount(bins, weight, minlength=counts.size)
    return np.sqrt(counts / len(pixels))


def histogram_scores(bundle: Path, space: str) -> dict[str, np.ndarray]:
    """By task: 1 - (best - second best) of a posterior over the subspecies, from colour alone."""

    def features(folder: Path, rows: list[dict[str, str]]) -> np.ndarray:
        return np.stack([colour_histogram(folder / row["filename"], space) for row in rows])

    rows = read_rows(bundle / "train" / "train.csv")
    train = features(bundle / "train" / "images", rows)
    used = train.max(axis=0) > RARE
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=3000)
    ).fit(train[:, used], [row["subspecies"] or "hybrid" for row in rows])
    pure = model.classes_ != "hybrid"
    scores = {}
    for task in TESTS:
        reference = read_rows(bundle / "reference_data" / task / "ref.csv")
        test = features(bundle / "input_data" / task, reference)[:, used]
        posterior = np.sort(model.predict_proba(test)[:, pure], axis=1)
        scores[task] = 1 - (posterior[:, -1] - posterior[:, -2])
    return scores


def departure(genotype: Genotype, subspecies: Subspecies) -> int:
    """How many of the genotype's alleles, two a locus, are not the subspecies' own."""
    haplotypes = (genotype.maternal.alleles, genotype.paternal.alleles)
    return sum(
        mine != own
        for alleles in haplotypes
        for mine, own in zip(alleles, subspecies.alleles, strict=True)
    )


def genotype_scores() -> dict[str, np.ndarray]:
    """By task: the departure from the nearest subspecies of either species; no image is seen."""
    everyone = collection()
    return {
        task: np.array(
            [
                min(departure(one.genotype, subspecies) for subspecies in SUBSPECIES.values())
                for one in everyone
                if one.task == task
            ],
            dtype=float,
        )
        for task in TESTS
    }


def evaluate(bundle: Path, scores: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """The leaderboard's values by task; scores are in the order of the reference table."""
    values = {}
    for task in TESTS:
        rows = read_rows(bundle / "reference_data" / task / "ref.csv")
        hybrid = [int(row["hybrid_stat"]) for row in rows]
        values[task] = score(hybrid, [row["ssp_indicator"] for row in rows], scores[task])
    return values


def baseline_table(bundle: Path) -> str:
    methods = {
        f"colour histogram, {space}": histogram_scores(bundle, space) for space in ("RGB", "HSV")
    }
    methods["true genotype"] = genotype_scores()
    shown = ("challenge_score", "A_score_major_recall", "A_score_minor_recall", "mimic_recall")
    titles = (
        "score from", "task", "challenge score", "major recall", "minor recall", "mimic recall",
    )  # fmt: skip
    rows = [
        [name, task, *(f"{values[key]:.3f}" for key in shown)]
        for name, scores in methods.items()
        for task, values in evaluate(bundle, scores).items()
    ]
    return "\n".join(table(titles, rows))


def counts_table() -> str:
    """One line for each subspecies and pair, counted from the plan that the tables are made of."""
    counts = Counter((one.parents, one.task) for one in collection())
    parents = dict.fromkeys(one for one, _ in counts)
    order = sorted(parents, key=lambda names: (len(names), list(SUBSPECIES).index(names[0])))
    group = {one.parents: one.group for one in collection()}
    rows = []
    for names in order:
        numbers = " x ".join(f"{SUBSPECIES[name].number}" for name in names)
        row = [" x ".join(names), numbers, group[names], *(str(counts[names, t]) for t in TASKS)]
        rows.append(row)
    totals = [str(sum(n for (_, task), n in counts.items() if task == t)) for t in TASKS]
    titles = ("subspecies or pair", "number", "group", "train", "development", "final")
    return "\n".join(table(titles, [*rows, ["all", "", "", *totals]]))


def main(bundle: Path) -> int:
    return fill_readme(bundle, {"counts": counts_table(), "baselines": baseline_table(bundle)})
