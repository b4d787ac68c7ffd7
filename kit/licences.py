"""What the name of a licence says about its use."""

from __future__ import annotations

import re

_NON_COMMERCIAL = re.compile(
    r"\bnc\b|non[- ]?commercial|research[- ]only|academic[- ]only|-NC-|OpenRAIL|evaluation only",
    re.IGNORECASE,
)


def is_noncommercial(licence: str) -> bool:
    """Say whether a licence, as weights.json names it, forbids commercial use."""
    return _NON_COMMERCIAL.search(licence) is not None
