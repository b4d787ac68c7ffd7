"""Bring camera trap frames into the folders of a YOLO trainer, and back.

    python -m training.anomaly.prepare_yolo to DIR --out FOLDER
    python -m training.anomaly.prepare_yolo to DIR --out FOLDER --by sequence --share 0.2
    python -m training.anomaly.prepare_yolo to DIR --out FOLDER --one-class
    python -m training.anomaly.prepare_yolo back FOLDER --out DIR

DIR holds annotations.json and images/ (training/anomaly/camera_traps.py). FOLDER gets data.yaml,
images/train, images/val, labels/train and labels/val: whole locations, or whole sequences, are in
one of the two, and of many random choices the one is taken that keeps the species even. What is
uneven all the same is printed and in class_balance.csv. frames.csv keeps location and sequence for
the way back. With --one-class every box is an `animal`.

Images are copied; with --link, they are linked to. A command that was stopped can be given again:
data.yaml, or annotations.json, is written last.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from training.anomaly.camera_traps import IMAGES, read_camera_traps
from training.anomaly.class_balance import COLUMNS, balance_lines, balance_rows
from training.anomaly.layout import NOT_SETTINGS, write_layout
from training.anomaly.split_frames import GROUPS, split_frames
from training.anomaly.yolo import ANY_ANIMAL, read_yolo, write_yolo
from training.common.console import say
from training.common.images import claim
from training.common.script import parser, run
from training.common.tables import write_table

NAME = "prepare_yolo"


def to_yolo(options: argparse.Namespace) -> None:
    """Split the frames and write FOLDER. Raises DataError, FolderError."""
    frames = read_camera_traps(options.folder)
    training, validation = split_frames(frames, options.by, options.share, options.seed)
    parts = {"train": training, "val": validation}
    species = sorted({box.species for frame in frames for box in frame.boxes})
    settings = {name: str(one) for name, one in vars(options).items() if name not in NOT_SETTINGS}
    claim(options.out, NAME, settings)
    say("\n".join(balance_lines(parts)))
    write_table(options.out / "class_balance.csv", COLUMNS, balance_rows(parts))
    classes = [ANY_ANIMAL] if options.one_class else species
    write_yolo(parts, options.folder / IMAGES, options.out, classes, options.link)
    say(
        f"{options.out}: {len(training)} frames to train on, {len(validation)} to validate with, "
        f"of other {options.by}s"
    )


def from_yolo(options: argparse.Namespace) -> None:
    """Write DIR from the folder of a YOLO trainer. Raises DataError, FolderError."""
    write_layout(read_yolo(options.folder), options.out, NAME, options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = parser(f"training.anomaly.{NAME}", __doc__ or "")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = made.add_subparsers(dest="command", required=True)
    there = commands.add_parser("to", help="from annotations.json to YOLO folders")
    back = commands.add_parser("back", help="from YOLO folders to annotations.json")
    for one in (there, back):
        one.add_argument("folder", type=Path)
        one.add_argument("--out", type=Path, required=True, help="new folder")
        one.add_argument("--link", action="store_true", help="link to the images, copy none")
    there.add_argument("--by", choices=GROUPS, default="location", help="what stays together")
    there.add_argument("--share", type=float, default=0.2, help="of the frames, to validate with")
    there.add_argument("--seed", type=int, default=0)
    there.add_argument("--one-class", action="store_true", help="every box is an `animal`")
    return made.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    work = to_yolo if options.command == "to" else from_yolo
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
