"""Train copies of a submission on real photographs and score them on their development part.

One training says little: with another seed, or another number of threads, the same code may score
a third more or less. So `trainings` trains with the seeds 0, 1, 2, ... and the row of a README
gives the mean and the range.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.common.console import say
from training.common.errors import ScriptError
from training.common.platform_scores import run_python, score_images
from training.common.submission_files import ROOT
from wildlife_scoring.tracks import TRACKS

METADATA = "metadata.csv"
# The submissions whose networks another one takes, with the options of its training script.
DESCRIPTORS = {
    "wildfusion": {"--descriptor": "megadescriptor_cosine"},
    "megadescriptor_convnext": {"--descriptor": "megadescriptor_cosine"},
    "open_set_ensemble": {"--triplet": "triplet_centroids", "--swin": "megadescriptor_cosine"},
}
# The submissions whose training draws: their scripts take --preset and --seed. The others train
# the same from the same networks.
SEEDED = ("bioclip_wings", "dinov2_ensemble", "megadescriptor_cosine", "triplet_centroids")
PRESETTED = (*SEEDED, "efficientnet_families", "simclr_ocsvm", "species_ensemble")


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
    if preset and not takes(submission.name, PRESETTED):
        raise ScriptError(f"--preset {preset}: the training of {submission.name} has no presets")
    if seeds > 1 and not takes(submission.name, SEEDED):
        raise ScriptError(
            f"--seeds {seeds}: the training of {submission.name} draws nothing, so each would give "
            "the same; expected --seeds 1"
        )
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        images = development_images(photographs, Path(temporary) / "images")
        for seed in range(seeds):
            copy = train_copy(submission, photographs.train, work, preset, seed)
            found.append(score_images(copy, images, photographs.reference))
            say(f"seed {seed}: " + ", ".join(f"{key} {it:.3f}" for key, it in found[-1].items()))
    return found


def takes(name: str, scripts: Sequence[str]) -> bool:
    """Say whether a submission's script, or that of a network that it takes, is among `scripts`."""
    return name in scripts or any(takes(it, scripts) for it in DESCRIPTORS.get(name, {}).values())


def train_copy(submission: Path, data: Path, work: Path, preset: str, seed: int) -> Path:
    """Return a copy of the submission below `work`, trained by its script, if it has one.

    A submission that takes another one's network gets the network trained on the same images,
    with the same preset and seed. A copy that an earlier call finished is used again.
    """
    name = submission.name
    copy = work / f"{name}-{preset or 'default'}-{seed}"
    module = script_of(name)
    finished = copy.with_suffix(".finished")
    if finished.is_file():
        say(f"{copy}: trained {finished.read_text(encoding='utf-8')}; remove it to train again")
        return copy
    shutil.copytree(
        submission, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    if module is not None:  # the smallest submissions are not trained
        more: list[object] = ["--preset", preset] if preset and name in PRESETTED else []
        more += ["--seed", seed] if name in SEEDED else []
        for option, other in DESCRIPTORS.get(name, {}).items():
            more += [option, train_copy(submission.with_name(other), data, work, preset, seed)]
        run_python("-m", module, "--data", data, "--out", copy, *more)
    finished.write_text(today(), encoding="utf-8")
    return copy


def script_of(name: str) -> str | None:
    """Return the module that trains a submission: training.TRACK.NAME, a file or a package."""
    for track in TRACKS:
        path = ROOT / "training" / track / name
        if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file():
            return f"training.{track}.{name}"
    return None


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


def today() -> str:
    """Return the date, YYYY-MM-DD (UTC)."""
    return datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
