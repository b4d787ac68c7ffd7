"""Train a detector of animals on frames of fixed cameras.

    python -m training.anomaly.train_detector --data DIR --out FOLDER
    python -m training.anomaly.train_detector --data DIR --out FOLDER --preset imagenet
    python -m training.anomaly.train_detector --data DIR --out FOLDER --by-species

DIR holds annotations.json (COCO camera traps) and images/. The detector is FCOS of torchvision with
a light feature pyramid on EfficientNet-Lite0: `--preset imagenet` starts from published weights and
tunes the last stages, `small` starts at random. It finds "animal", or with --by-species each
species. A fifth of the frames, whole sequences (or locations), is held out: not trained on, it
gives mean average precision (by pycocotools) and the threshold, the score of the greatest F1.
FOLDER gets what training/anomaly/detection/files.py says, and log.csv. A killed run resumes from
FOLDER/last.pt, which is removed at the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from training.anomaly.camera_traps import ANNOTATIONS, IMAGES, Frame, read_camera_traps
from training.anomaly.detection.average_precision import Measured, measure
from training.anomaly.detection.examples import Examples
from training.anomaly.detection.files import network_bytes, write_detector
from training.anomaly.detection.recipe import (
    LOCATION,
    PRESETS,
    SEQUENCE,
    STEP,
    Recipe,
    canvas_of,
    labels_of,
    settings_of,
    without_threshold,
)
from training.anomaly.detection.trainer import DetectorTrainer, start_network
from training.common.atomic import discard
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import DataError
from training.common.held_out import held_out_groups
from training.common.images import read_each
from training.common.logs import write_log
from training.common.script import add_recipe_options, changed, parser, run
from wildlife_anomaly.detector import Detection, Detector
from wildlife_anomaly.detector_network import DetectorNetwork

_BATCH = 16


def split(frames: Sequence[Frame], recipe: Recipe, by: str) -> tuple[list[Frame], list[Frame]]:
    """Return the frames to train on and those held out, no sequence (or location) in both.

    Raises DataError where nothing can be held out, or a part has no box.
    """
    groups = [frame.location if by == LOCATION else frame.sequence for frame in frames]
    chosen = held_out_groups(groups, recipe.validation_share, recipe.seed)
    training = [one for one, group in zip(frames, groups, strict=True) if group not in chosen]
    validation = [one for one, group in zip(frames, groups, strict=True) if group in chosen]
    if not chosen or not all(any(one.boxes for one in part) for part in (training, validation)):
        raise DataError(
            f"{len(frames)} frames of {len(set(groups))} {by}(s): expected boxes both in the "
            f"frames to train on ({len(training)}) and in those held out ({len(validation)}); "
            "give more frames, another --seed, or --hold-out "
            + (SEQUENCE, LOCATION)[by != LOCATION]
        )
    boxes = [sum(len(one.boxes) for one in part) for part in (training, validation)]
    say(
        f"{len(training)} frames with {boxes[0]} boxes to train on; {len(validation)} with "
        f"{boxes[1]}, of {len(chosen)} other {by}s, held out"
    )
    return training, validation


def check_images(images: Path, frames: Sequence[Frame]) -> None:
    """Decode each image once. Raises DataError that names all which cannot be read."""
    read_each([images / frame.file_name for frame in frames], lambda image: image.load(), "trained")


def detect_all(detector: Detector, examples: Examples) -> list[list[Detection]]:
    """Return the detections of each frame, in pixels of the frame."""
    found: list[list[Detection]] = []
    numbers = range(len(examples.frames))
    for first in range(0, len(numbers), _BATCH):
        some = numbers[first : first + _BATCH]
        images = [examples.read(number) for number in some]
        batch = detector.detect_batch([detector.prepare(image) for image in images])
        for number, image, detections in zip(some, images, batch, strict=True):
            found.append(_in_frame(detections, examples.frames[number].width / image.width))
    return found


def _in_frame(detections: Sequence[Detection], scale: float) -> list[Detection]:
    """The detections of an image that was decoded at reduced scale, in pixels of its frame."""
    return [
        replace(
            one,
            left=one.left * scale,
            top=one.top * scale,
            width=one.width * scale,
            height=one.height * scale,
        )
        for one in detections
    ]


def measured_on(network: DetectorNetwork, settings: dict[str, Any], examples: Examples) -> Measured:
    """Measure a network on frames. Raises DataError."""
    detector = Detector(without_threshold(settings), network)
    return measure(examples.frames, detect_all(detector, examples), examples.labels)


@dataclass(frozen=True)
class Trained:
    """A detector: settings, threshold included; trained tensors; loss of each epoch; measures."""

    network: DetectorNetwork
    settings: dict[str, Any]
    weights: bytes
    losses: list[float]
    measured: Measured


def trained(
    training: Examples, validation: Sequence[Frame], recipe: Recipe, saved: tuple[Path, str]
) -> Trained:
    """Train a detector and measure it on frames of the same folder, which give its threshold.

    saved: path of the checkpoint, and a digest of the frames. Raises DataError and TrainingError.
    """
    settings = settings_of(recipe, training.canvas, training.labels)
    network = start_network(recipe, settings)
    losses = DetectorTrainer(network, training, recipe, *saved).train()
    weights = network_bytes(network, settings)
    measured = measured_on(network, settings, replace(training, frames=validation))
    settings["threshold"] = round(measured.threshold, 4)
    return Trained(network, settings, weights, losses, measured)


def train(options: argparse.Namespace, recipe: Recipe) -> None:
    """Train a detector, measure it on the held-out frames, and write it.

    Raises DataError and TrainingError.
    """
    frames, images = read_camera_traps(options.data), options.data / IMAGES
    labels, canvas = labels_of(frames, options.by_species), canvas_of(frames, recipe.canvas_area)
    training, validation = split(frames, recipe, options.hold_out)
    check_images(images, frames)
    digest = short_digest(options.data / ANNOTATIONS, f"{labels} {options.hold_out}")
    options.out.mkdir(parents=True, exist_ok=True)
    checkpoint = options.out / "last.pt"
    examples = Examples(images, training, canvas, labels)
    made = trained(examples, validation, recipe, (checkpoint, digest))
    report = {
        "recipe": {**asdict(recipe), "preset": options.preset, "hold_out": options.hold_out},
        "frames": {"trained": len(training), "held_out": len(validation)},
        "held_out_files": [frame.file_name for frame in validation],
        "measured": made.measured.rounded(),
    }
    rows = [{"epoch": at, "loss": loss} for at, loss in enumerate(made.losses, start=1)]
    write_log(options.out / "log.csv", ("epoch", "loss"), rows)
    size = write_detector(options.out, made.settings, made.weights, report)
    discard(checkpoint)
    say(f"{options.out}: {size / 1e6:.2f} MB of trained tensors; {described(made.measured)}")


def described(measured: Measured) -> str:
    """One line of the measured values."""
    return (
        f"mAP {measured.mean_average_precision:.3f}, AP50 {measured.ap50:.3f}, average recall "
        f"{measured.average_recall:.3f}; at threshold {measured.threshold:.3f} recall "
        f"{measured.recall50:.2f} and precision {measured.precision50:.2f} (IoU 0.5)"
    )


def parse(arguments: list[str] | None) -> tuple[argparse.Namespace, Recipe]:
    """Return the options, and the recipe that they and the preset give."""
    made = parser("training.anomaly.train_detector", "Train a detector of animals.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--preset", choices=sorted(PRESETS), default="small")
    made.add_argument("--by-species", action="store_true", help="tell the species apart")
    made.add_argument("--hold-out", choices=(SEQUENCE, LOCATION), default=SEQUENCE)
    add_recipe_options(made, Recipe)
    options = made.parse_args(arguments)
    recipe = changed(PRESETS[options.preset], options)
    if min(recipe.epochs, recipe.batch) < 1 or not recipe.learning_rate > 0:
        made.error("--epochs, --batch and --learning-rate must be above 0")
    if recipe.canvas_area < STEP**2:
        made.error(f"--canvas-area {recipe.canvas_area}: expected at least {STEP**2} pixels")
    if recipe.width < 32 or recipe.width % 32:
        made.error(f"--width {recipe.width}: expected a multiple of 32")
    if not 0 < recipe.validation_share < 1:
        made.error("--validation-share: expected a share between 0 and 1")
    return options, recipe


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    options, recipe = parse(arguments)
    return run(options, lambda: train(options, recipe))


if __name__ == "__main__":
    raise SystemExit(main())
