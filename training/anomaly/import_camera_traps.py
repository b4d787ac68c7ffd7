"""Bring annotated camera trap images of other formats into this repository's training layout.

    python -m training.anomaly.import_camera_traps coco TABLE.json --images DIR --out FOLDER
    python -m training.anomaly.import_camera_traps voc ANNOTATIONS --images DIR --out FOLDER \\
        --name-pattern '(?P<location>[^_]+)_(?P<sequence>.+)_[0-9]+'
    python -m training.anomaly.import_camera_traps lila TABLE.csv --images DIR --out FOLDER
    python -m training.anomaly.import_camera_traps lila TABLE.csv --images DIR --out FOLDER \\
        --detections megadetector.json --threshold 0.2

FOLDER gets images/ and annotations.json (training/anomaly/camera_traps.py).
`coco`: COCO camera traps, as LILA publishes them. Images of a category of --empty have no animal;
boxes of a category of --drop (people, vehicles) are left out. An image with an animal that has no
box is left out, since a detector would learn that nothing is there. With --skip-missing, so are
images that were not downloaded.
`voc`: a folder of Pascal VOC's XML files; --zero-based for tools that count pixels from 0.
`lila`: a CSV table with an image and a species in each row, and boxes in columns such as
x,y,width,height (pixels), or from a detector's output in MegaDetector's format.

Images are copied; with --link, FOLDER links to them. Everything that is wrong is said at once, and
then nothing is written; annotations.json is written last.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from training.anomaly.importing.coco import Wishes, read_coco
from training.anomaly.importing.lila import read_lila
from training.anomaly.importing.names import name_pattern
from training.anomaly.importing.voc import read_voc
from training.anomaly.layout import Found, write_layout
from training.common.console import say
from training.common.script import parser, run

NAME = "import_camera_traps"


def read(options: argparse.Namespace) -> tuple[list[Found], Counter[str]]:
    """Return the frames of the format that the options name, and what was left out and why."""
    if options.command == "voc":
        pattern, zero = options.name_pattern, options.zero_based
        return read_voc(options.source, options.images, pattern, zero), Counter()
    if options.command == "lila":
        column, boxes = options.species_column, options.detections
        return read_lila(options.source, options.images, column, boxes, options.threshold)
    wishes = Wishes(options.empty, options.drop, options.skip_missing)
    return read_coco(options.source, options.images, wishes)


def work(options: argparse.Namespace) -> None:
    """Import as the options say. Raises DataError, FolderError."""
    found, left_out = read(options)
    for reason, count in sorted(left_out.items()):
        say(f"note: {count} images left out: {reason}")
    write_layout(found, options.out, NAME, options)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    made = parser(f"training.anomaly.{NAME}", __doc__ or "")
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = made.add_subparsers(dest="command", required=True)
    coco = commands.add_parser("coco", help="COCO camera traps")
    voc = commands.add_parser("voc", help="Pascal VOC")
    lila = commands.add_parser("lila", help="a CSV table in LILA's style")
    for one in (coco, voc, lila):
        one.add_argument("source", type=Path, help="the table, or the folder of annotations")
        one.add_argument("--images", type=Path, required=True, help="folder of the images")
        one.add_argument("--out", type=Path, required=True, help="new folder")
        one.add_argument("--link", action="store_true", help="link to the images, copy none")
    coco.add_argument("--empty", nargs="*", default=["empty"], help="categories of no animal")
    coco.add_argument("--drop", nargs="*", default=[], help="categories to leave out")
    coco.add_argument("--skip-missing", action="store_true", help="images that are not there")
    voc.add_argument("--name-pattern", type=name_pattern, help="regular expression of names")
    voc.add_argument("--zero-based", action="store_true", help="pixels are counted from 0")
    lila.add_argument("--species-column", default="", help="where it has an unusual name")
    lila.add_argument("--detections", type=Path, help="MegaDetector's JSON")
    lila.add_argument("--threshold", type=float, default=0.2, help="of a detection's confidence")
    return made.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
