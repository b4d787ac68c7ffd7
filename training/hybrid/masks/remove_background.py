"""Cut the wings out of every image of a folder: white wherever the wing network sees no wing.

    python -m training.hybrid.masks.remove_background --images DIR --network CHECKPOINT --out FOLDER

Names, subfolders, formats and sizes stay (upright, RGB, JPEG at quality 95), so that a table of the
images fits both. Threshold 0.5; up to four pieces of at least a twentieth of the largest are
kept. An image in which no wing is found is written whole, and listed. The same
command resumes with the missing images. Exit status 1 if some could not be read.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

from training.common import script
from training.common.console import complain, say
from training.common.errors import FolderError
from training.common.images import UNREADABLE, claim, list_images, save_image
from wildlife_image.rgb import to_rgb
from wildlife_wings.cutout import on_white, wing_mask
from wildlife_wings.unet import CheckpointError, UNet256, network_input, read_unet, small_rgb


@dataclass
class Outcome:
    """Images written, those among them without a wing, and what could not be read."""

    written: int = 0
    without_wing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


class BackgroundRemover:
    """A network on its device, with the image_size of its input."""

    def __init__(self, network: UNet256, image_size: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network, self.image_size = network.to(self.device), image_size

    def cut(self, images: Path, out: Path, batch: list[Path], outcome: Outcome) -> None:
        """Cut out a batch of images, named relative to `images`, into `out`."""
        small, readable = [], []
        for path in batch:
            rgb = self._read(images / path, path, outcome, at_least=2 * self.image_size)
            if rgb is not None:
                small.append(small_rgb(rgb, self.image_size))
                readable.append(path)
        if not small:
            return
        with torch.inference_mode():
            logits = self.network(network_input(torch.stack(small).to(self.device)))
        for path, probability in zip(readable, logits.sigmoid()[:, 0].cpu().numpy(), strict=True):
            # Opened again, so that never more than one image is in memory at its full size.
            rgb = self._read(images / path, path, outcome)
            if rgb is None:
                continue
            mask = wing_mask(probability, rgb.size)
            if mask.any():
                rgb = on_white(rgb, mask)
            else:
                outcome.without_wing.append(str(path))
            save_image(rgb, out / path)
            outcome.written += 1

    def _read(
        self, file: Path, name: Path, outcome: Outcome, at_least: int | None = None
    ) -> Image.Image | None:
        try:
            with Image.open(file) as image:
                return to_rgb(image, at_least)
        except UNREADABLE as error:
            outcome.unreadable.append(f"{name}: {error}")
            return None


def remove_backgrounds(images: Path, checkpoint: Path, out: Path, batch: int) -> Outcome:
    """Cut out all images below `images` that `out` lacks.

    Raises CheckpointError, FolderError.
    """
    if out.resolve() == images.resolve():
        raise FolderError(f"--out {out} is --images; the originals would be overwritten")
    paths = list_images(images)
    network, image_size = read_unet(checkpoint)
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    claim(out, "remove_background", {"network sha256": digest, "image_size": image_size})
    missing = [path for path in paths if not (out / path).is_file()]
    say(f"{len(paths)} images, {len(paths) - len(missing)} of them done before")
    batches = [missing[i : i + batch] for i in range(0, len(missing), batch)]
    remover, outcome = BackgroundRemover(network, image_size), Outcome()
    for chosen in track(batches, "Removing backgrounds", console=Console(stderr=True)):
        remover.cut(images, out, chosen, outcome)
    return outcome


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, cut the wings out and return the exit status."""
    parser = script.parser(
        "training.hybrid.masks.remove_background", "Put the wings of all images on white."
    )
    parser.add_argument("--images", type=Path, required=True, help="images, also in subfolders")
    parser.add_argument("--network", type=Path, required=True, help="checkpoint of train_unet.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args(arguments)
    if options.batch < 1:
        parser.error(f"--batch {options.batch}: expected at least 1")
    return script.run(options, lambda: cut_out(options), also=(CheckpointError,))


def cut_out(options: argparse.Namespace) -> int:
    """Cut the wings out; return 1 if an image cannot be read."""
    outcome = remove_backgrounds(options.images, options.network, options.out, options.batch)
    say(f"{options.out}: {outcome.written} images written")
    for name in outcome.without_wing:
        say(f"no wing found, written whole: {name}")
    if outcome.unreadable:
        count = len(outcome.unreadable)
        complain(options.script, f"{count} image(s) cannot be read", outcome.unreadable)
    return 1 if outcome.unreadable else 0


if __name__ == "__main__":
    raise SystemExit(main())
