"""Comparisons of settings and scores inside the training data; labelled tests are looked at last."""
