"""What a table of times says about the machine that measured them."""

from __future__ import annotations

import platform


def machine(*more: str) -> str:
    """Return system, processor, `more` and the version of Python, with commas between them."""
    python = f"Python {platform.python_version()}"
    return ", ".join([f"{platform.system()} {platform.machine()}", *more, python])
