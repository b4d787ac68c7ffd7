"""Compare how much of the base network of `bioclip_wings --preset imagenet` is tuned.

    python -m training.hybrid.comparisons.bioclip_tuning --data DIR/train --submission FOLDER
        [--tuned 0 2 7] [--folds 2] [--write NAME]

FOLDER is a submission that `bioclip_wings.py` trained on DIR/train; only its wing network, which
knows no labels, is used. For each number of tuned stages (0: frozen, 7: everything) a tower is
trained and judged in the folds of `bioclip_scores.py`, with no other photographs. The table has the
best of the candidate scores by the harmonic mean, and the score that the preset serves. `--write
NAME` writes it into the block `tuning-NAME` of training/LOG.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from kit.markdown import write_block
from training.common import script
from training.common.console import say
from training.hybrid.bioclip.images import read_labels
from training.hybrid.bioclip.recipe import PRESETS, Recipe
from training.hybrid.bioclip.statistics import SCORES
from training.hybrid.bioclip_wings import SCORE
from training.hybrid.comparisons.bioclip_scores import FOLDS, HEADINGS, ROOT, validate, views_of
from training.hybrid.comparisons.looks import heading, table_row
from wildlife_scoring.hybrid.metrics import harmonic_mean
from wildlife_wings.unet import CheckpointError

PRESET = "imagenet"


def rows_of(title: str, recalls: Mapping[str, list[float]]) -> list[str]:
    """Return the row of the score that is served, and that of the best one if it is another."""
    best = max(SCORES, key=lambda name: harmonic_mean(recalls[name]))
    names = dict.fromkeys([SCORE[PRESET], best])
    return [
        table_row(f"{title}, {name}", [*recalls[name], harmonic_mean(recalls[name])])
        for name in names
    ]


def recipe_of(tuned: int, seed: int) -> Recipe:
    """Return the recipe of the preset with as many tuned stages."""
    return replace(PRESETS[PRESET], blocks=tuned, seed=seed)


def compare(options: argparse.Namespace) -> None:
    """Train in every fold with every setting; print the table. Raises DataError, TrainingError."""
    labels = read_labels(options.data, soft_parents=False)
    views = views_of(labels, options.submission / "weights" / "wing_unet.safetensors")
    lines = heading(["stages tuned, score", *HEADINGS])
    for tuned in options.tuned:
        started = time.perf_counter()
        recipe = recipe_of(tuned, options.seed)
        folds = [validate(labels, views, fold, recipe, PRESET) for fold in range(options.folds)]
        recalls = {n: np.mean([fold[n] for fold in folds], axis=0).tolist() for n in SCORES}
        lines += rows_of(str(tuned), recalls)
        say(f"{tuned} stages: {time.perf_counter() - started:.0f} s")
        say("\n".join(lines[-2:]))
    block = "\n".join([*lines, "", f"{options.folds} fold(s) of at most {FOLDS}."])
    say(block)
    if options.write:
        write_block(ROOT / "training" / "LOG.md", f"tuning-{options.write}", block)


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    parser = script.parser(
        "training.hybrid.comparisons.bioclip_tuning", "Compare how much of a base is tuned."
    )
    parser.add_argument("--data", type=Path, required=True, help="train.csv and images/")
    parser.add_argument("--submission", type=Path, required=True, help="with the wing network")
    parser.add_argument("--tuned", type=int, nargs="+", default=[0, 2, 7], help="stages")
    parser.add_argument("--folds", type=int, choices=range(1, FOLDS + 1), default=FOLDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", metavar="NAME", help="into that block of training/LOG.md")
    options = parser.parse_args(arguments)
    return script.run(options, lambda: compare(options), also=(CheckpointError,))


if __name__ == "__main__":
    raise SystemExit(main())
