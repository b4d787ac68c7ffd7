"""Zips to upload: the manifest of weights, the files that ship, and writing the zip."""
