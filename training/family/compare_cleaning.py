"""Compare what cleaning does to the test score of `efficientnet_families`, on the sample.

    python -m training.family.compare_cleaning --skip clip_prompts --skip person_detector

Rows: nothing removed, each filter alone, all of them, all but the one that the published project
rejected, and all true dirt removed, which no filter knows. Each seed splits 15 % of the training
images off before any filter, as clean_images does, draws the validation images and starts the
head. The head is the published one on frozen features; tuning the last layers at 1e-7 is left out.
*Set aside* is the accuracy on the 15 %, dirt and all: the only column to choose filters by. The
other columns are for the report: the accuracy on development and final, and what it gains over
nothing removed, with the half width of a 95 % interval over the test images. The table goes into
training/LOG.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.markdown import table
from training.common import script
from training.common.cache import Features
from training.common.console import say
from training.common.log_blocks import expect_block, log_table
from training.common.submission_files import ROOT
from training.common.tables import read_table
from training.family.clean_images import add_filter_options, given_of, read_dirt
from training.family.cleaning import clean, kept_rows
from training.family.collection import Collection, read_collection
from training.family.features import Sight, TowerFeatures
from training.family.filters.all_filters import FILTERS
from training.family.filters.frame import Filter, Flags, Given
from training.family.heads.recipe import HeadRecipe
from training.family.heads.trainer import HeadTrainer, Labelled, logits_of
from training.family.recipe import Recipe
from training.family.split import split_off, validation_rows
from training.family.towers import start_tower, tower_digest

BLOCK = "family-cleaning"  # of training/LOG.md
SAMPLE = ROOT / "sample_data" / "family"
TASKS = ("development", "final")
NOTHING, EVERYTHING, TRUE = "nothing removed", "all filters", "all true dirt removed"
REJECTED = "imagenet_classes"
TITLES = ("cleaning", "training images", "of them dirt", "set aside", "development and final",
          "gain")  # fmt: skip
Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """Training and test images: features (n, copies, d) and (m, 1, d), families by number."""

    collection: Collection
    dirt: NDArray[np.str_]
    train: Labelled
    test: Labelled


@dataclass(frozen=True)
class Outcome:
    """One training: which rows it learned from (n,), and the accuracy on those set aside.

    right: (m,) whether each test image is named right.
    """

    learned: Flags
    aside: float
    right: Right


def read_sample(folder: Path, image_size: int) -> Sample:
    """Read the sample and its features. Raises DataError, FeatureError, TrainingError."""
    collection = read_collection(folder / "train")
    names = np.array(sorted(collection.taxonomy))
    recipe = Recipe(image_size=image_size)
    tower, settings = start_tower(recipe.tower)
    features = TowerFeatures(tower, tower_digest(tower, settings), Sight(recipe.views(), settings))
    paths, families = [], []
    for task in TASKS:
        _, rows = read_table(folder / "reference_data" / task / "ref.csv", "filename and family")
        paths += [folder / "input_data" / task / row["filename"] for row in rows]
        families += [row["family"] for row in rows]
    return Sample(
        collection,
        np.array(read_dirt(folder / "train")),
        _labelled(features.copies(collection.paths, recipe.copies), names, collection.family),
        _labelled(features.copies(paths, 0), names, np.array(families)),
    )


def _labelled(features: Features, names: NDArray[np.str_], family: NDArray[np.str_]) -> Labelled:
    return Labelled(features, np.searchsorted(names, family).astype(np.intp))


def cleanings(filters: Sequence[Filter]) -> dict[str, list[Filter]]:
    """Return the filters of each row of the table, but for the row of the true dirt."""
    found = {NOTHING: [], **{one.name: [one] for one in filters}, EVERYTHING: list(filters)}
    if any(one.name == REJECTED for one in filters):
        found[f"all but {REJECTED}"] = [one for one in filters if one.name != REJECTED]
    return found


def outcomes(
    sample: Sample, given: Given, filters: Sequence[Filter], head: HeadRecipe
) -> dict[str, Outcome]:
    """Clean and train by one seed, the head's; return the outcome of each row of the table."""
    aside = split_off(sample.collection.family, head.seed)
    given = replace(given, seed=head.seed)
    found = {}
    for name, some in cleanings(filters).items():
        removed = clean(given, some, aside, say=lambda _: None)
        kept = kept_rows(len(aside), removed)
        found[name] = trained(sample, kept & ~aside, aside, head)
    found[TRUE] = trained(sample, (sample.dirt == "") & ~aside, aside, head)
    return found


def trained(sample: Sample, learned: Flags, aside: Flags, head: HeadRecipe) -> Outcome:
    """Train a head on the rows `learned` but for a tenth, which ends the training."""
    rows = np.flatnonzero(learned)
    validation = rows[validation_rows(sample.collection.family[rows], seed=head.seed)]
    fit = np.setdiff1d(rows, validation)
    part = [Labelled(sample.train.features[k], sample.train.labels[k]) for k in (fit, validation)]
    network = HeadTrainer(head, part[0], len(sample.collection.taxonomy), part[1]).train()
    seen = logits_of(network, sample.train.features[aside, :1]).argmax(axis=1)
    named = logits_of(network, sample.test.features[:, :1]).argmax(axis=1)
    own = float((seen == sample.train.labels[aside]).mean())
    return Outcome(learned, own, np.asarray(named == sample.test.labels))


def row_of(
    found: Sequence[Outcome], before: Sequence[Outcome], dirt: NDArray[np.str_]
) -> list[str]:
    """Return the measures of one cleaning over all seeds; before: those of nothing removed."""
    images = np.mean([one.learned.sum() for one in found])
    dirty = np.mean([(one.learned & (dirt != "")).sum() for one in found])
    accuracy = [float(one.right.mean()) for one in found]
    pairs = zip(found, before, strict=True)
    gain = np.mean([one.right.astype(float) - other.right for one, other in pairs], axis=0)
    half = 1.96 * gain.std() / np.sqrt(len(gain))
    spread = f"({min(accuracy):.3f} to {max(accuracy):.3f})"
    return [
        f"{images:.0f}",
        f"{dirty:.0f}",
        f"{np.mean([one.aside for one in found]):.3f}",
        f"{np.mean(accuracy):.3f} {spread}",
        "" if found is before else f"{gain.mean():+.3f} ± {half:.3f}",
    ]


def compare(
    sample: Sample, given: Given, filters: Sequence[Filter], seeds: int, head: HeadRecipe
) -> str:
    """Return the table as Markdown. Raises FilterUnavailable, TrainingError."""
    by_seed: list[Mapping[str, Outcome]] = []
    for seed in range(seeds):
        by_seed.append(outcomes(sample, given, filters, replace(head, seed=seed)))
        say(f"seed {seed} is done")
    of = {name: [one[name] for one in by_seed] for name in by_seed[0]}
    rows = [[name, *row_of(found, of[NOTHING], sample.dirt)] for name, found in of.items()]
    count = f"Mean (range) of {seeds} trainings; {len(sample.test.labels)} test images."
    return "\n".join([*table(TITLES, rows), "", count])


def work(options: argparse.Namespace) -> None:
    """Compare, and write the table into the log. Raises ScriptError."""
    expect_block(BLOCK)
    sample = read_sample(SAMPLE, options.image_size)
    filters = [one for one in FILTERS if one.name not in options.skip]
    given = given_of(options, sample.collection)
    text = compare(sample, given, filters, options.seeds, HeadRecipe())
    say(text)
    log_table(BLOCK, text)


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, compare and return the exit status."""
    made = script.parser("training.family.compare_cleaning", "What cleaning does to the score.")
    add_filter_options(made)
    made.add_argument("--seeds", type=int, default=5, help="trainings of each row")
    made.add_argument("--image-size", type=int, default=160, help="pixels")
    options = made.parse_args(arguments)
    if options.seeds < 1:
        made.error(f"--seeds {options.seeds}: expected 1 or more")
    return script.run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
