"""Local features by ALIKED or DISK and matches by LightGlue, through kornia, from local files.

config.json's `local`: kind (aliked or disk), image_size in pixels, count of key points, and the
files of the extractor's and the matcher's state dict (safetensors, with kornia's names). Settings
are WildFusion's: 256 key points of a 512 x 512 image; a pair's score is the number of matches whose
score is above 0.5. kornia is imported only where this is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

COUNTED_ABOVE = 0.5
_MATCH = {"filter_threshold": 0.1, "depth_confidence": -1, "width_confidence": -1}
LENGTHS = {"aliked": 128, "disk": 128}  # of a descriptor


@dataclass(frozen=True)
class GlueFeatures:
    """points (n, 2) in pixels of the square image, descriptors (n, d)."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]


class GlueGallery:
    """Features of g images in float16: glue.starts (g + 1,), glue.points, glue.descriptors."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raises KeyError for a missing array, ValueError where they disagree."""
        self._starts = arrays["glue.starts"].astype(np.int64)
        self._points = arrays["glue.points"].astype(np.float32)
        self._descriptors = arrays["glue.descriptors"].astype(np.float32)
        total = int(self._starts[-1]) if len(self._starts) else -1
        if not len(self._points) == len(self._descriptors) == total:
            raise ValueError(
                f"glue.starts ends at {total}, but there are {len(self._points)} points and "
                f"{len(self._descriptors)} descriptors"
            )

    def __len__(self) -> int:
        return len(self._starts) - 1

    def features(self, row: int) -> GlueFeatures:
        part = slice(int(self._starts[row]), int(self._starts[row + 1]))
        return GlueFeatures(self._points[part], self._descriptors[part])


def glue_arrays(features: list[GlueFeatures], length: int) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a GlueGallery; length: numbers in a descriptor."""
    empty = GlueFeatures(np.zeros((0, 2), np.float32), np.zeros((0, length), np.float32))
    points = [image.points for image in (empty, *features)]
    descriptors = [image.descriptors for image in (empty, *features)]
    return {
        "glue.starts": np.cumsum([0, *(len(image.points) for image in features)]).astype(np.int32),
        "glue.points": np.concatenate(points).astype(np.float16),
        "glue.descriptors": np.concatenate(descriptors).astype(np.float16),
    }


def extractor(kind: str, count: int) -> torch.nn.Module:
    """Build kornia's network with random weights. Raises ValueError for another kind."""
    import kornia.feature as features

    if kind == "aliked":
        network: torch.nn.Module = features.ALIKED(max_num_keypoints=count, detection_threshold=0.0)
        return network
    if kind == "disk":
        return features.DISK()
    raise ValueError(f"local kind is {kind!r}, expected sift, aliked or disk")


def matcher(kind: str) -> torch.nn.Module:
    """Build kornia's LightGlue for the extractor's descriptors, with random weights."""
    from kornia.feature import LightGlue

    # Given the features' name, kornia would download weights; given their length, it does not.
    unnamed: Any = None
    return LightGlue(unnamed, weights=None, input_dim=LENGTHS[kind], **_MATCH)


class GlueMatcher:
    """Extractor and matcher from the files that config.json names."""

    def __init__(self, local: Mapping[str, Any], folder: Path) -> None:
        """Raises OSError for a missing file, RuntimeError for weights of another network."""
        self.kind, self.count = local["kind"], int(local["count"])
        self.image_size = int(local["image_size"])
        self._extractor = extractor(self.kind, self.count)
        self._extractor.load_state_dict(load_file(folder / local["extractor"]))
        self._extractor.eval()
        self._matcher = matcher(self.kind)
        self._matcher.load_state_dict(load_file(folder / local["matcher"]))
        self._matcher.eval()

    @torch.inference_mode()
    def features(self, rgb: Image.Image) -> GlueFeatures:
        """The strongest key points of the image, squeezed into a square."""
        small = rgb.resize((self.image_size, self.image_size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
        if self.kind == "disk":
            key_points = self._extractor(pixels, n=self.count, pad_if_not_divisible=True)[0]
        else:
            key_points = self._extractor(pixels)[0]
        points, descriptors = key_points.keypoints.numpy(), key_points.descriptors.numpy()
        return GlueFeatures(points[: self.count], descriptors[: self.count])

    @torch.inference_mode()
    def score(self, first: GlueFeatures, second: GlueFeatures) -> float:
        """Count the matches that have a score above 0.5."""
        if not len(first.points) or not len(second.points):
            return 0.0
        matches = self._matcher({"image0": self._input(first), "image1": self._input(second)})
        return float((matches["scores"][0] > COUNTED_ABOVE).sum())

    def _input(self, features: GlueFeatures) -> dict[str, Tensor]:
        return {
            "keypoints": torch.from_numpy(features.points)[None],
            "descriptors": torch.from_numpy(features.descriptors)[None],
            "image_size": torch.tensor([[self.image_size, self.image_size]], dtype=torch.float32),
        }
