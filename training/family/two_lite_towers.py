"""Train the submission `two_lite_towers`: one linear head on frozen features.

    python -m training.family.two_lite_towers --out FOLDER
    python -m training.family.two_lite_towers --data DIR --out SUBMISSION_FOLDER
    python -m training.family.two_lite_towers --image-size 160 --overwrite

DIR holds train.csv and images/ (training/family/collection.py). EfficientNet-Lite0 and -Lite2 stay
as ImageNet left them; each sees two views of an image, the square in its middle and three quarters
of that. A logistic regression with balanced weights learns from all
features side by side. Repeated folds give each image a prediction by heads that did not see it:
they choose the temperature and say, with and without the phyla, what the head is worth; the head
that is written has seen all images. Features are kept in runs/features, so that a killed run
resumes; weights.json comes last.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from training.common import script
from training.common.base_network import base_files, changed_tensors
from training.common.console import say
from training.common.digests import short_digest
from training.common.submission_files import write_submission
from training.family.calibration import temperature_of
from training.family.collection import TAXONOMY_HELP, read_known
from training.family.heads.logistic import fit_logistic
from training.family.joint import (
    MEMBERS,
    STRENGTH,
    Labels,
    Member,
    joined,
    member_features,
    named_by_others,
)
from training.family.measures import TITLES, Answers, mean_of, measured
from training.family.published import REQUIRES
from wildlife_family.networks import Head
from wildlife_family.taxonomy import Taxonomy

NAME = "two_lite_towers"
WEIGHTS = "weights/head.safetensors"
COMMAND = f"python -m training.family.{NAME}"


def train(
    data: Path,
    out: Path,
    strength: float,
    members: Sequence[Member],
    command: str = COMMAND,
    taxonomy: Path | None = None,
) -> None:
    """Fit the head on the members' features and write the submission.

    command: for the manifest; taxonomy: a table of families and phyla that the data has to agree
    with. Raises DataError, FeatureError, TrainingError and WriteFailed.
    """
    collection = read_known(data, taxonomy)
    known = Taxonomy.of(collection.taxonomy)
    count = len(known.families)
    labels: Labels = np.searchsorted(np.array(known.families), collection.family)
    say(f"{len(collection)} images of {count} families")
    features = joined([member_features(member, collection.paths) for member in members])
    repeats = list(named_by_others(features, labels, collection.family, count, strength))
    temperature = temperature_of(np.concatenate(repeats), np.tile(labels, len(repeats)))
    answers = [
        Answers(known, logits / temperature, collection.family, collection.phylum)
        for logits in repeats
    ]
    found = mean_of([measured(one) for one in answers])
    for name, title in TITLES.items():
        say(f"  {title:<16} {found[name]:.3f}")
    head = fit_logistic(features, labels, count, strength)
    networks = [member.tower.settings() for member in members]
    config = {
        "taxonomy": known.as_mapping(),
        "views": [member.views() for member in members],
        "networks": networks,
        "weights": WEIGHTS,
        "temperature": temperature,
        "validation": {key: round(value, 4) for key, value in found.items()},
    }
    publish(out, head, config, f"{command} (train.csv sha256 {short_digest(data / 'train.csv')})")


def publish(out: Path, head: Head, config: Mapping[str, Any], source: str) -> None:
    """Write the submission into `out`; source: for the manifest.

    Raises WriteFailed, and TrainingError where half precision cannot hold a value.
    """
    files = {WEIGHTS: save(changed_tensors(head, {}))}
    made = len(files[WEIGHTS])
    origins: dict[str, dict[str, Any]] = {}
    for settings in config["networks"]:
        base, its_origins = base_files(settings)
        files |= base
        origins |= its_origins
    size = write_submission(NAME, out, config, files, source, REQUIRES, origins)
    say(f"{out}: {size} bytes of weights, {made} of them made here")


def members_of(image_size: int | None) -> list[Member]:
    """Return the members, all with this image size in pixels; None leaves each its own."""
    return [replace(one, image_size=image_size or one.image_size) for one in MEMBERS]


def main(arguments: list[str] | None = None) -> int:
    made = script.submission_parser("family", NAME, f"Train the submission {NAME}.")
    made.add_argument("--taxonomy", type=Path, help=TAXONOMY_HELP)
    made.add_argument(
        "--strength", type=float, default=STRENGTH, help="of the data against the penalty"
    )
    made.add_argument("--image-size", type=int, help="pixels, of both networks; for small images")
    options: argparse.Namespace = made.parse_args(arguments)
    if not options.strength > 0:
        made.error(f"--strength {options.strength:g}: expected more than 0")
    torch.manual_seed(0)
    members = members_of(options.image_size)
    size = "" if options.image_size is None else f" --image-size {options.image_size}"
    return script.run(
        options,
        lambda: train(
            options.data, options.out, options.strength, members, COMMAND + size, options.taxonomy
        ),
    )


if __name__ == "__main__":
    raise SystemExit(main())
