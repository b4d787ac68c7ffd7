"""Lay out a training table as published: images, edge images and list files.

    python -m training.hybrid.synthetic_hybrids.prepare --out DATAROOT
    python -m training.hybrid.synthetic_hybrids.prepare --data DIR --out DATAROOT --signal 9 8
    python -m training.hybrid.synthetic_hybrids.prepare --data DIR --out DATAROOT --preset full \\
        --pidinet PIDINET.pth

DIR holds train.csv and images/ (training/hybrid/data.py says which columns). DATAROOT gets
Images/CLASS/train/{good,pidinet_edges}/ and Lists/{train,nonhybrid,signal,nonsignal}/. Signal pairs
are the parents in the table's columns parent_subspecies_1 and _2; without these, or to choose which
parent gives the outline, say --signal STRUCTURE APPEARANCE. The full preset squeezes whole images
into squares of 256 pixels, as published. The small one cuts the wings out, turns them upright and
lets them fill a white square of 64: a small generator moves colours by a few pixels and no further,
so both parents' wings must lie in the same place. Existing images are kept, so that the same
command resumes a killed run.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.common import script
from training.common.atomic import write_text
from training.common.console import say
from training.common.errors import DataError
from training.hybrid.data import HYBRID, TrainingTable, read_training_table
from training.hybrid.synthetic_hybrids.edges import Detector, pidinet_edges, sobel_edges
from training.hybrid.synthetic_hybrids.images import PREPARED, ImageError, read_square, save_whole
from training.hybrid.synthetic_hybrids.lists import (
    HYBRID_FOLDER,
    TEST,
    TRAIN,
    Classes,
    Pair,
    Photograph,
    class_folder,
    class_of,
    edge_path,
    hybrid_pairs,
    non_hybrid_pairs,
    write_pairs,
)
from wildlife_wings.pattern_features import aligned_wings

ROOT = Path(__file__).resolve().parents[3]
PRESETS = {"small": (64, "wings"), "full": (256, "whole")}  # side in pixels, cut
Parents = tuple[str, str]  # class folders of structure and appearance


def photographs_of(table: TrainingTable) -> list[Photograph]:
    """Return a photograph for each row, in order. Raises DataError if two names clash."""
    folders = [
        HYBRID_FOLDER if hybrid else class_folder(subspecies)
        for hybrid, subspecies in zip(table.hybrid.tolist(), table.subspecies.tolist(), strict=True)
    ]
    meanings = set(zip(folders, table.subspecies.tolist(), strict=True))
    clashes = [
        name for name, count in Counter(folder for folder, _ in meanings).items() if count > 1
    ]
    names = [
        f"Images/{folder}/train/good/{path.stem}.jpg"
        for folder, path in zip(folders, table.paths, strict=True)
    ]
    clashes += [name for name, count in Counter(names).items() if count > 1]
    if clashes:
        raise DataError(f"expected one meaning for each name, found several for {clashes}")
    return [Photograph(n, v) for n, v in zip(names, table.view.tolist(), strict=True)]


def signal_parents(data: Path) -> list[Parents]:
    """Return pairs of class folders of which the table has hybrids, both ways."""
    with (data / "train.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if HYBRID[row["hybrid_stat"].strip()]]
    columns = ("parent_subspecies_1", "parent_subspecies_2")
    named = [[class_folder(row.get(column) or "") for column in columns] for row in rows]
    pairs = {(min(pair), max(pair)) for pair in named if all(pair)}
    return sorted(way for a, b in pairs for way in ((a, b), (b, a)))


def read_wings(path: Path, size: int) -> Image.Image:
    """Return the wings upright on white, filling size x size pixels. Raises ImageError."""
    try:
        with Image.open(path) as image:
            wings = aligned_wings(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path} cannot be read: {error}") from error
    cover = wings[..., 3:]
    colour = np.clip(wings[..., :3], 0, 1) * cover + 1 - cover
    pixels = np.rint(colour * 255).clip(0, 255).astype(np.uint8)
    return Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC)


CUTS = {"whole": read_square, "wings": read_wings}


def make_images(
    sources: tuple[Path, ...], names: list[str], out: Path, size: int, cut: str, detector: Detector
) -> None:
    """Write each image and its edges, size x size. Raises DataError naming all unreadable."""
    problems = []
    for number, (source, name) in enumerate(zip(sources, names, strict=True), start=1):
        edges = out / edge_path(name)
        if not edges.is_file():
            try:
                square = CUTS[cut](source, size)
            except ImageError as error:
                problems.append(str(error))
                continue
            save_whole(square, out / name)
            save_whole(detector(square), edges)  # last: its presence marks both as done
        if number % 200 == 0 or number == len(names):
            say(f"{number} of {len(names)} images")
    if problems:
        raise DataError("\n  ".join([f"{len(problems)} problem(s), no lists written", *problems]))


def write_lists(
    out: Path, photographs: list[Photograph], signal: list[Parents], options: argparse.Namespace
) -> None:
    """Write the list files of training and of the three kinds of generated images."""
    classes: Classes = {}
    for photograph in photographs:
        classes.setdefault(class_of(photograph.path), []).append(photograph)
    classes.pop(HYBRID_FOLDER, None)
    unknown = {name for parents in signal for name in parents} - set(classes)
    if unknown:
        raise DataError(f"signal parents {sorted(unknown)} are none of {sorted(classes)}")
    pick = random.Random(options.seed)
    others: list[Parents] = [
        pair if pick.random() < 0.5 else (pair[1], pair[0])
        for pair in itertools.combinations(sorted(classes), 2)
        if pair not in signal and (pair[1], pair[0]) not in signal
    ]
    share = -(-options.signal_images // max(1, len(signal)))
    kinds = {
        "nonhybrid": non_hybrid_pairs(classes, options.seed),
        "signal": [p for w in signal for p in hybrid_pairs(classes, w, share, options.seed)],
        "nonsignal": [
            p for w in others for p in hybrid_pairs(classes, w, options.per_pair, options.seed)
        ],
    }
    own = [Pair(edge_path(photograph.path), photograph.path) for photograph in photographs]
    write_pairs(out / "Lists" / "train", TRAIN, own)
    say(f"train: {len(own)} images")
    for kind, pairs in kinds.items():
        write_pairs(out / "Lists" / kind, TEST, pairs)
        say(f"{kind}: {len(pairs)} pairs of {len({pair.label for pair in pairs})} labels")


def check_settings(out: Path, options: argparse.Namespace) -> None:
    """Refuse a folder of images of another size or detector. Raises DataError."""
    edges = options.pidinet.name if options.pidinet else "sobel"
    settings = {"size": options.size, "cut": options.cut, "edges": edges}
    path = out / PREPARED
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before != settings:
            raise DataError(f"{out} was made with {before}, now {settings}: give another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(settings) + "\n")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options; the preset fills the missing ones."""
    parser = script.parser(
        "training.hybrid.synthetic_hybrids.prepare", "Lay out images, edges and list files."
    )
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "hybrid" / "train")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="small")
    parser.add_argument("--size", type=int, help="side of the images in pixels")
    parser.add_argument("--cut", choices=sorted(CUTS), help="whole images, or wings on white")
    parser.add_argument("--pidinet", type=Path, help="weights of a PiDiNet (default: Sobel edges)")
    parser.add_argument("--signal", nargs=2, metavar=("STRUCTURE", "APPEARANCE"))
    parser.add_argument("--signal-images", type=int, default=4422, help="of all signal pairs")
    parser.add_argument("--per-pair", type=int, default=50, help="of each non-signal pair")
    parser.add_argument("--seed", type=int, default=202412)
    options = parser.parse_args(arguments)
    size, cut = PRESETS[options.preset]
    options.size, options.cut = options.size or size, options.cut or cut
    return options


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, prepare the folder and return the exit status."""
    options = parse(arguments)
    return script.run(options, lambda: prepare(options))


def prepare(options: argparse.Namespace) -> int:
    """Make the images and the lists."""
    torch.set_num_threads(1)  # the images are small
    table = read_training_table(options.data)
    photographs = photographs_of(table)
    signal = signal_parents(options.data)
    if options.signal:
        signal = [(class_folder(options.signal[0]), class_folder(options.signal[1]))]
    detector = pidinet_edges(options.pidinet) if options.pidinet else sobel_edges
    check_settings(options.out, options)
    names = [photograph.path for photograph in photographs]
    make_images(table.paths, names, options.out, options.size, options.cut, detector)
    write_lists(options.out, photographs, signal, options)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
