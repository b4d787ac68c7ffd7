"""Which family does the animal belong to? Two frozen networks, two views, one head (README.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wildlife_family.family_model import FamilyModel, Logits, PreparedImage
from wildlife_family.towers_of_views import joint_logits, read_head, read_tower
from wildlife_submission.served_network import ServedNetwork


class Model(FamilyModel):
    def read(self, config: Mapping[str, Any]) -> None:
        """Read the towers, the head on their features, and the temperature."""
        pairs = zip(config["networks"], config["views"], strict=True)
        towers = [read_tower(self.folder, settings, views) for settings, views in pairs]
        features = sum(tower.features for tower in towers)
        self._towers = [ServedNetwork(tower) for tower in towers]
        families = len(self.taxonomy.families)
        self._head = read_head(self.folder / config["weights"], features, families)
        self._temperature = float(config["temperature"])

    def logits_of_batch(self, batch: Sequence[PreparedImage]) -> Logits:
        """Return (n, families) logits, divided by the temperature."""
        features = [
            tower([one.views[k].flatten(0, 1) for one in batch])
            for k, tower in enumerate(self._towers)
        ]
        logits = joint_logits(self._head, features)
        return np.asarray(logits.double().numpy() / self._temperature)
