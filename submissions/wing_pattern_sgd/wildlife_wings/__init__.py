"""Served code of the hybrid track: wings found and aligned, networks, and scores of a hybrid."""
