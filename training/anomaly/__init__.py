"""Training for track `anomaly`."""
