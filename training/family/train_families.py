"""Train the submission `efficientnet_families`: the published recipe.

    python -m training.family.train_families --out FOLDER
    python -m training.family.train_families --data DIR --out SUBMISSION_FOLDER
    python -m training.family.train_families --preset full --backbone local-dir:FOLDER --data DIR \\
        --out SUBMISSION_FOLDER
    python -m training.family.train_families --search --out FOLDER [--trials 60] [--log]

DIR holds train.csv and images/ (training/family/collection.py). A tenth of the images, stratified
by family, is for validation: it ends the training, chooses the temperature, and is measured, with
and without the images' phyla. The steps:

1. features of the frozen tower for each image and its varied copies, kept in runs/features;
2. the head: batch norm, dense layers, balanced class weights (heads/recipe.py has the values);
3. the last layers of the tower, with batch norms as they are (heads/tuning.py).

`full` is EfficientNet-B4 by a hub's id or from a local folder (`--backbone`); `imagenet`, the
default, EfficientNet-Lite2 out of a package, its head trained with Adam. `--search` compares
layers, units, dropout and optimiser by Hyperband (search.py). A killed run resumes; weights.json
comes last.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from training.common import script
from training.common.log_blocks import log_table
from training.family.collection import TAXONOMY_HELP
from training.family.heads.recipe import HeadRecipe
from training.family.heads.tuning import TuningRecipe
from training.family.published import publish, train
from training.family.recipe import PRESETS, Recipe

NAME = "efficientnet_families"


def chosen_recipe(options: argparse.Namespace) -> Recipe:
    """Return the preset with what the command line changes."""
    preset = script.changed(PRESETS[options.preset], options)
    if options.backbone:
        preset = replace(preset, tower=replace(preset.tower, backbone=options.backbone))
    return replace(
        preset,
        head=script.changed(preset.head, options),
        tuning=script.changed(preset.tuning, options),
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = script.submission_parser("family", NAME, f"Train the submission {NAME}.")
    made.add_argument("--taxonomy", type=Path, help=TAXONOMY_HELP)
    made.add_argument("--preset", choices=sorted(PRESETS), default="imagenet")
    made.add_argument("--backbone", help="of full: timm's name, hf-hub:ID or local-dir:FOLDER")
    script.add_recipe_options(made, Recipe)
    script.add_recipe_options(made, HeadRecipe)
    script.add_recipe_options(made, TuningRecipe)
    made.add_argument("--search", action="store_true", help="compare heads by Hyperband")
    made.add_argument("--trials", type=int, default=60, help="of the search, all in all")
    made.add_argument("--log", action="store_true", help="write its best into training/LOG.md")
    options = made.parse_args(arguments)
    if options.backbone and PRESETS[options.preset].tower.base:
        made.error(f"--backbone is for --preset full; {options.preset} has a base of its own")
    if options.log and not options.search:
        made.error("--log is for --search")
    return options


def work(options: argparse.Namespace) -> None:
    """Train, or search, as the options say. Raises ScriptError."""
    recipe = chosen_recipe(options)
    if options.search:
        # Plots and the search's database are needed for nothing else.
        from training.family.search import search

        text = search(options.data, options.out / "search", recipe, options.trials)
        if options.log:
            log_table("family-search", text)
    else:
        command = f"python -m training.family.train_families --preset {options.preset}"
        command += script.given(options, (Recipe, HeadRecipe, TuningRecipe))
        made = train(options.data, options.out, recipe, options.taxonomy)
        publish(NAME, options.out, made, command)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    return script.run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
