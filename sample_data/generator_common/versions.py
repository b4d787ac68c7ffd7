"""Name the versions that decide the bytes of a bundle, next to its seed."""

from __future__ import annotations

import numpy as np
import PIL
from PIL import features


def drawing_versions(**more: str) -> dict[str, str]:
    """Return the versions of what draws and encodes the images, and `more` of one generator."""
    return {
        "pillow": PIL.__version__,
        "libjpeg": str(features.version("jpg")),
        "numpy": np.__version__,
        **more,
    }
