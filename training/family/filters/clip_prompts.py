"""Find images that are less like good prompts than like bad ones, by CLIP.

The published rule: the mean similarity to the good prompts minus that to the bad ones is below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.common.images import read_each
from training.family.filters.frame import FilterUnavailable, Flags, Given
from wildlife_image.rgb import to_rgb

GOOD = ("a photo of an animal", "a photo of wildlife in nature", "a close-up photo of an insect",
        "an underwater photo of a sea animal")  # fmt: skip
BAD = ("a drawing", "a page of text", "a map", "a photo of a person", "a diagram", "a negative",
       "a museum label")  # fmt: skip
_CONFIG = "open_clip_config.json"
_EXPECTED = f"clip_prompts: expected a folder with {_CONFIG} and open_clip_model.safetensors"
_HOW = (
    "download an open_clip model (such as laion/CLIP-ViT-B-32-laion2B-s34B-b79K) where there is a "
    "network and name its folder with --clip FOLDER, or leave the filter out with --skip "
    "clip_prompts"
)
_BATCH = 32


def similarity_gap(paths: Sequence[Path], folder: Path) -> NDArray[np.float64]:
    """Return mean similarity to GOOD minus that to BAD, (n,).

    Raises DataError for images, FilterUnavailable where the folder's model cannot be read.
    """
    model, preprocess, words = _read_model(folder)
    found = []
    with torch.inference_mode():
        text = torch.nn.functional.normalize(model.eval().encode_text(words), dim=1)
        for start in range(0, len(paths), _BATCH):
            some = paths[start : start + _BATCH]
            pixels = read_each(some, lambda image: preprocess(to_rgb(image)), "filtered")
            image = torch.nn.functional.normalize(model.encode_image(torch.stack(pixels)), dim=1)
            alike = (image @ text.T).numpy().astype(np.float64)
            found.append(alike[:, : len(GOOD)].mean(axis=1) - alike[:, len(GOOD) :].mean(axis=1))
    return np.concatenate(found)


def _read_model(folder: Path) -> tuple[Any, Any, torch.Tensor]:
    """Return the model, what prepares an image for it, and the prompts as numbers."""
    import open_clip  # type: ignore[import-untyped]  # takes seconds

    name = f"local-dir:{folder.resolve()}"
    try:
        model, preprocess = open_clip.create_model_from_pretrained(name)
        return model, preprocess, open_clip.get_tokenizer(name)([*GOOD, *BAD])
    except Exception as error:  # of a damaged or foreign file, open_clip raises a dozen types
        reason = str(error).splitlines()[0]
        raise FilterUnavailable(f"{_EXPECTED}, found {folder}: {reason}; {_HOW}") from error


def missing(given: Given) -> str:
    """Return that there is no folder of a model, and how to get one; "" where there is one."""
    folder = given.clip_folder
    if folder is None or not (folder / _CONFIG).is_file():
        return f"{_EXPECTED}, found {folder or 'none'}; {_HOW}"
    return ""


def flag(given: Given) -> Flags:
    """Flag images that resemble the bad prompts more. Raises FilterUnavailable."""
    folder = given.clip_folder
    why = missing(given)
    if folder is None or why:
        raise FilterUnavailable(why)
    return np.asarray(similarity_gap(given.collection.paths, folder) < 0)
