"""Make further animals of the reid sample's kinds, to train networks on: other individuals.

    python -m sample_data.generate_more_animals --out DIR [--individuals 400] [--images 5]

DIR gets metadata.csv, landmarks.csv and images/, as sample_data/reid/train has. No individual of
the sample is among them. The same options give the same files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from multiprocessing import Pool
from pathlib import Path

from sample_data.reid_generator.collection import PlannedImage, more_animals
from sample_data.reid_generator.photograph import Photograph
from sample_data.reid_generator.tables import (
    DATABASE_COLUMNS,
    image_table,
    landmark_table,
)

ROOT = Path(__file__).resolve().parents[1]


def _taken(one: PlannedImage) -> Photograph:
    return one.photograph()


def write(out: Path, individuals: int, images: int) -> None:
    """Write the folder `out`, which appears when it is complete.

    individuals: of each dataset; images: of each individual. Raises OSError where `out` exists.
    """
    plan = more_animals(individuals, images)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for folder in {(part / one.path).parent for one in plan}:
        folder.mkdir(parents=True)
    landmarks = []
    with Pool(os.cpu_count()) as pool:
        taken = pool.imap(_taken, plan, chunksize=16)
        for one, photograph in zip(plan, taken, strict=True):
            (part / one.path).write_bytes(photograph.jpeg)
            landmarks.append(photograph.landmarks)
    (part / "metadata.csv").write_bytes(image_table(plan, DATABASE_COLUMNS))
    (part / "landmarks.csv").write_bytes(landmark_table(plan, landmarks))
    part.rename(out)


def _as_it_is(out: Path, asked: int) -> int:
    """Return 0 where the folder has as many images as are asked for, else 1."""
    with (out / "metadata.csv").open(encoding="utf-8") as file:
        found = sum(1 for _ in file) - 1
    if found != asked:
        print(
            f"generate_more_animals: {out} holds {found} images, {asked} are asked for: delete "
            "it, or give another --out",
            file=sys.stderr,
        )
        return 1
    print(f"{out} exists already and is used as it is")
    return 0


def _count(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Make the folder that the command line names and return the exit status."""
    parser = argparse.ArgumentParser(description="Make further animals to train networks on.")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument("--individuals", type=_count, default=400, help="of each dataset")
    parser.add_argument("--images", type=_count, default=5, help="of each individual")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        if options.out.exists():
            return _as_it_is(options.out, len(more_animals(options.individuals, options.images)))
        write(options.out, options.individuals, options.images)
    except OSError as error:
        print(f"generate_more_animals: {error}", file=sys.stderr)
        return 1
    count = options.individuals * options.images
    print(f"{options.out}: {count} images of each dataset, {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
