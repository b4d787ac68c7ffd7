"""Do generated images help to find hybrids? The same classifiers with and without them.

    python -m training.hybrid.synthetic_hybrids.measure --photographs DIR \\
        --generated GENERATED/signal --generated GENERATED/nonsignal \\
        --generated GENERATED/nonhybrid

DIR/train has train.csv and images/, from which the generator was trained; DIR/dev has ref_dev.csv
and images/, and is scored and nothing else. GENERATED/KIND are folders of generate.py. Features are
principal components of the pattern maps of `wing_pattern_sgd`, fitted on the table's images;
classifiers are those of `dinov2_ensemble` (calibrated SGD, MLP, the higher of both). The table goes
into the README next to this file. Features are kept in --work, so that a rerun is quick.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from kit.markdown import write_block
from training.common import script
from training.common.cache import FeatureCache
from training.common.console import say
from training.common.errors import DataError
from training.hybrid.data import read_images, read_training_table
from training.hybrid.dinov2.heads import as_arrays, fit_calibrated, fit_mlp, log_odds_of
from training.hybrid.dinov2.images import Labelled, read_generated
from wildlife_scoring.hybrid.metrics import score
from wildlife_wings.pattern_features import image_pattern_map

ROOT = Path(__file__).resolve().parents[3]
README = Path(__file__).with_name("README.md")
KEYS = ("A_score_major_recall", "A_score_minor_recall", "mimic_recall", "challenge_score")
HEADINGS = ("major recall", "minor recall", "mimic recall", "challenge score")
COMPONENTS = 60  # as wing_pattern_sgd has
SHARE = 0.8  # of the generated images, another draw for each seed
WIDTHS, STEPS, LEARNING_RATE = (
    (64, 64, 32),
    200,
    3e-3,
)  # of the MLP: the small preset of dinov2_ensemble

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Set:
    """Features (n, d) and whether each image shows a hybrid (n,)."""

    features: Array
    hybrid: NDArray[np.bool_]

    def plus(self, other: Set) -> Set:
        """Return both sets as one."""
        return Set(
            np.concatenate([self.features, other.features]),
            np.concatenate([self.hybrid, other.hybrid]),
        )

    def some(self, seed: int) -> Set:
        """Return a random SHARE of the images."""
        count = max(1, round(SHARE * len(self.hybrid)))
        rows = np.random.default_rng(seed).permutation(len(self.hybrid))[:count]
        return Set(self.features[rows], self.hybrid[rows])


@dataclass(frozen=True)
class Reference:
    """The development images with their truth, (n,) each."""

    paths: tuple[Path, ...]
    stat: NDArray[np.int64]
    group: NDArray[np.str_]


def read_reference(folder: Path) -> Reference:
    """Read DIR/dev. Raises DataError with all that is missing."""
    table = folder / "ref_dev.csv"
    if not table.is_file():
        raise DataError(f"{table} is missing: expected ref_dev.csv and images/ in DIR/dev")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    paths = tuple(folder / "images" / row["filename"] for row in rows)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{folder / 'images'}: {len(missing)} image(s) missing: {missing[:10]}")
    return Reference(
        paths,
        np.array([int(row["hybrid_stat"]) for row in rows]),
        np.array([row["ssp_indicator"] for row in rows]),
    )


def pattern_features(paths: list[Path]) -> Array:
    """Return pattern maps (n, 1512). Raises DataError naming all unreadable images."""
    maps = read_images(paths, lambda image: image_pattern_map(image).ravel())
    return np.stack(maps).astype(np.float32)


def evaluate(train: Set, dev: Array, reference: Reference, seed: int) -> list[float]:
    """Return the four leaderboard values of KEYS on the development images."""
    order = np.random.default_rng(seed).permutation(len(train.hybrid))
    features, hybrid = train.features[order], train.hybrid[order]
    linear = as_arrays(fit_calibrated(features, hybrid, seed))
    mlp, _ = fit_mlp(features, hybrid, WIDTHS, STEPS, LEARNING_RATE, seed)
    scores = score(reference.stat, reference.group, log_odds_of(mlp, linear, dev).max(axis=1))
    return [scores[key] for key in KEYS]


def compare(
    table: Set, generated: dict[str, Set], dev: Array, reference: Reference, seeds: int
) -> dict[str, NDArray[np.float64]]:
    """Return scores (seeds, 4) by training set; kinds of images are added one by one."""
    results = {}
    for count in range(len(generated) + 1):
        kinds = list(generated)[:count]
        rows = []
        for seed in range(seeds):
            train = table
            for kind in kinds:
                train = train.plus(generated[kind].some(seed))
            rows.append(evaluate(train, dev, reference, seed))
        name = "photographs" + "".join(f" + {kind}" for kind in kinds)
        results[name] = np.array(rows)
        say(f"{name} {results[name].mean(axis=0).round(4)}")
    return results


def table_of(results: dict[str, NDArray[np.float64]], counts: dict[str, int]) -> str:
    """Return Markdown: mean and, in brackets, the standard deviation over seeds."""
    seeds = len(next(iter(results.values())))
    lines = ["| trained on | " + " | ".join(HEADINGS) + " |", "|---|" + "---|" * len(HEADINGS)]
    for name, rows in results.items():
        std = rows.std(axis=0, ddof=1) if seeds > 1 else np.zeros(rows.shape[1])
        cells = [f"{m:.3f} ({s:.3f})" for m, s in zip(rows.mean(axis=0), std, strict=True)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    sizes = ", ".join(f"{kind} {count}" for kind, count in counts.items())
    note = f"Mean and, in brackets, standard deviation over {seeds} seeds. Images: {sizes}."
    return "\n".join([*lines, "", note])


def run(options: argparse.Namespace) -> str:
    """Return the table. Raises DataError, FeatureError, TrainingError."""
    rows = read_training_table(options.photographs / "train")
    reference = read_reference(options.photographs / "dev")
    cache = FeatureCache(options.work, "none", "wing_pattern_sgd pattern maps 1")
    maps = cache.features(rows.paths, pattern_features)
    pca = PCA(min(COMPONENTS, len(maps) - 1), svd_solver="full").fit(maps)
    scale = pca.transform(maps).std(axis=0).max()

    def features(paths: tuple[Path, ...]) -> Array:
        components = pca.transform(cache.features(paths, pattern_features)) / scale
        return np.asarray(components, dtype=np.float32)

    def as_set(images: Labelled) -> Set:
        return Set(features(images.paths), images.hybrid)

    table = as_set(Labelled(rows.paths, rows.hybrid))
    generated = {folder.name: as_set(read_generated(folder)) for folder in options.generated}
    results = compare(table, generated, features(reference.paths), reference, options.seeds)
    counts = {"photographs": len(rows.paths)}
    counts |= {kind: len(images.hybrid) for kind, images in generated.items()}
    return table_of(results, counts)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = script.parser(
        "training.hybrid.synthetic_hybrids.measure",
        "Classifiers with and without generated images.",
    )
    parser.add_argument("--photographs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--generated", type=Path, action="append", required=True, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "synthetic_hybrids")
    parser.add_argument("--readme", type=Path, default=README)
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, measure and return the exit status."""
    options = parse(arguments)
    return script.run(options, lambda: measure(options))


def measure(options: argparse.Namespace) -> int:
    """Compare the classifiers and write the table."""
    text = run(options)
    write_block(options.readme, "measured", text)
    say(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
