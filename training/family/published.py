"""One family network: features, head, last layers, temperature, and the submission's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from training.common import processes
from training.common.base_network import base_files, round_to_half
from training.common.checkpoints import Checkpoint
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import DataError
from training.common.images import read_each
from training.common.submission_files import write_submission
from training.family.calibration import temperature_of
from training.family.collection import Collection, read_known
from training.family.features import Sight, TowerFeatures
from training.family.heads.trainer import HeadTrainer, Labelled
from training.family.heads.tuning import LastLayersTrainer, Squares
from training.family.measures import TITLES, Answers, measured
from training.family.recipe import Recipe
from training.family.split import Rows, validation_rows
from training.family.towers import published_tensors, start_tower, tower_digest
from wildlife_family.networks import FamilyNetwork
from wildlife_family.taxonomy import Taxonomy
from wildlife_family.views import views

WEIGHTS = "weights/tuned.safetensors"
CHECKPOINTS = ("head.pt", "last_layers.pt")
REQUIRES = {
    "numpy": ">=1.26",
    "Pillow": ">=10.3",
    "safetensors": ">=0.4",
    "timm": ">=1.0.9",
    "torch": ">=2.4",
}


@dataclass(frozen=True)
class Split:
    """A collection, its families by number (n,), and which rows are trained on and validated."""

    collection: Collection
    taxonomy: Taxonomy
    labels: NDArray[np.intp]
    fit: Rows
    validation: Rows

    def paths(self, rows: Rows) -> list[Path]:
        """Return the images of some rows."""
        found = self.collection.paths
        return [found[row] for row in rows.tolist()]


@dataclass(frozen=True)
class Trained:
    """A network with what config.json says about it; data: for the manifest."""

    taxonomy: Taxonomy
    settings: Mapping[str, Any]
    views: Mapping[str, Any]
    weights: bytes
    temperature: float
    recipe: Mapping[str, Any]
    validation: Mapping[str, float]
    data: Path
    checkpoints: tuple[Path, ...] = ()


def read_split(data: Path, taxonomy: Path | None = None) -> Split:
    """Read a collection and split it. Raises DataError with all that is wrong."""
    collection = read_known(data, taxonomy)
    known = Taxonomy.of(collection.taxonomy)
    labels = np.searchsorted(np.array(known.families), collection.family)
    validation = validation_rows(collection.family)
    if not len(validation):
        raise DataError(f"{data}: {len(collection)} images are too few to validate with a tenth")
    fit = np.setdiff1d(np.arange(len(collection)), validation)
    return Split(collection, known, np.asarray(labels, dtype=np.intp), fit, validation)


def train(data: Path, out: Path, recipe: Recipe, taxonomy: Path | None = None) -> Trained:
    """Train a network, and say what it is worth on the validation images.

    taxonomy: a table of families and phyla that the data has to agree with.

    Raises DataError, FeatureError and TrainingError.
    """
    split = read_split(data, taxonomy)
    say(
        f"{len(split.collection)} images of {len(split.taxonomy.families)} families: "
        f"{len(split.fit)} to train on, {len(split.validation)} for validation"
    )
    tower, settings = start_tower(recipe.tower)
    digest = tower_digest(tower, settings)
    settings |= {"head": recipe.head.head_settings()}
    out.mkdir(parents=True, exist_ok=True)
    paths = tuple(out / name for name in CHECKPOINTS)
    digests = {"tower": digest, "data": short_digest(data / "train.csv")}
    network = FamilyNetwork(settings, len(split.taxonomy.families))
    network.tower.load_state_dict(tower.state_dict())
    features = TowerFeatures(network.tower, digest, Sight(recipe.views(), settings))
    validated = features.served(split.paths(split.validation))
    fit = Labelled(features.copies(split.paths(split.fit), recipe.copies), split.labels[split.fit])
    seen = Labelled(validated, split.labels[split.validation])
    checkpoint = Checkpoint(paths[0], recipe.head_made_with(**digests))
    trainer = HeadTrainer(recipe.head, fit, len(split.taxonomy.families), seen, checkpoint)
    network.head.load_state_dict(trainer.train().state_dict())
    say(f"head: {len(trainer.progress.training)} epochs, the best was {trainer.progress.best + 1}")
    if recipe.tuning.tuning_epochs:
        checkpoint = Checkpoint(paths[1], recipe.made_with(**digests))
        network = tuned(network, split, recipe, checkpoint)
    processes.end_others()
    weights = round_to_half(network, published_tensors(network, settings))
    logits = served_logits(network, split.paths(split.validation), recipe.views())
    temperature = temperature_of(logits, seen.labels)
    found = validated_by(split, logits / temperature)
    return Trained(
        split.taxonomy, settings, recipe.views(), weights, temperature, asdict(recipe), found,
        data, paths,
    )  # fmt: skip


def tuned(
    network: FamilyNetwork, split: Split, recipe: Recipe, checkpoint: Checkpoint
) -> FamilyNetwork:
    """Return the network with its last layers tuned. Raises DataError, TrainingError."""
    seen = [read_squares(split.paths(rows), recipe) for rows in (split.fit, split.validation)]
    fit, validation = (
        Squares(pixels, split.labels[rows])
        for pixels, rows in zip(seen, (split.fit, split.validation), strict=True)
    )
    trainer = LastLayersTrainer(network, recipe.tuning, recipe.head, fit, validation, checkpoint)
    return trainer.train()


def read_squares(paths: list[Path], recipe: Recipe) -> Tensor:
    """Read the first view of each image: (n, 3, s, s) as bytes. Raises DataError."""
    settings = {**recipe.views(), "shares": list(recipe.shares[:1]), "mirrored": False}

    def one(image: Image.Image) -> Tensor:
        return views(image, settings)[0]

    return torch.stack(read_each(paths, one, "trained"))


@torch.inference_mode()
def served_logits(
    network: FamilyNetwork, paths: list[Path], settings: Mapping[str, Any], batch: int = 16
) -> NDArray[np.float64]:
    """Return logits (n, families) as the submission gives them. Raises DataError."""
    network.eval()
    found = []
    for start in range(0, len(paths), batch):
        some = read_each(
            paths[start : start + batch], lambda image: views(image, settings), "validated"
        )
        found.append(network(torch.stack(some)).double().numpy())
    return np.concatenate(found)


def validated_by(split: Split, logits: NDArray[np.float64]) -> dict[str, float]:
    """Measure logits (validation, families), print all measures, and return them."""
    rows = split.validation
    answers = Answers(
        split.taxonomy, logits, split.collection.family[rows], split.collection.phylum[rows]
    )
    found = measured(answers)
    for name, title in TITLES.items():
        say(f"  {title:<16} {found[name]:.3f}")
    return found


def publish(name: str, out: Path, made: Trained, command: str) -> None:
    """Write the submission `name` into `out`; command: for the manifest. Raises WriteFailed."""
    config = {
        "taxonomy": made.taxonomy.as_mapping(),
        "views": [dict(made.views)],
        "network": dict(made.settings),
        "weights": WEIGHTS,
        "temperature": made.temperature,
        "recipe": dict(made.recipe),
        "validation": {key: round(value, 4) for key, value in made.validation.items()},
    }
    base, origins = base_files(made.settings)
    source = f"{command} (train.csv sha256 {short_digest(made.data / 'train.csv')})"
    files = {WEIGHTS: made.weights, **base}
    size = write_submission(name, out, config, files, source, REQUIRES, origins)
    for path in made.checkpoints:
        path.unlink(missing_ok=True)
    say(f"{out}: {size} bytes of weights, {len(made.weights)} of them made here")
