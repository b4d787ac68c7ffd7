"""Submission contracts of other challenges, as data: one YAML file for each."""
