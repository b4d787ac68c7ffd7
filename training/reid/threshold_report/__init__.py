"""How near the thresholds come to the oracle threshold, for every system: `training/THRESHOLDS.md`."""
