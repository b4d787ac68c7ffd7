"""Thresholds of open-set decisions: chosen on the database, reported on labelled tests."""
