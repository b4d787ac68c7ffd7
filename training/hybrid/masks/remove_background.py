"""Cut the wings out of every picture of a folder: white wherever the wing network sees no wing.

    python -m training.hybrid.masks.remove_background --images DIR --network CHECKPOINT --out FOLDER

Names, subfolders, formats and sizes stay (upright, RGB, JPEG at quality 95), so that a table of the
pictures fits both. Threshold 0.5; up to four pieces of at least a twentieth of the largest are
kept. A picture in which no wing is found is written whole, and listed. A rerun goes on with the
pictures that are not there yet. Exit status 1 where some could not be read.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

from training.common.errors import FolderError
from training.common.images import UNREADABLE, claim, list_pictures, save_picture
from wildlife_image.rgb import to_rgb
from wildlife_wings.cutout import on_white, wing_mask
from wildlife_wings.unet import CheckpointError, UNet256, network_input, read_unet, small_rgb


@dataclass
class Outcome:
    """Pictures written, those among them without a wing, and what could not be read."""

    written: int = 0
    without_wing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


class BackgroundRemover:
    """A network on its device, with the side of its input."""

    def __init__(self, network: UNet256, side: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network, self.side = network.to(self.device), side

    def cut(self, images: Path, out: Path, batch: list[Path], outcome: Outcome) -> None:
        """Cut out a batch of pictures, named relative to `images`, into `out`."""
        small, readable = [], []
        for path in batch:
            rgb = self._read(images / path, path, outcome, at_least=2 * self.side)
            if rgb is not None:
                small.append(small_rgb(rgb, self.side))
                readable.append(path)
        if not small:
            return
        with torch.inference_mode():
            logits = self.network(network_input(torch.stack(small).to(self.device)))
        for path, probability in zip(readable, logits.sigmoid()[:, 0].cpu().numpy(), strict=True):
            # Opened anew, so that never more than one picture is in memory at its full size.
            rgb = self._read(images / path, path, outcome)
            if rgb is None:
                continue
            mask = wing_mask(probability, rgb.size)
            if mask.any():
                rgb = on_white(rgb, mask)
            else:
                outcome.without_wing.append(str(path))
            save_picture(rgb, out / path)
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
    """All pictures below `images` that `out` lacks. Raises CheckpointError, FolderError."""
    if out.resolve() == images.resolve():
        raise FolderError(f"--out {out} is --images; the originals would be overwritten")
    paths = list_pictures(images)
    network, side = read_unet(checkpoint)
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    claim(out, "remove_background", {"network sha256": digest, "side": side})
    missing = [path for path in paths if not (out / path).is_file()]
    print(f"{len(paths)} pictures, {len(paths) - len(missing)} of them done before")
    batches = [missing[i : i + batch] for i in range(0, len(missing), batch)]
    remover, outcome = BackgroundRemover(network, side), Outcome()
    for chosen in track(batches, "Removing backgrounds", console=Console(stderr=True)):
        remover.cut(images, out, chosen, outcome)
    return outcome


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Put the wings of all pictures on white.")
    parser.add_argument("--images", type=Path, required=True, help="pictures, also in subfolders")
    parser.add_argument("--network", type=Path, required=True, help="checkpoint of train_unet.py")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args(arguments)
    if options.batch < 1:
        parser.error(f"--batch {options.batch}: expected at least 1")
    try:
        outcome = remove_backgrounds(options.images, options.network, options.out, options.batch)
    except (CheckpointError, FolderError) as error:
        print(f"remove_background: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {outcome.written} pictures written")
    for name in outcome.without_wing:
        print(f"no wing found, written whole: {name}")
    if outcome.unreadable:
        listed = [f"{len(outcome.unreadable)} picture(s) cannot be read", *outcome.unreadable]
        print("remove_background: " + "\n  ".join(listed), file=sys.stderr)
    return 1 if outcome.unreadable else 0


if __name__ == "__main__":
    raise SystemExit(main())
