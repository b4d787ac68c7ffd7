"""Checks of a competition bundle."""
