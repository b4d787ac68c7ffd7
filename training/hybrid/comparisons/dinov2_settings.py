"""Compare settings of `dinov2_ensemble` inside the training data; the table goes into its README.

    python -m training.hybrid.comparisons.dinov2_settings sample
    python -m training.hybrid.comparisons.dinov2_settings photographs \\
        --data DIR/train --look DIR/dev

For validation are: a quarter of the specimens, half of the hybrids'; a quarter of the pairs of
subspecies (no crosses are made of them); a few whole subspecies. The validation mirrors the
leaderboard: the table's own hybrids of validation specimens stand for "major", crosses of
validation specimens of validation pairs for "minor", and validation subspecies and their crosses,
hue and outline shifted, for "mimic". `--look` adds the score of each setting, trained on
everything, on a development folder (images/ and ref_dev.csv): it tells how well the validation
ranks, and never chooses.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kit.markdown import write_block
from training.common import script
from training.common.cache import Features
from training.common.console import say
from training.hybrid.comparisons.looks import Look, development, heading, rank_agreement, table_row
from training.hybrid.data import TrainingTable, read_training_table
from training.hybrid.dinov2.backbone import BackboneRecipe, train_backbone
from training.hybrid.dinov2.crosses import Mixing, Wings, mixed, shifted
from training.hybrid.dinov2.features import Extractor
from training.hybrid.dinov2.heads import fit_heads, log_odds_of
from training.hybrid.dinov2.images import (
    Labelled,
    some_rows,
    table_digest,
    wings_of,
    write_synthetic,
)
from training.hybrid.dinov2.recipe import PRESETS, STILL, Recipe
from training.hybrid.dinov2_ensemble import head_features
from training.hybrid.split import validation_specimens
from wildlife_scoring.hybrid.metrics import score
from wildlife_wings.dinov2_heads import Array, combined

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "submissions" / "dinov2_ensemble" / "README.md"

VALIDATION_SHARE = 0.25
VALIDATION_HYBRIDS = 0.5  # they are few
EVERY = 4  # every fourth pair, and every fourth subspecies by size, is for validation
CROSSES = 300
OTHER_PATCHES = Mixing(fewest_patches=10, most_patches=10)  # than in training
AS_MIMIC = Mixing(hue=25.0, strong_share=0.0, bend=0.15)
# Of the backbone, in each row of a table alike: as shipped; fewer where each row is trained twice.
STEPS = {"sample": BackboneRecipe().steps, "photographs": 600}
SEED = 11
KEYS = ("A_score_major_recall", "A_score_minor_recall", "mimic_recall", "challenge_score")
HEADINGS = ["hybrids", "unseen pairs", "unseen subspecies, shifted", "harmonic mean"]

Rows = NDArray[np.bool_]
NO_SHIFT = Mixing(hue=0, strong_share=0, tone=0, saturation=0, bend=0, shift=0)
NO_CROSSES = Mixing(crosses=0)


@dataclass(frozen=True)
class Setting:
    """The varied values: training of backbone and classifiers, their features, the score."""

    heads: Mixing = PRESETS["small"].mixing
    synthetic: int = PRESETS["small"].synthetic
    score: str = PRESETS["small"].score
    shifts: tuple[tuple[int, int], ...] = PRESETS["small"].shifts
    learning_rate: float = BackboneRecipe().learning_rate


SETTINGS = {
    "larger of both (the default, as published)": Setting(),
    "mean of both": Setting(score="mean"),
    "MLP alone": Setting(score="mlp"),
    "SGD alone": Setting(score="sgd"),
    "features of one image, not of five shifted by a pixel": Setting(shifts=STILL),
    "backbone's rate half as large": Setting(learning_rate=BackboneRecipe().learning_rate / 2),
    "classifiers without hue and outline shifts": Setting(heads=NO_SHIFT),
    "classifiers without crosses": Setting(heads=NO_CROSSES),
    "classifiers without synthetic images": Setting(synthetic=0),
}


@dataclass(frozen=True)
class Part:
    """Training data of a setting; `wings` lacks the validation pairs."""

    table: TrainingTable
    wings: Wings
    steps: int  # of the backbone


@dataclass(frozen=True)
class LabelledTest:
    """Squares (n, s, s, 3) with the reference columns of the track, (n,) each."""

    squares: NDArray[np.uint8]
    hybrid: NDArray[np.int64]
    group: NDArray[np.str_]


def validation_subspecies(table: TrainingTable) -> list[str]:
    """Return every fourth subspecies by size, from the second: common and rare ones."""
    names, counts = np.unique(table.subspecies[~table.hybrid], return_counts=True)
    by_size = [names[k] for k in np.lexsort((names, -counts))]
    return sorted(map(str, by_size[1::EVERY]))


def split_rows(table: TrainingTable) -> tuple[Rows, Rows, Rows]:
    """Return three masks (n,): training, validation specimens, validation subspecies."""
    far = np.isin(table.subspecies, validation_subspecies(table))
    near = np.zeros(len(far), np.bool_)
    for rows, share in (
        (~table.hybrid & ~far, VALIDATION_SHARE),
        (table.hybrid, VALIDATION_HYBRIDS),
    ):
        chosen = validation_specimens(table.specimen[rows].tolist(), share, SEED)
        near |= rows & np.isin(table.specimen, sorted(chosen))
    kept = ~near & ~far
    known = np.isin(table.subspecies, np.unique(table.subspecies[kept]))
    return kept, near & (known | table.hybrid), far


def split_pairs(wings: Wings, validation: bool) -> Wings:
    """Return the wings with the validation pairs of subspecies, or with the training pairs."""
    names = [
        tuple(sorted((wings.groups.names[a][0], wings.groups.names[b][0])))
        for a, b in wings.pairs.T.tolist()
    ]
    apart = set(sorted(set(names))[::EVERY])
    rows = np.array([(name in apart) == validation for name in names])
    return replace(wings, pairs=wings.pairs[:, rows])


def make_test(near: Wings, far: Wings) -> LabelledTest:
    """Return the three groups of the leaderboard, made of validation images."""
    rng = np.random.default_rng(SEED)
    crosses = mixed(split_pairs(near, True), CROSSES, False, OTHER_PATCHES, rng)[0]
    far_crosses = mixed(far, CROSSES, False, OTHER_PATCHES, rng)[0]
    parts: list[tuple[Tensor, int, str]] = [
        (near.pure[::2], 0, "major"),
        (near.pure[1::2], 0, "minor"),  # the two share a threshold
        (near.hybrids, 1, "major"),
        (crosses, 1, "minor"),
        (shifted(far.pure, AS_MIMIC, rng), 0, "mimic"),
        (shifted(far_crosses, AS_MIMIC, rng), 1, "mimic"),
    ]
    images = torch.cat([part for part, _, _ in parts])
    return LabelledTest(
        (images.movedim(1, -1) * 255).round().to(torch.uint8).numpy(),
        np.concatenate([np.full(len(part), hybrid) for part, hybrid, _ in parts]),
        np.concatenate([np.full(len(part), group) for part, _, group in parts]),
    )


def ready(part: Part, setting: Setting, work: Path) -> tuple[Extractor, Recipe]:
    """Return the setting's backbone, trained on the part unless it exists already."""
    recipe = PRESETS["small"]
    assert recipe.scratch is not None
    scratch = replace(recipe.scratch, steps=part.steps, learning_rate=setting.learning_rate)
    pairs = part.wings.pairs.tolist()
    folder = work / f"backbone-{table_digest(part.table, recipe.preprocessing, scratch, pairs)}"
    if not (folder / "model").is_dir():
        train_backbone(folder, scratch, part.wings, recipe.preprocessing)
    recipe = replace(
        recipe,
        mixing=setting.heads,
        synthetic=setting.synthetic,
        score=setting.score,
        shifts=setting.shifts,
    )
    return Extractor.open(folder / "model", recipe.preprocessing, work), recipe


def scores_of(
    part: Part, extractor: Extractor, recipe: Recipe, work: Path, test: Features
) -> Array:
    """Train SGD and MLP on the part; return the log-odds (n,) of the test features."""
    synthetic = None
    if recipe.synthetic:
        digest = table_digest(
            part.table, recipe.mixing, recipe.synthetic, part.wings.pairs.tolist()
        )
        folder = work / f"synthetic-{digest}"
        synthetic = write_synthetic(
            part.wings, folder, recipe.synthetic, recipe.mixing, recipe.seed
        )
    images = Labelled(part.table.paths, part.table.hybrid)
    features, hybrid = head_features(extractor, images, synthetic)
    mlp, linear, _ = fit_heads(features, hybrid, recipe)
    both = log_odds_of(mlp, linear, test)
    return np.array([combined(recipe.score, m, s) for m, s in both.tolist()])


def compare(data: Path, look: Look | None, work: Path, steps: int) -> str:
    """Return the table as Markdown. Raises DataError, TrainingError, FeatureError, OSError."""
    preprocessing = PRESETS["small"].preprocessing
    table = read_training_table(data)
    kept, near, far = (some_rows(table, rows) for rows in split_rows(table))
    part = Part(kept, split_pairs(wings_of(kept, preprocessing), False), steps)
    test = make_test(wings_of(near, preprocessing), wings_of(far, preprocessing))
    whole = Part(table, wings_of(table, preprocessing), steps) if look else None
    lines = heading(["setting", *HEADINGS, *(["development"] if look else [])])
    validated: list[float] = []
    looked: list[float] = []
    for name, setting in SETTINGS.items():
        extractor, recipe = ready(part, setting, work)
        features = features_of_test(extractor, test)
        measured = score(
            test.hybrid, test.group, scores_of(part, extractor, recipe, work, features)
        )
        values = [measured[key] for key in KEYS]
        validated.append(values[-1])
        if look and whole:
            extractor, recipe = ready(whole, setting, work)
            features = extractor.features(look.paths)
            final = scores_of(whole, extractor, recipe, work, features)
            looked.append(score(look.hybrid, look.group, final)["challenge_score"])
            values.append(looked[-1])
        lines.append(table_row(name, values))
        say(lines[-1])
    counts = ", ".join(f"{np.sum(test.group == g)} {g}" for g in ("major", "minor", "mimic"))
    lines += ["", f"{len(kept.paths)} images trained on, {len(test.hybrid)} tested ({counts})."]
    if looked:
        lines.append(rank_agreement(validated, looked, "development score", "settings"))
    return "\n".join(lines)


def features_of_test(extractor: Extractor, test: LabelledTest) -> Features:
    """Return backbone features of the labelled test images, (n, d), computed 64 at a time."""
    backbone = extractor.read()
    chunks = range(0, len(test.squares), 64)
    return np.concatenate([backbone.of_pixels(test.squares[k : k + 64]) for k in chunks])


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, compare the settings and return the exit status."""
    parser = script.parser(
        "training.hybrid.comparisons.dinov2_settings", "Compare settings inside the training data."
    )
    parser.add_argument("block", choices=["sample", "photographs"], help="which table")
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "hybrid" / "train")
    parser.add_argument("--look", type=Path)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "dinov2_ensemble")
    options = parser.parse_args(arguments)
    return script.run(options, lambda: write_table(options))


def write_table(options: argparse.Namespace) -> None:
    """Compare the settings and write the table into the README."""
    look = development(options.look) if options.look else None
    table = compare(options.data, look, options.work, STEPS[options.block])
    write_block(README, options.block, table)


if __name__ == "__main__":
    raise SystemExit(main())
