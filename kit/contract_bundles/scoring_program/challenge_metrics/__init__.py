"""Metrics of published challenges, one module for each contract; they need Python only."""
