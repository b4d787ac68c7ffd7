"""Readers of other formats of annotated camera trap images."""
