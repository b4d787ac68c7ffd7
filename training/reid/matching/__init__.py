"""Comparisons of image pairs that several submissions are calibrated on."""
