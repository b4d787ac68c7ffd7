"""What 10,000 images cost with `kit predict`, and what a model makes of that for more.

    python -m benchmarks.large_collections [--images N] [--engines local,ray] [--quick] [--write]

The images are generated JPEGs of 480x360 pixels: pieces of a few larger ones. Two submissions
predict them with both engines: a light one (colours and edges, so that decoding counts most), and
with --features the network of `triplet_centroids`. Each command runs twice on folders of their
own: on 64 images, which is the start, and on all; the rate is that of the others. --write puts the
measured table and, apart from it, the computed one between the markers of
docs/pages/large_collections.md. Ray stands in the table where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ingestion import SPELLINGS, SUBMISSION, photograph
from benchmarks.machine import machine
from kit.cli.printing import size
from kit.markdown import table, write_block
from kit.predicting.engines import ENGINES
from kit.predicting.listing import list_images

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "pages" / "large_collections.md"
FEW = 64
DISTINCT = 8
WIDTH, HEIGHT = 480, 360
NETWORK = "triplet_centroids"
# Not measured: an accelerator's rate for a network of the size of a ViT-B, in half precision.
ASSUMED_GPU_RATE = 1000.0
NODES, CORES = 16, 32  # of the cluster that the model computes hours for
AMOUNTS = (140_000, 1_000_000, 1_000_000_000)


@dataclass(frozen=True)
class Measured:
    """One command on `images` images: seconds of its start, then images a second."""

    engine: str
    submission: str
    images: int
    start: float
    seconds: float
    image_bytes: float
    shard_bytes: float

    @property
    def rate(self) -> float:
        """Images a second without the start."""
        return (self.images - FEW) / max(self.seconds - self.start, 1e-9)


def make_images(folder: Path, number: int) -> None:
    """Write JPEGs that differ, as pieces of DISTINCT photographs."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    large = [photograph(rng, 2 * WIDTH, 2 * HEIGHT) for _ in range(DISTINCT)]
    for index in range(number):
        x, y = (int(rng.integers(side)) for side in (WIDTH, HEIGHT))
        piece = large[index % DISTINCT].crop((x, y, x + WIDTH, y + HEIGHT))
        piece.save(folder / f"{index:06}.jpg", quality=88)


def predict(submission: str, images: Path, out: Path, engine: str) -> dict[str, Any]:
    """Return the summary of one `kit predict`."""
    options = ["--features"] if submission == NETWORK else []
    command = [sys.executable, "-m", "kit", "predict", submission, str(images), "--out", str(out)]
    ended = subprocess.run(
        [*command, "--engine", engine, "--json", *options],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
    )  # fmt: skip
    summary: dict[str, Any] = json.loads(ended.stdout)
    return summary


def measure(engine: str, submission: str, folder: Path, images: int, work: Path) -> Measured:
    """Measure the start and the whole."""
    name = Path(submission).name
    lists = {}
    for number in (FEW, images):
        lists[number] = work / f"{number}.txt"
        paths = sorted(folder.iterdir())[:number]
        lists[number].write_text("".join(f"{path}\n" for path in paths))
    start = predict(submission, lists[FEW], work / f"{engine}-{name}-few", engine)
    whole = predict(submission, lists[images], work / f"{engine}-{name}", engine)
    per_image = (whole["image_bytes"] / images, whole["bytes"] / images)
    return Measured(engine, name, images, start["seconds"], whole["seconds"], *per_image)


def measured_table(found: Iterable[Measured]) -> list[str]:
    """Return the lines of what was measured."""
    rows = [
        [
            one.engine,
            one.submission,
            f"{one.images:,}",
            f"{one.start:.1f} s",
            f"{one.seconds:.1f} s",
            f"{one.rate:.1f}",
            f"{one.image_bytes / 1000:.1f} kB",
            f"{one.shard_bytes:.0f} B",
        ]
        for one in found
    ]
    titles = ["engine", "submission", "images", "start", "all", "images/s", "an image", "a row"]
    return table(titles, rows, numbers=range(2, 8))


def computed_table(found: Sequence[Measured], cores: int) -> list[str]:
    """Return the lines of the model: costs are those of the local engine, times the number."""
    rows = []
    for amount in AMOUNTS:
        for one in [one for one in found if one.engine == "local"]:
            core_hours = amount * cores / one.rate / 3600
            rows.append(
                [
                    f"{amount:,}",
                    one.submission,
                    f"{core_hours:,.{1 if core_hours < 10 else 0}f}",
                    duration(core_hours * 3600 / (NODES * CORES)),
                    size(round(amount * one.image_bytes)),
                    size(round(amount * one.shard_bytes)),
                ]
            )
    titles = ["images", "submission", "core hours", f"on {NODES} nodes of {CORES} cores"]
    return table([*titles, "images to read", "shards"], rows, numbers=range(2, 6))


def duration(seconds: float) -> str:
    """Return seconds, minutes or hours, whichever fits."""
    for length, unit in ((3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.1f} s"


def gpu_lines(light: Measured, cores: int) -> list[str]:
    """Return the sentences about accelerators, whose rate is an assumption."""
    feeding = ASSUMED_GPU_RATE / (light.rate / cores)
    hours = [f"{amount / ASSUMED_GPU_RATE / 3600:,.1f} for {amount:,}" for amount in AMOUNTS[1:]]
    return [
        "",
        f"With an accelerator that predicts {ASSUMED_GPU_RATE:,.0f} images a second (an "
        "assumption, not measured here):",
        f"GPU hours: {' and '.join(hours)} images; to decode and prepare as fast takes "
        f"{feeding:.0f} cores for each.",
    ]


def main() -> None:
    """Measure, print, and with --write fill the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--images", type=int, default=10_000, help=f"how many, more than {FEW} (default 10,000)")
    add("--engines", default="local,ray", help="local, or local,ray (default; Ray if installed)")
    add("--quick", action="store_true", help="a twentieth of the images")
    add("--write", action="store_true", help="write the tables of docs/pages/large_collections.md")
    options = parser.parse_args()
    number = options.images // (20 if options.quick else 1)
    if number <= FEW:
        parser.error(f"expected more than {FEW} images, which are the start, found {number}")
    engines = engines_of(options.engines, parser)
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="large-collections-") as name:
        found = measure_all(Path(name), number, engines)
        listed = listing_line(Path(name) / "images")
    measured = [*measured_table(found), "", f"{listed} {machine(f'{cores} cores')}."]
    light = next(one for one in found if one.engine == "local" and one.submission == "light")
    computed = [*computed_table(found, cores), *gpu_lines(light, cores)]
    print("\n".join([*measured, "", *computed]))
    if options.write:
        write_block(PAGE, "measured", "\n".join(measured))
        write_block(PAGE, "computed", "\n".join(computed))


def engines_of(text: str, parser: argparse.ArgumentParser) -> list[str]:
    """Return the engines to measure. What is computed needs `local`; Ray may not be installed."""
    names: list[str] = text.split(",")
    if "local" not in names or not {*names} <= {*ENGINES}:
        parser.error(f"--engines: expected local or {','.join(ENGINES)}, found {text!r}")
    if "ray" in names and not has_ray():
        print("Ray is not installed: the table has no row of it", file=sys.stderr)
        names.remove("ray")
    return names


def measure_all(work: Path, number: int, engines: Sequence[str]) -> list[Measured]:
    """Return the rows of the table."""
    make_images(work / "images", number)
    (work / "light").mkdir()
    (work / "light" / "model.py").write_text(SUBMISSION.format(before=SPELLINGS["full"]))
    (work / "light" / "metadata").write_text("track: hybrid\n")
    found = []
    for submission, engine in itertools.product((str(work / "light"), NETWORK), engines):
        place = work / f"{Path(submission).name}-{engine}"
        place.mkdir()
        found.append(measure(engine, submission, work / "images", number, place))
        print(f"{place.name}: {found[-1].rate:.1f} images/s", file=sys.stderr, flush=True)
    return found


def listing_line(folder: Path) -> str:
    """Say what the list of the images takes."""
    started = time.perf_counter()
    list_images(folder)
    seconds = time.perf_counter() - started
    tracemalloc.start()
    count = len(list_images(folder).images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (
        f"To list the {count:,} images took {seconds:.1f} s, and {peak / count:.0f} bytes of "
        "memory for each."
    )


def has_ray() -> bool:
    """Say whether Ray is installed."""
    return importlib.util.find_spec("ray") is not None


if __name__ == "__main__":
    main()
