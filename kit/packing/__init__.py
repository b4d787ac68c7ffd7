"""Zips to upload: the manifest of weights, what is shipped, and the writing of it."""
