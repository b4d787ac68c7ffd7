"""Embedding networks of the re-identification submissions."""
