"""Train the submission `two_lite_towers`: one linear head on frozen features.

    python -m training.family.two_lite_towers --out FOLDER
    python -m training.family.two_lite_towers --data DIR --out SUBMISSION_FOLDER

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
from training.family.collection import read_collection
from training.family.heads.logistic import fit_logistic
from training.family.joint import (
    MEMBERS,
    STRENGTH,
    Labels,
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


def train(data: Path, out: Path, strength: float) -> None:
    """Fit the head and write the submission.

    Raises DataError, FeatureError, TrainingError and WriteFailed.
    """
    collection = read_collection(data)
    taxonomy = Taxonomy.of(collection.taxonomy)
    count = len(taxonomy.families)
    labels: Labels = np.searchsorted(np.array(taxonomy.families), collection.family)
    say(f"{len(collection)} images of {count} families")
    features = joined([member_features(member, collection.paths) for member in MEMBERS])
    repeats = list(named_by_others(features, labels, collection.family, count, strength))
    temperature = temperature_of(np.concatenate(repeats), np.tile(labels, len(repeats)))
    answers = [
        Answers(taxonomy, logits / temperature, collection.family, collection.phylum)
        for logits in repeats
    ]
    found = mean_of([measured(one) for one in answers])
    for name, title in TITLES.items():
        say(f"  {title:<16} {found[name]:.3f}")
    head = fit_logistic(features, labels, count, strength)
    publish(data, out, head, taxonomy, temperature, found)


def publish(
    data: Path,
    out: Path,
    head: Head,
    taxonomy: Taxonomy,
    temperature: float,
    validation: dict[str, float],
) -> None:
    """Write the submission into `out`. Raises WriteFailed, and TrainingError as round_to_half."""
    networks = [member.tower.settings() for member in MEMBERS]
    config = {
        "taxonomy": taxonomy.as_mapping(),
        "views": [member.views() for member in MEMBERS],
        "networks": networks,
        "weights": WEIGHTS,
        "temperature": temperature,
        "validation": {key: round(value, 4) for key, value in validation.items()},
    }
    files = {WEIGHTS: save(changed_tensors(head, {}))}
    made = len(files[WEIGHTS])
    origins: dict[str, dict[str, Any]] = {}
    for settings in networks:
        base, its_origins = base_files(settings)
        files |= base
        origins |= its_origins
    source = f"{COMMAND} (train.csv sha256 {short_digest(data / 'train.csv')})"
    size = write_submission(NAME, out, config, files, source, REQUIRES, origins)
    say(f"{out}: {size} bytes of weights, {made} of them made here")


def main(arguments: list[str] | None = None) -> int:
    made = script.submission_parser("family", NAME, f"Train the submission {NAME}.")
    made.add_argument(
        "--strength", type=float, default=STRENGTH, help="of the data against the penalty"
    )
    options: argparse.Namespace = made.parse_args(arguments)
    if not options.strength > 0:
        made.error(f"--strength {options.strength:g}: expected more than 0")
    torch.manual_seed(0)
    return script.run(options, lambda: train(options.data, options.out, options.strength))


if __name__ == "__main__":
    raise SystemExit(main())
