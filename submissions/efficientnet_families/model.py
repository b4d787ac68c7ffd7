"""Which family does the animal belong to? EfficientNet with a dense head (README.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wildlife_family.family_model import FamilyModel, Logits, PreparedImage
from wildlife_family.networks import read_network
from wildlife_submission.served_network import ServedNetwork


class Model(FamilyModel):
    def read(self, config: Mapping[str, Any]) -> None:
        """Read the network, and the temperature that makes its probabilities honest."""
        families = len(self.taxonomy.families)
        network = read_network(self.folder, config["network"], config["weights"], families)
        self._network = ServedNetwork(network)
        self._temperature = float(config["temperature"])

    def logits_of_batch(self, batch: Sequence[PreparedImage]) -> Logits:
        """Return (n, families) logits, divided by the temperature."""
        logits = self._network([one.views[0].flatten(0, 1) for one in batch])
        return np.asarray(logits.double().numpy() / self._temperature)
