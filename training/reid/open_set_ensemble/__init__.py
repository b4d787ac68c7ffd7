"""Build the submission `open_set_ensemble` (python -m training.reid.open_set_ensemble)."""
