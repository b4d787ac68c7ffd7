"""Compare the scores of `bioclip_wings` inside the training data; write the table into its README.

    python -m training.hybrid.comparisons.bioclip_scores sample
    python -m training.hybrid.comparisons.bioclip_scores photographs \\
        --data DIR/train --look DIR/dev --submission FOLDER --preset small

FOLDER is a submission that `bioclip_wings.py` trained on all of the data with the preset; its wing
network, which knows no labels, cuts the wings out here too. In each fold a tower is trained again
with the preset's recipe (of `imagenet`, which is frozen, only the head and the statistics),
without a quarter of the specimens, without all of the table's hybrids (so that their pair is an
unseen one) and without two of the rarer subspecies. What was left out is scored: recalls at a TNR
of 0.95 on the left-out specimens of the subspecies that were trained. The columns of `--look` and
of the sample tasks are what FOLDER scores there: for telling how well the validation ranks, never
for choosing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from kit.markdown import write_block
from training.common import script
from training.common.console import say
from training.hybrid.bioclip.images import Images, Labels, read_halves, read_labels
from training.hybrid.bioclip.recipe import PRESETS, Recipe
from training.hybrid.bioclip.statistics import SCORES, part_table
from training.hybrid.bioclip_wings import (
    BACKBONES,
    COMPONENTS,
    finetune,
    fitted_statistics,
    head_logits,
    served_preprocessing,
)
from training.hybrid.comparisons.looks import heading, rank_agreement, read_look, table_row
from training.hybrid.comparisons.wing_pattern_settings import MIMICS
from training.hybrid.crosses import Groups, cross_maps, shift_species
from training.hybrid.wing_pattern.fit import assign_folds
from wildlife_scoring.hybrid.metrics import TNR, harmonic_mean, score
from wildlife_scoring.metrics import share_above, threshold_at_tnr
from wildlife_wings.clip_scores import combined
from wildlife_wings.clip_views import WingViews
from wildlife_wings.unet import CheckpointError

ROOT = Path(__file__).resolve().parents[3]


Array = NDArray[np.float64]
Parts = Mapping[str, Array]

SEED = 20251
FOLDS, OF = 2, 4  # so many of the quarters are left out in turn
LEFT_OUT = 2  # subspecies, in each fold
CROSSES, PATCHES = 200, 4  # patches with sharp edges, other than in training
BUNDLE = ROOT / "sample_data" / "hybrid"
HEADINGS = [
    "hybrids",
    "crosses",
    "unseen subspecies",
    "mimic hybrids",
    "mimic crosses",
    "harmonic mean",
]


@dataclass(frozen=True)
class Scored:
    """Scores of pure images, and those that should lie above them by name."""

    pure: Array
    others: Mapping[str, Array]

    def recalls(self) -> dict[str, float]:
        limit = threshold_at_tnr(np.zeros(len(self.pure), np.bool_), self.pure, TNR)
        return {name: share_above(values, limit) for name, values in self.others.items()}


def views_of(labels: Labels, network: Path) -> Tensor:
    """Return the views (n, 2, 3, h, w) that a wing network cuts out of all images."""
    return read_halves(labels.paths, WingViews(network, served_preprocessing(PRESETS["small"])))


def validation_crosses(labels: Labels, views: Tensor) -> Tensor:
    """Return (CROSSES, 2, 3, h, w) crosses of the images, the same patches on both halves."""
    maps = views.permute(0, 3, 4, 1, 2).flatten(3).double().numpy()
    groups = Groups.of(np.array(labels.classes)[labels.own], labels.view)
    crossed = cross_maps(maps, groups, CROSSES, np.random.default_rng(SEED), PATCHES)
    pixels = torch.from_numpy(np.rint(crossed).astype(np.uint8))
    crosses: Tensor = pixels.view(*pixels.shape[:3], 2, 3).permute(0, 3, 4, 1, 2)
    return crosses


def as_mimic(views: Tensor, kind: int) -> Tensor:
    """Shift hue, tone and outline of views (n, 2, 3, h, w) as wing_pattern/settings.py does."""
    frames = torch.cat([views[:, 1].flip(-1), views[:, 0]], dim=-1).permute(0, 2, 3, 1)
    shifted = []
    for frame in frames.double().numpy() / 255:
        wing = (frame.min(axis=-1, keepdims=True) < 0.99).astype(np.float64)
        moved = shift_species(np.concatenate([frame, wing], axis=-1), *MIMICS[kind])
        colour = np.where(moved[..., 3:] > 0, np.clip(moved[..., :3], 0, 1), 1.0)
        shifted.append(torch.from_numpy(np.rint(colour * 255).astype(np.uint8)))
    whole = torch.stack(shifted).permute(0, 3, 1, 2)
    half = whole.shape[-1] // 2
    return torch.stack([whole[..., half:], whole[..., :half].flip(-1)], dim=1)


def rarer_subspecies(labels: Labels, fold: int) -> list[str]:
    """Return LEFT_OUT of the rarer half of the subspecies, others in each fold."""
    counts = Counter(np.array(labels.classes)[labels.own[labels.pure]].tolist())
    rare = sorted(counts, key=lambda name: (counts[name], name))[: len(counts) // 2]
    return rare[fold::FOLDS][-LEFT_OUT:]


def validate(
    labels: Labels, views: Tensor, fold: int, recipe: Recipe, preset: str = "small"
) -> dict[str, list[float]]:
    """Return recalls by score, in the order of HEADINGS without the mean.

    preset: whose backbone and components are taken. Raises TrainingError.
    """
    names = np.array(labels.classes)[labels.own]
    untrained = np.isin(names, rarer_subspecies(labels, fold))
    validation = labels.pure & ~untrained & (assign_folds(labels.specimen, OF, SEED) == fold)
    kept = labels.pure & ~untrained & ~validation
    with tempfile.TemporaryDirectory() as work:
        images = Images(labels[kept].paths, views[kept], {})
        trainer, _ = finetune(labels[kept], images, recipe, BACKBONES[preset], Path(work))
    components = COMPONENTS.get(preset)
    statistics, weights = fitted_statistics(trainer, labels[kept], images, components)

    def table(shown: Tensor) -> Parts:
        rows = list(range(len(shown)))
        features = trainer.features(Images([Path()] * len(rows), shown, {}), rows)
        logits = head_logits(trainer, features)
        return part_table(features.double().numpy(), logits, labels.hybrid, statistics)

    sets = {
        "hybrids": views[~labels.pure],
        "crosses": validation_crosses(labels[validation], views[validation]),
    }
    plain = table(views[validation]), {n: table(v) for n, v in sets.items()}
    plain[1]["unseen subspecies"] = table(views[untrained])
    mimics = []
    for k in range(len(MIMICS)):
        shifted = {f"mimic {n}": table(as_mimic(v, k)) for n, v in sets.items()}
        mimics.append((table(as_mimic(views[validation], k)), shifted))
    return {name: _recalls(weights[name], plain, mimics) for name in SCORES}


def _recalls(weights: Mapping[str, float], plain: Any, mimics: list[Any]) -> list[float]:
    recalls = _scored(weights, *plain).recalls()
    shifted = [_scored(weights, *mimic).recalls() for mimic in mimics]
    recalls |= {name: float(np.mean([fold[name] for fold in shifted])) for name in shifted[0]}
    return [recalls[name] for name in HEADINGS[:-1]]


def _scored(weights: Mapping[str, float], pure: Parts, others: Mapping[str, Parts]) -> Scored:
    def total(parts: Parts) -> Array:
        return np.asarray(sum(weight * parts[name] for name, weight in weights.items()))

    return Scored(total(pure), {name: total(parts) for name, parts in others.items()})


def looked(submission: Path, images: Path, reference: Path) -> dict[str, float]:
    """Return the challenge score of each of SCORES for a submission on labelled images."""
    spec = importlib.util.spec_from_file_location("looked_model", submission / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Model()
    model.load()
    look = read_look(images, reference)
    part_values = []
    for path in look.paths:
        with Image.open(path) as image:
            part_values.append(model.parts([model.preprocess(image)])[0])
    config = json.loads((submission / "config.json").read_text(encoding="utf-8"))
    scored = {
        n: [combined(p, weights) for p in part_values] for n, weights in config["scores"].items()
    }
    return {n: score(look.hybrid, look.group, v)["challenge_score"] for n, v in scored.items()}


def report(
    recalls: Mapping[str, list[float]], looks: Mapping[str, Mapping[str, float]], folds: int
) -> str:
    """Return the table, best first, and how well its mean ranks the scores of each look."""
    rows = {
        name: [*values, harmonic_mean(values), *(look[name] for look in looks.values())]
        for name, values in recalls.items()
    }
    mean = len(HEADINGS) - 1
    ordered = sorted(rows, key=lambda name: -rows[name][mean])
    lines = heading(["score", *HEADINGS, *looks])
    lines += [table_row(name, rows[name]) for name in ordered]
    lines += ["", f"{folds} fold(s) of at most {FOLDS}."]
    validated, *challenge = zip(*(row[mean:] for row in rows.values()), strict=True)
    for title, values in zip(looks, challenge, strict=True):
        lines += ["", rank_agreement(validated, values, title, "scores")]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, compare the scores and return the exit status."""
    default = ROOT / "submissions" / "bioclip_wings"
    parser = script.parser(
        "training.hybrid.comparisons.bioclip_scores", "Compare scores inside the training data."
    )
    parser.add_argument("block", choices=["sample", "photographs"], help="which table")
    parser.add_argument("--data", type=Path, default=BUNDLE / "train")
    parser.add_argument("--submission", type=Path, default=default, help="trained on all of DATA")
    parser.add_argument(
        "--preset", choices=["imagenet", "small"], default="imagenet", help="that made it"
    )
    parser.add_argument("--look", type=Path, help="images/ and ref_dev.csv")
    parser.add_argument("--folds", type=int, choices=range(1, FOLDS + 1), default=FOLDS)
    options = parser.parse_args(arguments)
    return script.run(options, lambda: compare(default, options), also=(CheckpointError,))


def compare(default: Path, options: argparse.Namespace) -> int:
    """Compare the scores and write the table into the README."""
    # All hybrids are left out of training, so that soft parents would make no difference.
    labels = read_labels(options.data, soft_parents=False)
    network = options.submission / "weights" / "wing_unet.safetensors"
    views = views_of(labels, network)
    preset = options.preset
    folds = [
        validate(labels, views, fold, PRESETS[preset], preset) for fold in range(options.folds)
    ]
    recalls = {n: np.mean([fold[n] for fold in folds], axis=0).tolist() for n in SCORES}
    looks = {
        f"sample {task}": looked(
            options.submission,
            BUNDLE / "input_data" / task,
            BUNDLE / "reference_data" / task / "ref.csv",
        )
        for task in ("development", "final")
        if options.block == "sample"
    }
    if options.look:
        reference = options.look / "ref_dev.csv"
        looks["development"] = looked(options.submission, options.look / "images", reference)
    text = report(recalls, looks, options.folds)
    say(text)
    write_block(default / "README.md", options.block, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
