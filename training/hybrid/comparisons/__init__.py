"""Comparisons of settings and scores inside the training data."""
