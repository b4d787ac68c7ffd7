"""Compare settings of `wing_pattern_sgd` inside the training data, and write the table into LOG.md.

    python -m training.hybrid.comparisons.wing_pattern_settings sample
    python -m training.hybrid.comparisons.wing_pattern_settings photographs \\
        --data DIR/train --look DIR/dev

`--look` adds what each setting scores on a development folder (images/ and ref_dev.csv): for
telling how well the validation ranks, never for choosing.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from training.common import script
from training.common.console import say
from training.common.log_blocks import expect_block, log_table
from training.hybrid.comparisons.looks import Look, development, heading, rank_agreement, table_row
from training.hybrid.crosses import cross_maps, shift_species
from training.hybrid.wing_pattern.fit import (
    SEED,
    Array,
    Examples,
    HybridScore,
    Settings,
    aligned_wings,
    assign_folds,
    fit_score,
    pattern_maps,
    split_fold,
)
from training.hybrid.wing_pattern_sgd import read_examples
from wildlife_scoring.hybrid.metrics import TNR, harmonic_mean, score
from wildlife_scoring.metrics import share_above, threshold_at_tnr

ROOT = Path(__file__).resolve().parents[3]

OUTER_FOLDS = 4
VALIDATION_CROSSES = 200
VALIDATION_PATCHES = 4  # other than in training: the weights must not live off the recipe's shape
# Stand-ins for a mimic: hue (degrees), brightness, saturation, bend of the outline (along, across).
MIMICS = (
    (14.0, 1.08, 0.9, (1.12, 1.1)),
    (-14.0, 0.95, 1.0, (0.9, 0.92)),
    (8.0, 1.0, 0.8, (1.0, 1.08)),
)
BASE = Settings()
SETTINGS = {
    "chosen": BASE,
    "known hybrids not used": replace(BASE, known_hybrids=False),
    "distance alone": replace(BASE, evidence=("distance",)),
    "midpoint alone": replace(BASE, evidence=("midpoint",)),
    "mosaic alone": replace(BASE, evidence=("mosaic",)),
    "upper and under side as one": replace(BASE, views=False),
    "colour without edges": replace(BASE, edges=False),
    "weights without lookalikes": replace(BASE, lookalikes=False),
    "30 components": replace(BASE, components=30),
    "100 components": replace(BASE, components=100),
    "shrinkage 0.1": replace(BASE, shrinkage=0.1),
    "shrinkage 0.6": replace(BASE, shrinkage=0.6),
    "regions 2 x 2": replace(BASE, grid=(2, 2)),
    "regions 4 x 3": replace(BASE, grid=(4, 3)),
}
HEADINGS = ["hybrids", "crosses", "mimic hybrids", "mimic crosses", "harmonic mean"]


def validate(pure: Examples, hybrids: Examples, settings: Settings) -> list[float]:
    """Return recalls at TNR 0.95 on validation specimens, by HEADINGS: means over the folds.

    Validation hybrids and crosses stand for the hybrids; shifted in hue and outline, they stand for
    those of the mimic.
    """
    fold = assign_folds(pure.specimen, OUTER_FOLDS, SEED + 1)
    hybrid_fold = assign_folds(hybrids.specimen, OUTER_FOLDS, SEED + 1)
    rows = []
    for k in range(OUTER_FOLDS):
        training, validation = split_fold(pure, fold == k)
        fitted = fit_score(training, hybrids[hybrid_fold != k], settings)
        validation_hybrids = hybrids[hybrid_fold == k]
        own = _recalls(fitted, settings, validation, validation_hybrids)
        mimic = np.mean(
            [
                _recalls(
                    fitted, settings, _as_mimic(validation, m), _as_mimic(validation_hybrids, m)
                )
                for m in range(len(MIMICS))
            ],
            axis=0,
        )
        rows.append([*own, *mimic])
    means: list[float] = np.mean(rows, axis=0).tolist()
    return [*means, harmonic_mean(means)]


def _recalls(
    fitted: HybridScore, settings: Settings, pure: Examples, hybrids: Examples
) -> list[float]:
    maps = pure.maps(settings)
    rng = np.random.default_rng(SEED + 2)
    crosses = cross_maps(maps, pure.groups, VALIDATION_CROSSES, rng, VALIDATION_PATCHES)
    scores = fitted(maps)
    limit = threshold_at_tnr(np.zeros(len(scores), dtype=np.bool_), scores, TNR)
    return [share_above(fitted(m), limit) for m in (hybrids.maps(settings), crosses)]


def _as_mimic(examples: Examples, kind: int) -> Examples:
    shifted = [shift_species(w, *MIMICS[kind]) for w in examples.wings]
    return replace(examples, wings=np.stack(shifted))


def looked_wings(look: Look) -> Array:
    """Return the aligned wings (n, 72, 96, 4) of the looked-at images."""
    wings = []
    for path in look.paths:
        with Image.open(path) as image:
            wings.append(aligned_wings(image))
    return np.stack(wings)


def main() -> int:
    """Parse the options, compare the settings and return the exit status."""
    parser = script.parser(
        "training.hybrid.comparisons.wing_pattern_settings",
        "Compare settings inside the training data.",
    )
    parser.add_argument("block", choices=["sample", "photographs"], help="which table of LOG.md")
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "hybrid" / "train")
    parser.add_argument("--look", type=Path)
    options = parser.parse_args()
    return script.run(options, lambda: compare(options))


def compare(options: argparse.Namespace) -> int:
    """Compare the settings and write the table into the log."""
    expect_block(options.block)
    _, pure, hybrids = read_examples(options.data)
    look = development(options.look) if options.look else None
    wings = looked_wings(look) if look else None
    validated: list[float] = []
    looked: list[float] = []
    lines = heading(["setting", *HEADINGS, *(["development"] if look else [])])
    for name, settings in SETTINGS.items():
        values = validate(pure, hybrids, settings)
        validated.append(values[-1])
        if look and wings is not None:
            final = fit_score(pure, hybrids, settings)(pattern_maps(wings, settings))
            looked.append(score(look.hybrid, look.group, final)["challenge_score"])
            values.append(looked[-1])
        lines.append(table_row(name, values))
        say(lines[-1])
    if looked:
        lines += ["", rank_agreement(validated, looked, "development score", "settings")]
    log_table(options.block, "\n".join(lines))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
