"""How near thresholds come to the oracle threshold, for every system: training/THRESHOLDS.md."""
