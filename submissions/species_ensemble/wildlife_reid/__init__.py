"""Served code of the re-identification track: descriptors, galleries, and open-set decisions."""
