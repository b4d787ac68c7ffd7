"""The pattern score of wing_pattern_sgd: fit and settings."""
