"""MegaDetector's JSON format: write what a detector finds, read what any tool found.

    python -m training.anomaly.megadetector --images DIR --detector FOLDER --out found.json
    python -m training.anomaly.megadetector --images DIR --ultralytics WEIGHTS --out found.json

Format (MegaDetector's batch output, version 1.4): `images` with `file`, `max_detection_conf` and
`detections` (`category`, `conf`, `bbox` as [left, top, width, height] in shares of the image's
sides), or with `failure`; `detection_categories`, the name of each category; `info`. FOLDER comes
from training/anomaly/train_detector.py. WEIGHTS are for the package ultralytics (AGPL-3.0), which
this project does not use: it is imported only where --ultralytics asks for it, and the user
installs it.
"""

from __future__ import annotations

import argparse
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from training.anomaly.detection.files import read_detector
from training.anomaly.detections_json import read_entries
from training.common.atomic import write_json
from training.common.console import say
from training.common.errors import DataError, TrainingError
from training.common.images import list_images, read_each
from training.common.script import parser, run
from wildlife_anomaly.detector import Detection
from wildlife_image.rgb import to_rgb

Detect = Callable[[Image.Image], Sequence[Detection]]
Found = dict[str, list[Detection]]
_VERSION = "1.4"
_SLACK = 0.01  # share of a side that a box may reach beyond the image; tools round


def write_found(
    path: Path, found: Mapping[str, Sequence[Detection]], sizes: Mapping[str, tuple[int, int]]
) -> None:
    """Write the detections of each image, in pixels of its size (width, height), in one step."""
    labels = sorted({one.label for detections in found.values() for one in detections})
    numbers = {label: str(at) for at, label in enumerate(labels, start=1)}
    images = [
        {
            "file": name,
            "max_detection_conf": round(max((one.score for one in detections), default=0.0), 4),
            "detections": [_entry(one, numbers[one.label], sizes[name]) for one in detections],
        }
        for name, detections in found.items()
    ]
    info = {"format_version": _VERSION, "detector": "wildlife-challenge-kit"}
    categories = {number: label for label, number in numbers.items()}
    write_json(path, {"images": images, "detection_categories": categories, "info": info})


def _entry(one: Detection, category: str, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    box = (one.left / width, one.top / height, one.width / width, one.height / height)
    bbox = [round(share, 5) for share in box]
    return {"category": category, "conf": round(one.score, 4), "bbox": bbox}


def read_found(path: Path, sizes: Mapping[str, tuple[int, int]]) -> Found:
    """Return the detections by file, in pixels, of the images whose sizes are given.

    An image that the tool could not read (`failure`) has no detections. Raises DataError with all
    that is wrong: no such document, an image that the file lacks, a category without name, a box
    that is no box of its image, a confidence outside 0 to 1.
    """
    entries, names = read_entries(path)
    problems = [f"{name}: not among the images of the file" for name in sizes.keys() - entries]
    found: Found = {}
    for name in sizes.keys() & entries.keys():
        made = [_detection(one, names, sizes[name]) for one in entries[name]]
        problems += [f"{name}: {one}" for one in made if isinstance(one, str)]
        found[name] = [one for one in made if isinstance(one, Detection)]
    if problems:
        head = f"{path}: {len(problems)} problem(s), nothing was read"
        raise DataError("\n  ".join([head, *sorted(problems)]))
    return {name: found[name] for name in sorted(found)}


def _detection(entry: Any, names: Mapping[str, Any], size: tuple[int, int]) -> Detection | str:
    """The detection of an entry, or what is wrong with it."""
    try:
        left, top, width, height = map(float, entry["bbox"])
        score, category = float(entry["conf"]), str(entry["category"])
    except (KeyError, TypeError, ValueError) as error:
        return f"expected category, conf and four numbers as bbox, found {entry!r:.80}: {error!r}"
    if category not in names:
        return f"category {category!r} has no name in detection_categories"
    inside = min(left, top) >= -_SLACK and max(left + width, top + height) <= 1 + _SLACK
    if not (inside and width > 0 and height > 0 and math.isfinite(left + top)):
        return f"bbox {entry['bbox']}: expected shares of the image's sides, with an area"
    if not 0 <= score <= 1:
        return f"conf {score}: expected 0 to 1"
    across, down = size
    box = (left * across, top * down, width * across, height * down)
    return Detection(*box, score=score, label=str(names[category]))


def ultralytics_detect(weights: Path) -> Detect:
    """Return a detector by a model of ultralytics. Raises TrainingError."""
    try:
        package = importlib.import_module("ultralytics")
    except ImportError as error:
        raise TrainingError(
            f"--ultralytics needs the package ultralytics, which is not installed ({error}); it "
            "is under AGPL-3.0 and no part of this project: install it if its licence suits you"
        ) from error
    model = package.YOLO(str(weights))

    def detect(image: Image.Image) -> list[Detection]:
        boxes = model.predict(image, verbose=False)[0].boxes
        rows = zip(boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.tolist(), strict=True)
        return [
            Detection(x0, y0, x1 - x0, y1 - y0, score, str(model.names[int(label)]))
            for (x0, y0, x1, y1), score, label in rows
        ]

    return detect


def detect_folder(images: Path, detect: Detect, out: Path) -> None:
    """Write what is found in all images of a folder. Raises DataError and FolderError."""
    names = list_images(images)

    def one(image: Image.Image) -> tuple[tuple[int, int], list[Detection]]:
        rgb = to_rgb(image)
        return rgb.size, list(detect(rgb))

    made = read_each([images / name for name in names], one, "written")
    files = [name.as_posix() for name in names]
    found = {file: detections for file, (_, detections) in zip(files, made, strict=True)}
    write_found(out, found, {file: size for file, (size, _) in zip(files, made, strict=True)})
    say(f"{out}: {sum(map(len, found.values()))} detections in {len(found)} images")


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, detect and return the exit status."""
    made = parser("training.anomaly.megadetector", "Write detections in MegaDetector's format.")
    made.add_argument("--images", type=Path, required=True)
    which = made.add_mutually_exclusive_group(required=True)
    which.add_argument("--detector", type=Path, help="folder of train_detector")
    which.add_argument("--ultralytics", type=Path, help="weights; needs the package ultralytics")
    made.add_argument("--out", type=Path, required=True, help="a .json file")
    options = made.parse_args(arguments)
    return run(options, lambda: detect_folder(options.images, _chosen(options), options.out))


def _chosen(options: argparse.Namespace) -> Detect:
    if options.ultralytics is not None:
        return ultralytics_detect(options.ultralytics)
    return read_detector(options.detector).detect


if __name__ == "__main__":
    raise SystemExit(main())
