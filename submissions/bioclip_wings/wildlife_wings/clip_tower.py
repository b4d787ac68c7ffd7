"""The CLIP visual tower and the linear head: built from data, read from published layouts.

Established (read in the code of team henryliao85, HDR butterfly challenge 2025, and in open_clip):
`fine_tuned_bioclip_select_wings.pth` is the state dict of the whole open_clip model, so that the
tower's names begin with `visual.` and the text tower stands next to them;
`cl_head_select_wings.pth` is the state dict of a linear head, 512 features to 15 classes, the
hybrids among them.
Assumed, as the files were not at hand: that the head's names end in `weight` and `bias`, perhaps
with one prefix before them, and that a `module.` of distributed training may stand before any name.
The order of the classes is not in these files; config.json has to list it.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip  # type: ignore[import-untyped]
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wildlife_wings.unet import CheckpointError, state_problems

CONFIG_FILE = "open_clip_config.json"
MODEL_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_TOWER = "visual."
# The text tower is never run here; this one is small enough to be built and thrown away.
_NO_TEXT = {"context_length": 1, "vocab_size": 1, "width": 8, "heads": 1, "layers": 1}


def build_tower(model_cfg: Mapping[str, Any]) -> nn.Module:
    """Build a tower by the `model_cfg` of an open_clip_config.json (embed_dim, vision_cfg)."""
    model = open_clip.CLIP(
        embed_dim=model_cfg["embed_dim"],
        vision_cfg=dict(model_cfg["vision_cfg"]),
        text_cfg=dict(_NO_TEXT),
        quick_gelu=bool(model_cfg.get("quick_gelu", False)),
    )
    tower: nn.Module = model.visual
    return tower


def read_folder(folder: Path) -> tuple[dict[str, Any], Path]:
    """Return `model_cfg` and the weights' path of a `local-dir:` folder. Raises CheckpointError."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise CheckpointError(
            f"{path} is missing: expected {CONFIG_FILE} and {' or '.join(MODEL_FILES)} there"
        )
    config = json.loads(path.read_text(encoding="utf-8"))
    if "model_cfg" not in config:
        raise CheckpointError(f"{path} has no model_cfg; found {sorted(config)}")
    paths = [folder / name for name in MODEL_FILES if (folder / name).is_file()]
    return config["model_cfg"], (paths or [folder / MODEL_FILES[0]])[0]


def read_tower(model_cfg: Mapping[str, Any], path: Path) -> nn.Module:
    """Read the tower from `path`: the weights of a whole model, or of the tower alone.

    Raises CheckpointError where the file is missing or of another architecture.
    """
    state = read_state(path)
    if any(name.startswith(_TOWER) for name in state):
        state = {n.removeprefix(_TOWER): t for n, t in state.items() if n.startswith(_TOWER)}
    with torch.device("meta"):
        tower = build_tower(model_cfg)
    problems = state_problems(tower.state_dict(), state)
    if problems:
        shape = f"embed_dim {model_cfg['embed_dim']}, {dict(model_cfg['vision_cfg'])}"
        head = f"{path} is not the tower of the configuration ({shape}); expected its names"
        raise CheckpointError("\n  ".join([head, *problems]))
    tower.load_state_dict({name: tensor.float() for name, tensor in state.items()}, assign=True)
    return tower.eval()


def read_head(path: Path, features: int, classes: int) -> nn.Linear:
    """Read the linear head. Raises CheckpointError where it has another shape."""
    state = {name.rpartition(".")[2]: tensor for name, tensor in read_state(path).items()}
    with torch.device("meta"):
        head = nn.Linear(features, classes)
    problems = state_problems(head.state_dict(), state)
    if problems:
        expected = f"expected {features} features to {classes} classes"
        raise CheckpointError("\n  ".join([f"{path} is not the head: {expected}", *problems]))
    head.load_state_dict({name: tensor.float() for name, tensor in state.items()}, assign=True)
    return head.eval()


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict of `.safetensors` or `.pth`, less `module.`. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing: expected a state dict there")
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from None
    except (pickle.UnpicklingError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint: {error}") from None
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(f"{path} holds {type(state).__name__}, expected a dict of tensors")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}
