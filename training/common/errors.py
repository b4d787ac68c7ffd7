"""Errors of the training scripts: each is one message for a person.

ScriptError          what a script prints as one line; see script.py
├── DataError        the training data cannot be used
├── FolderError      a folder cannot be used
├── FeatureError     computed features cannot be kept
└── TrainingError    a training cannot start, resume or go on
"""

from __future__ import annotations


class ScriptError(Exception):
    """A script cannot do its work; the message says what was expected, found, and what to do."""


class DataError(ScriptError):
    """The training data cannot be used; the message lists every reason."""


class FolderError(ScriptError):
    """A folder cannot be used; the message says why and what to do."""


class FeatureError(ScriptError):
    """What was computed cannot be kept; the message says what was expected and found."""


class TrainingError(ScriptError):
    """A training cannot start, resume or go on; what was trained before is kept."""
