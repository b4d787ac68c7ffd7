"""A base network's file with random weights in the public format, so that no registry is asked."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from training.common import base_network
from training.common.base_network import LITE
from wildlife_backbone.published import architecture, timm_names


def random_base(name: str, folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Write the file where training looks for it, and let training expect its digest."""
    torch.manual_seed(0)
    network: Any = timm.create_model(architecture(name).timm, pretrained=False)
    state = network.state_dict()
    patch.setattr(base_network, "BASES", folder)
    path = LITE[name].local
    torch.save({published: state[own] for published, own in timm_names(name).items()}, path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    patch.setitem(LITE, name, replace(LITE[name], bytes=len(content), sha256=digest))
    return path
