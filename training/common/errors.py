"""Errors of the training scripts: each is one message for a person."""

from __future__ import annotations


class DataError(Exception):
    """The training data cannot be used; the message lists every reason."""
