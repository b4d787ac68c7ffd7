"""Compare recipes pair by pair inside the training data: what do the two submissions take?

    python -m training.family.compare_recipes networks --data DIR/train
    python -m training.family.compare_recipes towers --data DIR/train --repeats 3

`networks`: what the preset `imagenet` of efficientnet_families could change in the published
recipe. `towers`: members, views and strength of two_lite_towers. Each image is named by a head
that did not see it (five folds, stratified by family); each repeat has folds and a seed of its
own, and all rows have the same ones, so that they are compared repeat by repeat with the first
row. The table goes into training/LOG.md, a row at a time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kit.markdown import table
from training.common import script
from training.common.console import say
from training.common.log_blocks import expect_block, log_table
from training.common.paired import paired_difference
from training.common.submission_files import ROOT
from training.family.collection import Collection, read_collection
from training.family.features import Sight, TowerFeatures
from training.family.heads.logistic import fit_logistic
from training.family.heads.recipe import ADAM, HeadRecipe
from training.family.heads.trainer import HeadTrainer, Labelled, logits_of
from training.family.joint import MEMBERS, STRENGTH, Member, joined, member_features
from training.family.measures import TITLES, Answers, mean_of, measured
from training.family.recipe import Recipe
from training.family.split import Rows, repeated_folds, validation_rows
from training.family.towers import TowerRecipe, start_tower, tower_digest
from wildlife_family.taxonomy import Taxonomy
from wildlife_family.towers_of_views import joint_logits

FOLDS = 5
DIFFERENCES = ("accuracy", "f1_macro")  # that are shown pair by pair
Logits = NDArray[np.float64]
# Rows to train on, rows to name, a seed -> logits (named, families).
Method = Callable[[Rows, Rows, int], Logits]

PUBLISHED = Recipe()
WITH_ADAM = replace(PUBLISHED, head=HeadRecipe(optimiser=ADAM, learning_rate=1e-3))
ON_LITE0 = replace(WITH_ADAM, tower=TowerRecipe("lite0"), image_size=320)
NETWORKS = {
    "published recipe on lite2, 288 pixels": PUBLISHED,
    "Adam at 0.001": WITH_ADAM,
    "Adam, lite0 at 320 pixels": ON_LITE0,
    "Adam, lite0 at 320 pixels, two views": replace(ON_LITE0, shares=(1.0, 0.75)),
}


@dataclass(frozen=True)
class Towers:
    """Members side by side, the strength of their head, and a correction by families' shares."""

    members: tuple[Member, ...] = MEMBERS
    strength: float = STRENGTH
    prior: float = 0.0


_LITE0, _LITE2 = MEMBERS
TOWERS = {
    "two_lite_towers": Towers(),
    "strength 0.015": Towers(strength=0.015),
    "strength 0.15": Towers(strength=0.15),
    "- 0.25 x logarithm of the families' shares": Towers(prior=-0.25),
    "lite1 at 320 pixels too": Towers((*MEMBERS, replace(_LITE0, tower=TowerRecipe("lite1")))),
    "lite2 at 384 pixels": Towers((_LITE0, replace(_LITE2, image_size=384))),
}


@dataclass(frozen=True)
class Images:
    """A collection, its taxonomy, and the families (n,) by number."""

    collection: Collection
    taxonomy: Taxonomy
    labels: NDArray[np.intp]

    @classmethod
    def read(cls, data: Path) -> Images:
        """Read a collection. Raises DataError."""
        collection = read_collection(data)
        taxonomy = Taxonomy.of(collection.taxonomy)
        labels = np.searchsorted(np.array(taxonomy.families), collection.family)
        return cls(collection, taxonomy, labels.astype(np.intp))

    def network(self, recipe: Recipe) -> Method:
        """Return the method of one network. Raises FeatureError, TrainingError."""
        tower, settings = start_tower(recipe.tower)
        sight = Sight(recipe.views(), settings)
        features = TowerFeatures(tower, tower_digest(tower, settings), sight)
        paths = self.collection.paths
        served, copies = features.served(paths), features.copies(paths, recipe.copies)

        def named(fit: Rows, seen: Rows, seed: int) -> Logits:
            validation = fit[validation_rows(self.collection.family[fit], seed=seed)]
            learned = np.setdiff1d(fit, validation)
            trainer = HeadTrainer(
                replace(recipe.head, seed=seed),
                Labelled(copies[learned], self.labels[learned]),
                len(self.taxonomy.families),
                Labelled(served[validation], self.labels[validation]),
            )
            return logits_of(trainer.train(), served[seen])

        return named

    def towers(self, towers: Towers) -> Method:
        """Return the method of towers side by side. Raises FeatureError, TrainingError."""
        paths = self.collection.paths
        features = joined([member_features(member, paths) for member in towers.members])
        count = len(self.taxonomy.families)

        def named(fit: Rows, seen: Rows, _: int) -> Logits:
            head = fit_logistic(features[fit], self.labels[fit], count, towers.strength)
            logits = joint_logits(head, [torch.from_numpy(features[seen])]).double().numpy()
            share = np.bincount(self.labels[fit], minlength=count) / len(fit)
            return np.asarray(logits + towers.prior * np.log(np.maximum(share, 1e-6)))

        return named

    def measured_by(self, method: Method, repeats: int) -> Iterator[dict[str, float]]:
        """Yield the measures of each repeat, whose folds and seed are its number's."""
        collection = self.collection
        for repeat in range(repeats):
            logits = np.zeros((len(self.labels), len(self.taxonomy.families)))
            for fit, seen in repeated_folds(collection.family, FOLDS, 1, repeat):
                logits[seen] = method(fit, seen, repeat)
            yield measured(Answers(self.taxonomy, logits, collection.family, collection.phylum))


def row_of(found: Sequence[Mapping[str, float]], first: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the cells of a row: means over the repeats, then differences from the first row."""
    mean = mean_of(found)
    cells = [f"{mean[name]:.3f}" for name in TITLES]
    for name in DIFFERENCES:
        pairs = ([one[name] for one in found], [one[name] for one in first])
        cells.append("" if found is first else paired_difference(*pairs))
    return cells


def methods(images: Images, block: str) -> Iterator[tuple[str, Method]]:
    """Yield the title and the method of each row."""
    if block == "networks":
        for title, recipe in NETWORKS.items():
            yield title, images.network(recipe)
    else:
        for title, towers in TOWERS.items():
            yield title, images.towers(towers)


def compare(data: Path, block: str, repeats: int) -> Iterator[str]:
    """Yield the table as Markdown after each row. Raises DataError, FeatureError, TrainingError."""
    images = Images.read(data)
    titles = ["recipe", *TITLES.values(), *(f"{TITLES[name]}, difference" for name in DIFFERENCES)]
    count = (
        f"{len(images.labels)} images of {len(images.taxonomy.families)} families; means of "
        f"{repeats} repeats of {FOLDS} folds.\n"
        "Differences from the first row, repeat by repeat: mean ± standard error."
    )
    first: list[dict[str, float]] = []
    rows: list[list[str]] = []
    for title, method in methods(images, block):
        found = list(images.measured_by(method, repeats))
        first = first or found
        rows.append([title, *row_of(found, first)])
        say(" | ".join(rows[-1]))
        yield "\n".join([*table(titles, rows), "", count])


def write_table(options: argparse.Namespace) -> None:
    """Compare the recipes and write the table into training/LOG.md, row by row."""
    block = f"family-{options.block}"
    expect_block(block)
    for text in compare(options.data, options.block, options.repeats):
        log_table(block, text)


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, compare the recipes and return the exit status."""
    made = script.parser("training.family.compare_recipes", "Compare recipes pair by pair.")
    made.add_argument("block", choices=["networks", "towers"], help="which table")
    made.add_argument("--data", type=Path, default=ROOT / "sample_data" / "family" / "train")
    made.add_argument("--repeats", type=int, default=5, help="of five folds, for each row")
    options: argparse.Namespace = made.parse_args(arguments)
    if options.repeats < 1:
        made.error(f"--repeats {options.repeats}: expected 1 or more")
    return script.run(options, partial(write_table, options))


if __name__ == "__main__":
    raise SystemExit(main())
