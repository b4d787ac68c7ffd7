"""Compare how much of the base network of `bioclip_wings --preset imagenet` is tuned.

    python -m training.hybrid.comparisons.bioclip_tuning --data DIR/train --submission FOLDER
        [--tuned 0 2 7] [--from-scratch] [--folds 2] [--seeds 1] [--write NAME]

FOLDER is a submission that `bioclip_wings.py` trained on DIR/train; only its wing network, which
knows no labels, is used. For each number of tuned stages (0: frozen, 7: everything), and with
--from-scratch for the preset `small`, a tower is trained with each seed and judged in the folds of
`bioclip_scores.py`, with no other photographs. The table has the score that the preset serves and
the best of the candidate scores, by the harmonic mean, and the mean difference of that mean from
the first row, by fold and seed, with its standard error. `--write NAME` writes the table into the
block `tuning-NAME` of training/LOG.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from kit.markdown import table
from training.common import script
from training.common.console import say
from training.common.log_blocks import expect_block, log_table
from training.common.paired import paired_difference
from training.hybrid.bioclip.images import Labels, read_labels
from training.hybrid.bioclip.recipe import PRESETS, Recipe
from training.hybrid.bioclip.statistics import SCORES
from training.hybrid.bioclip_wings import SCORE
from training.hybrid.comparisons.bioclip_scores import FOLDS, HEADINGS, validate, views_of
from wildlife_scoring.hybrid.metrics import harmonic_mean
from wildlife_wings.unet import CheckpointError

Recalls = list[Mapping[str, list[float]]]  # by fold and seed, then by score

TITLES = ["stages tuned, score", *HEADINGS, "paired difference"]


@dataclass(frozen=True)
class Setting:
    """A row of the table: a preset, and how much of its base is tuned."""

    title: str
    preset: str
    recipe: Recipe


def settings_of(tuned: Sequence[int], from_scratch: bool) -> Iterator[Setting]:
    """Yield the settings in the order of the table."""
    if from_scratch:
        yield Setting("preset small, from scratch", "small", PRESETS["small"])
    for stages in tuned:
        yield Setting(str(stages), "imagenet", replace(PRESETS["imagenet"], blocks=stages))


def harmonic_means(found: Recalls, name: str) -> list[float]:
    """Return the harmonic mean of a score's recalls, for each fold and seed."""
    return [harmonic_mean(one[name]) for one in found]


def rows_of(setting: Setting, found: Recalls, baseline: Sequence[float]) -> list[list[str]]:
    """Return the row of the score that is served, and that of the best one if it is another.

    baseline: the harmonic means of the table's first row; empty for that row itself.
    """
    recalls = {name: np.mean([one[name] for one in found], axis=0).tolist() for name in SCORES}
    best = max(SCORES, key=lambda name: harmonic_mean(recalls[name]))
    rows = []
    for name in dict.fromkeys([SCORE[setting.preset], best]):
        values = [*recalls[name], harmonic_mean(recalls[name])]
        difference = paired_difference(harmonic_means(found, name), baseline) if baseline else "–"
        cells = [f"{value:.3f}" for value in values]
        rows.append([f"{setting.title}, {name}", *cells, difference])
    return rows


def measure(labels: Labels, views: Tensor, setting: Setting, folds: int, seeds: int) -> Recalls:
    """Train in every fold with every seed. Raises TrainingError."""
    started = time.perf_counter()
    found: Recalls = []
    for seed in range(seeds):
        recipe = replace(setting.recipe, seed=seed)
        found += [validate(labels, views, fold, recipe, setting.preset) for fold in range(folds)]
    say(f"{setting.title}: {time.perf_counter() - started:.0f} s")
    return found


def compare(options: argparse.Namespace) -> None:
    """Train in every fold with every setting; print the table. Raises ScriptError."""
    if options.write:
        expect_block(f"tuning-{options.write}")
    labels = read_labels(options.data, soft_parents=False)
    views = views_of(labels, options.submission / "weights" / "wing_unet.safetensors")
    baseline: list[float] = []
    rows = []
    for setting in settings_of(options.tuned, options.from_scratch):
        found = measure(labels, views, setting, options.folds, options.seeds)
        rows += rows_of(setting, found, baseline)
        baseline = baseline or harmonic_means(found, SCORE[setting.preset])
        say("\n".join(" | ".join(row) for row in rows[-2:]))
    counts = f"{options.folds} fold(s) of at most {FOLDS}, {options.seeds} seed(s)."
    block = "\n".join([*table(TITLES, rows), "", counts])
    say(block)
    if options.write:
        log_table(f"tuning-{options.write}", block)


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    parser = script.parser(
        "training.hybrid.comparisons.bioclip_tuning", "Compare how much of a base is tuned."
    )
    parser.add_argument("--data", type=Path, required=True, help="train.csv and images/")
    parser.add_argument("--submission", type=Path, required=True, help="with the wing network")
    parser.add_argument("--tuned", type=int, nargs="+", default=[0, 2, 7], help="stages")
    parser.add_argument("--from-scratch", action="store_true", help="first the preset small")
    parser.add_argument("--folds", type=int, choices=range(1, FOLDS + 1), default=FOLDS)
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each, default 1")
    parser.add_argument("--write", metavar="NAME", help="into that block of training/LOG.md")
    options = parser.parse_args(arguments)
    script.refuse_not_positive(parser, options, ("seeds",))
    return script.run(options, lambda: compare(options), also=(CheckpointError,))


if __name__ == "__main__":
    raise SystemExit(main())
