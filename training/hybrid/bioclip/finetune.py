"""Fine-tune a CLIP tower and a linear head to tell subspecies and hybrids apart.

    python -m training.hybrid.bioclip.finetune --data DIR --out FOLDER \\
        --network wing_unet.safetensors
    python -m training.hybrid.bioclip.finetune --preset full --data BALANCED --out FOLDER \\
        --backbone local-dir:PATH        (or hf-hub:imageomics/bioclip)
    accelerate launch -m training.hybrid.bioclip.finetune ...
        (for several GPUs; with one or none, as above)

`--preset full` is the published recipe (team henryliao85, HDR butterfly challenge 2025): everything
is frozen but the last two attention blocks and `ln_post` (learning rate 1e-5) and the head (1e-3),
AdamW, cross-entropy, batch 8, 7 epochs, images 256 -> 224, ImageNet's mean and std. DIR is then a
folder of `balance_classes.py` made from cut-outs of `remove_background.py`. Not published, hence
assumed: AdamW's default weight decay, a constant learning rate, the middle of the image, no mirror.

`--preset small` trains a small tower from nothing, all of it, on wings that the wing network cuts
out and lays straight (wildlife_wings/clip_views.py); a one-cycle learning rate; batches drawn so
that rare classes count more, shifted in colour and outline, with synthetic crosses that teach
`cross_mass` of the class `hybrid` and the rest of their two parents.

FOLDER gets `tower.safetensors`, `head.safetensors`, `finetuned.json` (classes, architecture,
preprocessing), `log.csv` and `last.pt`, from which a rerun of the same command resumes, to the same
weights as without the break. `--epochs` may grow between runs with a constant learning rate.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.common import script
from training.common.atomic import replaced, write_json
from training.common.base_network import base_file, base_settings
from training.common.console import say
from training.hybrid.bioclip.images import (
    HYBRID,
    Images,
    Labels,
    check_readable,
    read_halves,
    read_labels,
)
from training.hybrid.bioclip.recipe import NORMALISATIONS, PRESETS, Recipe
from training.hybrid.bioclip.trainer import Classifier, Trainer
from training.hybrid.split import validation_specimens
from wildlife_wings.clip_tower import build_tower, read_folder, read_head, read_tower
from wildlife_wings.clip_views import WingViews
from wildlife_wings.lite_tower import LiteTower
from wildlife_wings.unet import CheckpointError

# A residual network of 0.4 million parameters: a transformer of that size learns too slowly here.
SMALL_TOWER = {
    "embed_dim": 64,
    "vision_cfg": {
        "timm_model_name": "test_resnet",
        "timm_pool": "avg",
        "timm_proj": "linear",
        "image_size": [72, 48],
    },
}
# The pattern's place matters, and finer stages tell patterns better than later ones.
LITE_TOWER = {"base": base_settings("lite0", (2, 4), (3, 2)), "input": [192, 128]}


def start(
    backbone: str, classes: int, recipe: Recipe, head: Path | None = None
) -> tuple[Classifier, dict[str, Any]]:
    """Return the tower to start from, with a fresh head or that of a file; its `model_cfg`.

    For "imagenet", the settings of LiteTower are in place of `model_cfg`.

    `backbone`: "small", "imagenet", `local-dir:PATH` (open_clip_config.json and its weights next to
    it) or `hf-hub:OWNER/NAME`, which is downloaded first. Raises CheckpointError, TrainingError.
    """
    torch.manual_seed(recipe.seed)
    if backbone == "imagenet":
        lite = LiteTower(LITE_TOWER, base_file("lite0"))
        classifier = Classifier(lite, nn.Linear(lite.features, classes), recipe.normalise_features)
        return classifier, LITE_TOWER
    if backbone == "small":
        model_cfg: dict[str, Any] = SMALL_TOWER
        tower = build_tower(model_cfg)
    else:
        model_cfg, weights = read_folder(_folder(backbone))
        tower = read_tower(model_cfg, weights)
    features = int(model_cfg["embed_dim"])
    linear = read_head(head, features, classes) if head else nn.Linear(features, classes)
    return Classifier(tower, linear, recipe.normalise_features), model_cfg


def _folder(backbone: str) -> Path:
    kind, _, name = backbone.partition(":")
    if kind == "local-dir":
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns="open_clip_*"))
    except Exception as error:  # the hub's errors have no common class of their own
        raise CheckpointError(
            f"{backbone} cannot be downloaded: {error}; give --backbone local-dir:PATH instead"
        ) from None


def validation_rows(labels: Labels, recipe: Recipe) -> Tensor:
    """Return (n,), True for validation rows: those of the table, else specimens by the seed."""
    if (labels.part != "").any():
        return torch.from_numpy(labels.part == "validation")
    chosen = validation_specimens(labels.specimen.tolist(), recipe.validation_share, recipe.seed)
    return torch.tensor([specimen in chosen for specimen in labels.specimen.tolist()])


def write_result(trainer: Trainer, labels: Labels, model_cfg: dict[str, Any]) -> None:
    """Write tower, head and their description into the trainer's folder."""
    parts = {"tower": trainer.model.tower, "head": trainer.model.head}
    if "base" in model_cfg:
        del parts["tower"]  # as its package has it
    for name, module in parts.items():
        with replaced(trainer.out / f"{name}.safetensors") as temporary:
            save_file({n: t.contiguous().cpu() for n, t in module.state_dict().items()}, temporary)
    description = {
        "classes": list(labels.classes),
        "model_cfg": model_cfg,
        "preprocessing": trainer.recipe.preprocessing(),
        "normalise_features": trainer.recipe.normalise_features,
    }
    write_json(trainer.out / "finetuned.json", description)


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Recipe]:
    """Return the options, and the recipe that they and the preset give."""
    parser = script.parser(
        "training.hybrid.bioclip.finetune", "Fine-tune a CLIP tower and a linear head."
    )
    parser.add_argument("--data", type=Path, required=True, help="train.csv and images/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--network", type=Path, help="wing network (views halves)")
    parser.add_argument("--backbone", help="small, local-dir:PATH or hf-hub:OWNER/NAME")
    parser.add_argument("--head", type=Path, help="start from this head (cl_head_*.pth)")
    parser.add_argument("--preset", choices=["full", "small"], default="small")
    script.add_recipe_options(parser, Recipe)
    for field in fields(Recipe):
        if field.type == "bool":
            name = "--" + field.name.replace("_", "-")
            parser.add_argument(name, action=argparse.BooleanOptionalAction)
    options = parser.parse_args(arguments)
    recipe = script.changed(PRESETS[options.preset], options)
    options.backbone = options.backbone or (
        "small" if options.preset == "small" else "hf-hub:imageomics/bioclip"
    )
    for problem in option_problems(options, recipe):
        parser.error(problem)
    return options, recipe


def option_problems(options: argparse.Namespace, recipe: Recipe) -> list[str]:
    """Return everything that is wrong with the options, one sentence each."""
    problems = []
    if (
        min(recipe.epochs, recipe.batch) < 1
        or not min(recipe.learning_rate, recipe.head_learning_rate) > 0
    ):
        problems.append(
            "--epochs, --batch, --learning-rate and --head-learning-rate must be above 0"
        )
    if (
        not 0 <= recipe.validation_share < 1
        or not 0 <= recipe.cross_mass <= 1
        or recipe.crosses < 0
    ):
        problems.append("--validation-share and --cross-mass are shares; --crosses is not below 0")
    if recipe.views not in ("halves", "square") or recipe.normalisation not in NORMALISATIONS:
        problems.append("--views is halves or square, --normalisation imagenet, clip or half")
    if recipe.views == "halves" and not options.network:
        problems.append(
            "--views halves needs --network, made by training/hybrid/masks/train_unet.py"
        )
    if recipe.views == "square" and recipe.crosses:
        problems.append("--crosses needs --views halves: crosses are made of aligned wings")
    if not 0 < recipe.image_size <= recipe.resize:
        problems.append("--image-size must be above 0 and not above --resize")
    if options.backbone.partition(":")[0] not in ("small", "local-dir", "hf-hub"):
        problems.append(f"--backbone {options.backbone}: see --help")
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, fine-tune and return the exit status."""
    options, recipe = parse(arguments)
    return script.run(options, lambda: finetune(options, recipe), also=(CheckpointError,))


def finetune(options: argparse.Namespace, recipe: Recipe) -> int:
    """Train tower and head, and write them."""
    labels = read_labels(options.data, recipe.soft_parents, recipe.crosses > 0)
    if recipe.views == "halves":
        views = read_halves(labels.paths, WingViews(options.network, recipe.preprocessing()))
        images = Images(labels.paths, views, {})
    else:
        check_readable(labels.paths)
        images = Images(labels.paths, None, recipe.preprocessing())
    model, model_cfg = start(options.backbone, len(labels.classes), recipe, options.head)
    options.out.mkdir(parents=True, exist_ok=True)
    digest = f"{labels.digest()} {images.digest()} {options.backbone} {options.head}"
    trainer = Trainer(options.out, recipe, model, digest)
    trainer.resume()
    trainer.train(labels, images, validation_rows(labels, recipe))
    write_result(trainer, labels, model_cfg)
    say(f"{options.out}: {', '.join(labels.classes)}; hybrids are class {HYBRID}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
