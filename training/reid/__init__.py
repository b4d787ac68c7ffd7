"""Training for track `reid`."""
