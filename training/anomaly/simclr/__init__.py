"""Encoders of animals that learn from pairs of views (Chen et al. 2020)."""
