"""Base networks with random weights, in the format of the published files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch

from training.common import base_network
from wildlife_backbone.published import architecture, timm_names


def draw_base(path: Path, name: str = "lite0") -> Path:
    """Write random weights of EfficientNet-Lite under the published names."""
    torch.manual_seed(0)
    state = timm.create_model(architecture(name).timm, pretrained=False).state_dict()
    torch.save({published: state[own] for published, own in timm_names(name).items()}, path)
    return path


def use_random_base(patch: pytest.MonkeyPatch, folder: Path, name: str = "lite0") -> Path:
    """Let training start from random weights, as if the package shipped them."""
    base = base_network.LITE[name]
    path = draw_base(folder / Path(base.path).name, name)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    patch.setitem(base_network.LITE, name, replace(base, bytes=len(content), sha256=digest))
    patch.setattr(base_network, "BASES", folder)
    return path
