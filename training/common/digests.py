"""Short digests that tell whether two results were made from the same data."""

from __future__ import annotations

import hashlib
from pathlib import Path


def short_digest(*parts: bytes | str | Path) -> str:
    """Return 16 hexadecimal digits of the sha256 of the parts, one after the other.

    Args:
        parts: bytes, text (as UTF-8), or files, whose bytes are read.

    Raises OSError where a file cannot be read.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            digest.update(part.read_bytes())
        else:
            digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:16]
