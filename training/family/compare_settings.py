"""Compare heads, losses and baselines inside the training data, in one table.

    python -m training.family.compare_settings sample --image-size 160
    python -m training.family.compare_settings photographs --data DIR

Each image is named by a method that did not see it: five folds, stratified by family. A head that
ends by validation takes a tenth of what it is given for that, as the submission does. `masked`
knows the images' phyla. The table goes into training/LOG.md, into the block of its name. Features
are kept in runs/features; the method from scratch takes most of the time (`--no-scratch`).
--image-size is for small images, as in the training scripts; without it each network has its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from kit.markdown import table
from training.common import script
from training.common.cache import Features
from training.common.console import say
from training.common.log_blocks import expect_block, log_table
from training.common.submission_files import ROOT
from training.family.collection import Collection, read_collection
from training.family.features import Sight, TowerFeatures
from training.family.heads.baselines import BASELINES, from_scratch
from training.family.heads.logistic import fit_logistic
from training.family.heads.recipe import ADAM, HeadRecipe
from training.family.heads.trainer import HeadTrainer, Labelled, logits_of
from training.family.joint import STRENGTH, Member, joined, member_features
from training.family.measures import TITLES, Answers, measured
from training.family.published import read_squares
from training.family.recipe import Recipe
from training.family.split import Rows, repeated_folds, validation_rows
from training.family.towers import start_tower, tower_digest
from training.family.two_lite_towers import members_of
from wildlife_family.taxonomy import Taxonomy
from wildlife_family.towers_of_views import joint_logits

FOLDS = 5
SCRATCH_SIZE = 32  # pixels; minutes on two cores
Logits = NDArray[np.float64]
Labels = NDArray[np.intp]
# Rows to train on, rows to name -> logits (named, families).
Method = Callable[[Rows, Rows], Logits]

PUBLISHED = HeadRecipe()
HEADS = {
    "published head": PUBLISHED,
    "without class weights": replace(PUBLISHED, class_weights=0),
    "label smoothing 0.1": replace(PUBLISHED, smoothing=0.1),
    "focal loss, exponent 2": replace(PUBLISHED, focal=2.0),
    "mixup, alpha 0.2": replace(PUBLISHED, mixup=0.2),
    "without dropout": replace(PUBLISHED, dropout=0.0),
    "Adam at 0.001": replace(PUBLISHED, optimiser=ADAM, learning_rate=1e-3),
    "two dense layers": replace(PUBLISHED, layers=2),
}
PRIORS = (-0.5, 0.5)  # strengths of the correction by the families' shares


@dataclass(frozen=True)
class Compared:
    """A collection, its families by number (n,), and features (n, copies, d) of its images."""

    collection: Collection
    taxonomy: Taxonomy
    labels: Labels
    features: Features

    @property
    def families(self) -> int:
        """How many there are."""
        return len(self.taxonomy.families)

    def dense(self, recipe: HeadRecipe, fit: Rows, seen: Rows) -> Logits:
        """Train a head on the rows `fit` but for a tenth, which ends the training."""
        validation = fit[validation_rows(self.collection.family[fit])]
        learned = np.setdiff1d(fit, validation)
        parts = [Labelled(self.features[rows], self.labels[rows]) for rows in (learned, validation)]
        head = HeadTrainer(recipe, parts[0], self.families, parts[1]).train()
        return logits_of(head, self.features[seen, :1])

    def baseline(self, name: str, fit: Rows, seen: Rows) -> Logits:
        """Name rows by a baseline on the images as they are."""
        plain = self.features[:, 0]
        return BASELINES[name](plain[fit], self.labels[fit], plain[seen], self.families)

    def joint(self, features: Features, fit: Rows, seen: Rows) -> Logits:
        """Name rows by one linear head on features (n, m, d)."""
        return linear(features[fit], self.labels[fit], features[seen], self.families)

    def hierarchical(self, features: Features, fit: Rows, seen: Rows) -> Logits:
        """Name rows by a linear head for the phyla and one for the families of each phylum."""
        phyla, phylum = np.unique(np.array(self.taxonomy.phyla), return_inverse=True)
        labels = self.labels[fit]
        found = linear(features[fit], phylum[labels], features[seen], len(phyla))
        found = log_softmax(found, axis=1)[:, phylum]
        for number in range(len(phyla)):
            own = np.flatnonzero(phylum == number)
            rows = np.isin(labels, own)
            if len(own) > 1 and rows.any():
                within = np.searchsorted(own, labels[rows])
                logits = linear(features[fit][rows], within, features[seen], len(own))
                found[:, own] += log_softmax(logits, axis=1)
        return np.asarray(found)

    def corrected(self, method: Method, prior: float, fit: Rows, seen: Rows) -> Logits:
        """Name rows by a method, corrected by `prior` times the logarithm of families' shares."""
        share = np.bincount(self.labels[fit], minlength=self.families) / len(fit)
        return np.asarray(method(fit, seen) + prior * np.log(np.maximum(share, 1e-6)))

    def scratch(self, squares: torch.Tensor, fit: Rows, seen: Rows) -> Logits:
        """Name rows by a network that starts from random weights; squares (n, 3, s, s)."""
        return from_scratch(squares[fit], self.labels[fit], squares[seen], self.families)


def read_compared(data: Path, recipe: Recipe) -> Compared:
    """Read a collection, and the features that the heads are compared on. Raises DataError."""
    collection = read_collection(data)
    taxonomy = Taxonomy.of(collection.taxonomy)
    tower, settings = start_tower(recipe.tower)
    sight = Sight(recipe.views(), settings)
    features = TowerFeatures(tower, tower_digest(tower, settings), sight)
    labels = np.searchsorted(np.array(taxonomy.families), collection.family).astype(np.intp)
    copies = features.copies(collection.paths, recipe.copies)
    return Compared(collection, taxonomy, labels, copies)


def methods(
    compared: Compared, recipe: Recipe, members: Sequence[Member], scratch: bool
) -> Iterator[tuple[str, Method]]:
    """Yield the title and the method of each row of the table."""
    if scratch:
        small = replace(recipe, image_size=SCRATCH_SIZE)
        squares = read_squares(compared.collection.paths, small)
        yield f"CNN from scratch, {SCRATCH_SIZE} pixels", partial(compared.scratch, squares)
    for name in BASELINES:
        yield name, partial(compared.baseline, name)
    for title, head in HEADS.items():
        yield title, partial(compared.dense, head)
    parts = [member_features(member, compared.collection.paths) for member in members]
    for member, part in zip(members, parts, strict=True):
        views = ", ".join(f"{share:g}" for share in member.shares)
        title = f"linear head on {member.tower.base}, {member.image_size} pixels, views {views}"
        yield title, partial(compared.joint, part)
    whole = remembered(partial(compared.joint, joined(parts)))
    yield "**two_lite_towers**: one linear head on both", whole
    for prior in PRIORS:
        title = f"two_lite_towers, + {prior:g} x logarithm of the families' shares"
        yield title, partial(compared.corrected, whole, prior)
    title = "two_lite_towers, hierarchical: a head for the phyla, one for the families of each"
    yield title, partial(compared.hierarchical, joined(parts))


def linear(fit: Features, labels: Labels, seen: Features, classes: int) -> Logits:
    """Return logits (m, classes) for features (m, v, d) of a head fitted on others (n, v, d)."""
    head = fit_logistic(fit, labels.astype(np.intp), classes, STRENGTH)
    return np.asarray(joint_logits(head, [torch.from_numpy(seen)]).double().numpy())


def remembered(method: Method) -> Method:
    """Return a method that fits once for each fold, whose rows to name tell it from others."""
    known: dict[bytes, Logits] = {}

    def named(fit: Rows, seen: Rows) -> Logits:
        if (key := seen.tobytes()) not in known:
            known[key] = method(fit, seen)
        return known[key]

    return named


def row_of(compared: Compared, method: Method) -> list[str]:
    """Return the measures of a method, each image named by one that did not see it."""
    logits = np.zeros((len(compared.labels), compared.families))
    for fit, seen in repeated_folds(compared.collection.family, FOLDS, 1):
        logits[seen] = method(fit, seen)
    collection = compared.collection
    found = measured(Answers(compared.taxonomy, logits, collection.family, collection.phylum))
    return [f"{found[name]:.3f}" for name in TITLES]


def compare(data: Path, image_size: int | None, scratch: bool) -> str:
    """Return the table as Markdown; image_size: in pixels, None leaves each network its own.

    Raises DataError, FeatureError, TrainingError.
    """
    recipe = Recipe()
    recipe = replace(recipe, image_size=image_size or recipe.image_size)
    compared = read_compared(data, recipe)
    rows = []
    for title, method in methods(compared, recipe, members_of(image_size), scratch):
        rows.append([title, *row_of(compared, method)])
        say(" | ".join(rows[-1]))
    count = f"{len(compared.labels)} images of {compared.families} families, {FOLDS} folds."
    return "\n".join([*table(["method", *TITLES.values()], rows), "", count])


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, compare the settings and return the exit status."""
    made = script.parser("training.family.compare_settings", "Compare settings inside the data.")
    made.add_argument("block", choices=["sample", "photographs"], help="which table")
    made.add_argument("--data", type=Path, default=ROOT / "sample_data" / "family" / "train")
    made.add_argument("--image-size", type=int, help="pixels, of all networks; for small images")
    made.add_argument("--no-scratch", action="store_true", help="leave out the CNN from scratch")
    options: argparse.Namespace = made.parse_args(arguments)
    return script.run(options, lambda: write_table(options))


def write_table(options: argparse.Namespace) -> None:
    """Compare the settings and write the table into training/LOG.md."""
    expect_block(f"family-{options.block}")
    found = compare(options.data, options.image_size, not options.no_scratch)
    log_table(f"family-{options.block}", found)


if __name__ == "__main__":
    raise SystemExit(main())
