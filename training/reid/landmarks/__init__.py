"""The network that finds landmarks, by which animals are aligned."""
