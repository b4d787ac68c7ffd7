"""Train copies of a submission on real photographs and score them on their development part.

One training says little: with another seed, or another number of threads, the same code may score
a third more or less. So `trainings` trains with the seeds 0, 1, 2, ... and the row of a README
gives the mean and the range.
"""

from __future__ import annotations

import csv
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.common.console import say
from training.common.platform_scores import score_images
from training.common.train_submission import refuse_untaken, today, train_submission

METADATA = "metadata.csv"


@dataclass(frozen=True)
class Photographs:
    """Real photographs: a folder with train/, and dev/ or a bundle (training.reid.split).

    table: the file name of the table in train/, which differs by track.
    """

    folder: Path
    table: str

    @property
    def train(self) -> Path:
        return self.folder / "train"

    @property
    def reference(self) -> Path:
        if (self.folder / "competition.yaml").is_file():
            return self.folder / "reference_data/development/ref.csv"
        return self.folder / "dev" / "ref_dev.csv"

    def digest(self) -> str:
        """Return twelve digits of the SHA-256 of the two tables."""
        tables = (self.train / self.table, self.reference)
        return hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()[:12]


def photograph_scores(
    submission: Path, photographs: Photographs, preset: str, seeds: int, work: Path
) -> list[dict[str, float]]:
    """Return the scores on the development part, one for each training.

    preset: of the training script, "" for its own. work: keeps the trained folders, which are used
    again where they are finished. Raises ScriptError where a preset or more than one training is
    asked of a submission that takes no preset or draws nothing.
    """
    refuse_untaken(submission.name, preset, f"--seeds {seeds}" if seeds > 1 else "")
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        images = development_images(photographs, Path(temporary) / "images")
        for seed in range(seeds):
            folder = work / f"{preset or 'default'}-{seed}"
            copy = train_submission(submission, photographs.train, folder, preset, seed)
            found.append(score_images(copy, images, photographs.reference))
            say(f"seed {seed}: " + ", ".join(f"{key} {it:.3f}" for key, it in found[-1].items()))
    return found


def development_images(photographs: Photographs, target: Path) -> Path:
    """Return the folder of the images to predict, as on the platform.

    Of dev/ exactly the images that the reference names are copied, with metadata.csv.
    """
    if (photographs.folder / "competition.yaml").is_file():
        return photographs.folder / "input_data/development"
    dev = photographs.folder / "dev"
    target.mkdir()
    with photographs.reference.open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            shutil.copy(dev / "images" / record["filename"], target)
    if (dev / METADATA).is_file():
        shutil.copy(dev / METADATA, target)
    return target


def title(photographs: Photographs, begin: str, scores: Sequence[object]) -> str:
    """Return the title of the row: `begin`, how many trainings, the day, the tables' digest."""
    trainings = f"mean of {len(scores)} trainings (range)" if len(scores) > 1 else "one training"
    return f"{begin} {trainings}, {today()}, tables sha256 {photographs.digest()}"


def cell(scores: Sequence[Mapping[str, float]], key: str) -> str:
    """Return the mean of a score over trainings, with its range where there are several."""
    values = [one[key] for one in scores]
    mean = f"{np.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"
