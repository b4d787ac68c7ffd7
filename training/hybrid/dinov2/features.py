"""Features of image files by a ready backbone, kept on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from training.common.cache import FeatureCache, Features, file_digest
from training.common.errors import DataError
from training.hybrid.dinov2.images import read_squares
from wildlife_wings.dinov2_backbone import FILES, read_backbone
from wildlife_wings.dinov2_pixels import Pixels
from wildlife_wings.lite_features import LiteFeatures


class Network(Protocol):
    """What gives features (n, d) of squares (n, s, s, 3)."""

    def of_pixels(self, pixels: Pixels) -> Features: ...


@dataclass(frozen=True)
class Extractor:
    """A ready backbone and its features of image files, kept on disk; `read` reads it."""

    read: Callable[[], Network]
    preprocessing: dict[str, Any]
    cache: FeatureCache

    @classmethod
    def open(cls, folder: Path, preprocessing: dict[str, Any], work: Path) -> Extractor:
        """Read the digest of a backbone's folder. Raises FileNotFoundError if a file is missing."""
        digest = hashlib.sha256("".join(file_digest(folder / f) for f in FILES).encode())
        named = json.dumps(preprocessing, sort_keys=True)
        cache = FeatureCache(work / "features", digest.hexdigest(), named)
        return cls(lambda: read_backbone(folder, preprocessing), preprocessing, cache)

    @classmethod
    def of_base(
        cls, settings: Mapping[str, Any], base: Path, preprocessing: dict[str, Any], work: Path
    ) -> Extractor:
        """Read the digest of a base network's file; `settings` are those of LiteFeatures."""
        named = json.dumps([settings, preprocessing], sort_keys=True)
        cache = FeatureCache(work / "features", file_digest(base), named)
        return cls(lambda: LiteFeatures(settings, base, preprocessing), preprocessing, cache)

    def features(self, paths: tuple[Path, ...], squares: bool = False) -> Features:
        """Return features (n, d); `squares`: the files are preprocessed. Raises DataError."""
        preprocessing = {**self.preprocessing, "cut": "whole"} if squares else self.preprocessing
        backbone: list[Network] = []  # read only where something is to be computed

        def compute(some: list[Path]) -> Features:
            if not backbone:
                backbone.append(self.read())
            return backbone[0].of_pixels(_readable(some, paths, preprocessing))

        return self.cache.features(paths, compute)


def _readable(some: list[Path], paths: tuple[Path, ...], preprocessing: dict[str, Any]) -> Pixels:
    try:
        return read_squares(some, preprocessing)
    except DataError:
        read_squares(paths, preprocessing)  # raises once more, naming all
        raise
