"""Training for track `hybrid`."""
