"""How near the thresholds come to the oracle threshold, by system: `training/THRESHOLDS.md`."""
