"""Which files are images, by their names."""

from __future__ import annotations

from pathlib import PurePosixPath

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp")


def is_image(name: str) -> bool:
    """Say whether a file is an image by its name, and not a hidden one."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts[-2:])
    return path.suffix.lower() in SUFFIXES and not hidden
