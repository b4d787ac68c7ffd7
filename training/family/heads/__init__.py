"""Heads on cached features: their recipes, their training, baselines, and the search."""
