"""Wing masks without a network: `find_wings` of wing_pattern_sgd, good on plain backgrounds."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from training.common.errors import FolderError
from training.common.images import MASK_END, UNREADABLE, list_images, save_image, upright_size
from wildlife_wings.find_wings import background_colour, find_wings, read_small


def write_plain_masks(images: Path, masks: Path) -> None:
    """Write NAME_mask.png, as large as the image, for every image without one.

    Raises FolderError naming every unreadable image.
    """
    problems = []
    for path in list_images(images):
        target = masks / path.with_name(path.stem + MASK_END)
        if target.is_file():
            continue
        try:
            with Image.open(images / path) as image:
                size = upright_size(image)
                rgb = read_small(image)
        except UNREADABLE as error:
            problems.append(f"{path}: {error}")
            continue
        mask = Image.fromarray(find_wings(rgb, background_colour(rgb)))
        save_image(mask.resize(size, Image.Resampling.NEAREST), target)
    if problems:
        head = f"{images}: {len(problems)} problem(s), nothing was trained"
        raise FolderError("\n  ".join([head, *problems]))
