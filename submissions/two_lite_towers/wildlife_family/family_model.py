"""The common part of each `Model` that names the family of an animal.

The ingestion program calls `load()` once, then `preprocess` in threads and `predict_batch`, or
`predict` alone. `phylum` in an image's row of metadata.csv rules families out before the softmax;
wildlife_family/taxonomy.py has the rule for a phylum that is empty or not known.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wildlife_family.taxonomy import Taxonomy, likeliest, masked, probabilities
from wildlife_family.views import views
from wildlife_submission.manifest import check_weights, made_by
from wildlife_submission.served_network import served_batch_size

Logits = NDArray[np.float64]
LEAST = -1e9


@dataclass(frozen=True)
class PreparedImage:
    """An image as the networks take it, and its phylum by metadata.csv; None if it has none.

    views: (v, 3, s, s) for each of the networks.
    """

    views: tuple[Tensor, ...]
    phylum: str | None


class FamilyModel(ABC):
    """Rule out families by the phylum, and name the likeliest one that is left.

    A submission adds its method in two functions: `read` and `logits_of_batch`. config.json has
    the `taxonomy` (family: phylum), `views` with the settings of each network's, and `weights`.
    """

    folder: ClassVar[Path]  # the submission's folder: the one of the file that defines `read`
    taxonomy: Taxonomy

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "folder" not in vars(cls):
            cls.folder = Path(cls.read.__code__.co_filename).resolve().parent

    def __init__(self) -> None:
        self._loaded = False
        # The last batch and its probabilities: `explain_batch` gets the very same list.
        self._last: tuple[list[PreparedImage], Logits] = ([], np.zeros((0, 0)))

    @abstractmethod
    def read(self, config: Mapping[str, Any]) -> None:
        """Read what the method needs from config.json and weights/.

        Raises FileNotFoundError; KeyError or ValueError for what does not fit.
        """

    @abstractmethod
    def logits_of_batch(self, batch: Sequence[PreparedImage]) -> Logits:
        """Return (n, families) logits in the order of the taxonomy, whose softmax is calibrated."""

    @property
    def batch_size(self) -> int:
        """How many images the ingestion program should hand to `predict_batch`."""
        return served_batch_size()

    def load(self) -> None:
        """Read config.json and the method's own files from the submission's folder.

        Raises FileNotFoundError for a missing file, with what weights.json says made it; ValueError
        where a file is damaged or does not fit config.json.
        """
        check_weights(self.folder)
        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        try:
            self.taxonomy = Taxonomy.of(config["taxonomy"])
            self._views: Sequence[Mapping[str, Any]] = config["views"]
            self.read(config)
        except (KeyError, ValueError) as error:
            made = made_by(self.folder, str(config.get("weights")))
            raise ValueError(
                f"{self.folder}: weights and config.json do not fit: {error}; {made}"
            ) from error
        self._loaded = True

    def preprocess(
        self, image: Image.Image, metadata: Mapping[str, str] | None = None
    ) -> PreparedImage:
        """Prepare any PIL image; metadata: its row of metadata.csv. Thread-safe."""
        self._check_loaded()
        seen = tuple(views(image, settings) for settings in self._views)
        return PreparedImage(seen, (metadata or {}).get("phylum") or None)

    def predict_batch(self, batch: list[PreparedImage]) -> list[str]:
        """Return the name of a family for each prepared image."""
        self._last = (batch, self._probabilities(batch))
        return [self.taxonomy.families[k] for k in self._last[1].argmax(axis=1).tolist()]

    def predict(self, image: Image.Image, metadata: Mapping[str, str] | None = None) -> str:
        """Return the name of a family."""
        return self.predict_batch([self.preprocess(image, metadata)])[0]

    def explain_batch(self, batch: list[PreparedImage]) -> list[list[tuple[str, float]]]:
        """Return the ten likeliest families of each image with their probabilities, best first."""
        last, found = self._last
        if last is not batch:
            found = self._probabilities(batch)
        return [likeliest(row, self.taxonomy.families) for row in found]

    def _probabilities(self, batch: list[PreparedImage]) -> Logits:
        """(n, families): 0 for a family that an image's phylum rules out."""
        self._check_loaded()
        if not batch:
            return np.zeros((0, len(self.taxonomy.families)))
        found = self.logits_of_batch(batch)
        # One that is not finite never wins against one that is.
        logits = np.where(np.isfinite(found), found, LEAST)
        return probabilities(masked(logits, self.taxonomy.possible([one.phylum for one in batch])))

    def _check_loaded(self) -> None:
        if not self._loaded:
            raise RuntimeError("Model.load() has to be called before predicting")
