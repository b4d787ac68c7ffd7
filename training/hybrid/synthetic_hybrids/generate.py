"""Make images: the edges of one butterfly painted with the colours of another.

    python -m training.hybrid.synthetic_hybrids.generate --weights RUN/generator.safetensors \\
        --dataroot DATAROOT/Lists/signal --out GENERATED/signal

The script reads the test lists of --dataroot and weights of train.py or published ones (.pth).
GENERATED/signal gets AF_{i}_{j}_gen{number}.png (structure of class i, appearance of class j;
number: the line in the lists, from 0) and, last, generated.csv, which names each image's sources.
The same command resumes a killed run.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor

from training.common import script
from training.common.atomic import replaced, write_json
from training.common.console import say
from training.common.errors import ScriptError
from training.hybrid.synthetic_hybrids.images import (
    read_square,
    save_whole,
    to_image,
    to_tensor,
)
from training.hybrid.synthetic_hybrids.lists import (
    TEST,
    Pair,
    base_folder,
    lists_digest,
    read_pairs,
)
from training.hybrid.synthetic_hybrids.networks import (
    Generator,
    Widths,
    generator_from_state,
)
from training.hybrid.synthetic_hybrids.weights import read_weights

TABLE = "generated.csv"
SOURCE = "generated.json"
COLUMNS = ("filename", "label", "hybrid_stat", "structure", "appearance")
_PUBLISHED_SIZE = 256


class GenerationError(ScriptError):
    """Images cannot be made; the message says why and what to do."""


def image_name(pair: Pair, number: int) -> str:
    """Return the file name of the image made from line `number` of the lists."""
    return f"AF_{pair.label}_gen{number:05d}.png"


def trained_size(weights: Path) -> int:
    """Return the image size in the settings next to the weights, else the published 256 pixels."""
    settings = weights.with_name("settings.json")
    if not settings.is_file():
        return _PUBLISHED_SIZE
    return int(json.loads(settings.read_text(encoding="utf-8"))["size"])


def claim_folder(out: Path, source: dict[str, str | int]) -> None:
    """Mark the folder as made from this source. Raises GenerationError if it is another's."""
    path = out / SOURCE
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in source if before.get(name) != source[name]]
        if changed:
            raise GenerationError(f"{out} holds images of other {changed}: give another --out")
        return
    if any(out.glob("*.png")):
        raise GenerationError(f"{out} holds images of unknown origin: give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_json(path, source)


@torch.inference_mode()
def generate(
    generator: Generator, base: Path, pairs: list[Pair], out: Path, size: int, batch: int
) -> int:
    """Make the missing images; return their number. Raises ImageError."""
    device = next(generator.parameters()).device
    missing = [
        (pair, path)
        for number, pair in enumerate(pairs)
        if not (path := out / image_name(pair, number)).is_file()
    ]
    for start in range(0, len(missing), batch):
        some = missing[start : start + batch]
        inputs = torch.stack([generator_input(base, pair, size) for pair, _ in some])
        images, _ = generator(inputs.to(device))
        for (_, path), image in zip(some, images, strict=True):
            save_whole(to_image(image), path)
        done = start + len(some)
        if start // 100 != done // 100 or done == len(missing):
            say(f"{done} of {len(missing)} images")
    return len(missing)


def generator_input(base: Path, pair: Pair, size: int) -> Tensor:
    """Return edges, then reference, (6, s, s) in [-1, 1]. Raises ImageError."""
    return torch.cat(
        [to_tensor(read_square(base / path, size)) for path in (pair.edge, pair.colour)]
    )


def write_table(out: Path, pairs: list[Pair]) -> None:
    """Write a row for each image; the file is whole or absent."""
    with (
        replaced(out / TABLE) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, pair in enumerate(pairs):
            stat = "non-hybrid" if len(set(pair.classes)) == 1 else "hybrid"
            name = image_name(pair, number)
            writer.writerow([name, pair.label, stat, pair.edge, pair.colour])


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = script.parser(
        "training.hybrid.synthetic_hybrids.generate", "Make images from pairs of photographs."
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--dataroot", type=Path, required=True, help="folder of the test lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, help="side in pixels (default: as trained, else 256)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of the processor (default: PyTorch's)")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> None:
    """Make the images that are missing, and their table."""
    pairs = read_pairs(options.dataroot, TEST)
    generator = generator_from_state(read_weights(options.weights)).eval().to(options.device)
    size = options.size or trained_size(options.weights)
    downsamples = len([m for m in generator.ano_model if isinstance(m, torch.nn.ConvTranspose2d)])
    problem = Widths(n_downsample=downsamples).problem_with(size)
    if problem or options.batch < 1:
        raise GenerationError(problem or f"--batch {options.batch}: expected at least 1")
    claim_folder(
        options.out,
        {
            "weights_sha256": hashlib.sha256(options.weights.read_bytes()).hexdigest(),
            "lists_sha256": lists_digest(pairs),
            "size": size,
        },
    )
    base = base_folder(options.dataroot.resolve())
    count = generate(generator, base, pairs, options.out, size, options.batch)
    write_table(options.out, pairs)
    say(f"{options.out}: {count} made, {len(pairs) - count} were there")


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, make the images and return the exit status."""
    options = parse(arguments)
    return script.run(options, lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
