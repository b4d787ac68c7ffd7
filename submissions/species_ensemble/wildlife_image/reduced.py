"""Large images at the scale that networks need: the same in training and in serving.

Networks and local features need a few hundred pixels. Training that saw an image at another scale
would choose thresholds for other scores than those that serving compares with them.
"""

from __future__ import annotations

import math

from PIL import Image

from wildlife_image.rgb import to_rgb


def served_image(image: Image.Image, longest: int) -> Image.Image:
    """Return any PIL image upright, as RGB, its longer side below twice `longest` pixels.

    A JPEG that is not loaded yet is decoded once, at the smallest scale that leaves `longest`
    pixels; the mean of whole blocks of pixels makes what is still too large smaller. An image with
    fewer pixels stays as it is. Raises OSError where the pixels are damaged. Thread-safe.
    """
    shorter = math.ceil(min(image.size) * longest / max(image.size))
    rgb = to_rgb(image, at_least=shorter)
    times = max(rgb.size) // longest
    return rgb.reduce(times) if times > 1 else rgb
