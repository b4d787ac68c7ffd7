"""Draw generated images next to their sources, for people to look at.

    python -m training.hybrid.synthetic_hybrids.contact_sheet --weights RUN/generator.safetensors \\
        --dataroot DATAROOT --out contact_sheet.jpg

prepare.py makes DATAROOT. Each row: the image that gives the outline, its edges, the one
that gives the colours, the generator's result, and a photographed hybrid of these two
subspecies where the table has one (the rows of Lists/signal).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw

from training.common import script
from training.common.console import say
from training.hybrid.synthetic_hybrids.generate import generator_input, trained_size
from training.hybrid.synthetic_hybrids.images import read_square, save_whole, to_image
from training.hybrid.synthetic_hybrids.lists import HYBRID_FOLDER, TEST, ListError, Pair, read_pairs
from training.hybrid.synthetic_hybrids.networks import (
    Generator,
    generator_from_state,
)
from training.hybrid.synthetic_hybrids.weights import read_weights

HEADINGS = ("outline of", "its edges", "colours of", "generated", "real hybrid")
KINDS = {"nonhybrid": 4, "signal": 6, "nonsignal": 6}  # rows of each
BLOCKS = 2  # side by side
CELL, CAPTION, GAP = 112, 12, 10  # pixels
_LARGEST = 300_000  # bytes
_QUALITIES = (90, 80, 70, 60, 45, 30)


@dataclass(frozen=True)
class Row:
    """A pair, and a photographed hybrid of its classes or None; paths relative to the dataroot."""

    kind: str
    pair: Pair
    hybrid: str | None


def evenly_spaced(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """Return `count` of the pairs, from the first on at even distances."""
    count = min(count, len(pairs))
    return [pairs[k * len(pairs) // count] for k in range(count)]


def real_hybrids(dataroot: Path, signal: Sequence[Pair]) -> list[str]:
    """Return photographed hybrids if all signal pairs are of the same two classes; else none.

    The folder of hybrids does not tell their parents.
    """
    if len({frozenset(pair.classes) for pair in signal}) != 1:
        return []
    folder = dataroot / "Images" / HYBRID_FOLDER / "train" / "good"
    return [path.relative_to(dataroot).as_posix() for path in sorted(folder.glob("*.jpg"))]


def choose_rows(dataroot: Path) -> list[Row]:
    """Return rows of all three kinds of lists. Raises ListError."""
    rows = []
    for kind, count in KINDS.items():
        folder = dataroot / "Lists" / kind
        if not all((folder / name).is_file() and (folder / name).stat().st_size for name in TEST):
            continue  # a table without parents' names has no signal pairs
        pairs = read_pairs(folder, TEST)
        some = evenly_spaced(pairs, count)
        real = real_hybrids(dataroot, pairs) if kind == "signal" else []
        shown: list[str | None] = [*real[:: max(1, len(real) // len(some))], *[None] * len(some)]
        rows += [Row(kind, pair, hybrid) for pair, hybrid in zip(some, shown, strict=False)]
    if not rows:
        raise ListError(f"{dataroot}: no pairs in Lists/{{{','.join(KINDS)}}}; prepare.py makes it")
    return rows


@torch.inference_mode()
def images_of(
    row: Row, generator: Generator, dataroot: Path, size: int
) -> list[Image.Image | None]:
    """Return the five images of a row, None for a missing one. Raises ImageError."""
    outline = row.pair.edge.replace("/pidinet_edges/", "/good/").replace(".png", ".jpg")
    files = (outline, row.pair.edge, row.pair.colour)
    given = [read_square(dataroot / path, size) for path in files]
    made, _ = generator(generator_input(dataroot, row.pair, size)[None])
    real = read_square(dataroot / row.hybrid, size) if row.hybrid else None
    return [*given, to_image(made[0]), real]


def draw_sheet(rows: Sequence[Row], images: Sequence[Sequence[Image.Image | None]]) -> Image.Image:
    """Draw all rows in two blocks side by side, headings above."""
    deep = -(-len(rows) // BLOCKS)
    width, height = len(HEADINGS) * CELL, CELL + CAPTION
    size = (BLOCKS * width + (BLOCKS - 1) * GAP, CAPTION + deep * height)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for number, (row, cells) in enumerate(zip(rows, images, strict=True)):
        left, top = number // deep * (width + GAP), CAPTION + number % deep * height
        structure, appearance = row.pair.classes
        captions = (structure, "", appearance, f"{structure} x {appearance}", "")
        for k, (heading, caption, cell) in enumerate(zip(HEADINGS, captions, cells, strict=True)):
            pen.text((left + k * CELL + 2, 0), heading, fill="black")
            pen.text((left + k * CELL + 2, top), caption, fill="black")
            if cell:
                large = cell.resize((CELL, CELL), Image.Resampling.BICUBIC)
                sheet.paste(large, (left + k * CELL, top + CAPTION))
    return sheet


def save_small(sheet: Image.Image, path: Path) -> int:
    """Save a JPEG of at most 300 kB, in the best quality that fits; return its bytes."""
    for quality in _QUALITIES:
        save_whole(sheet, path, quality)
        if path.stat().st_size <= _LARGEST:
            break
    return path.stat().st_size


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = script.parser(
        "training.hybrid.synthetic_hybrids.contact_sheet",
        "Generated images next to their sources.",
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--dataroot", type=Path, required=True, help="folder of Images and Lists")
    parser.add_argument("--out", type=Path, required=True, help="a .jpg file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, draw the sheet and return the exit status."""
    options = parse(arguments)
    return script.run(options, lambda: draw(options))


def draw(options: argparse.Namespace) -> int:
    """Draw the sheet and save it."""
    generator = generator_from_state(read_weights(options.weights)).eval()
    size = trained_size(options.weights)
    rows = choose_rows(options.dataroot)
    images = [images_of(row, generator, options.dataroot, size) for row in rows]
    length = save_small(draw_sheet(rows, images), options.out)
    say(f"{options.out}: {len(rows)} rows, {length} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
