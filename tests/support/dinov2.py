"""Wings, images, a tiny backbone and trained copies for the tests of dinov2_ensemble."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.support.hybrid_data import copy_sample
from training.hybrid.crosses import Groups
from training.hybrid.dinov2.backbone import BackboneRecipe
from training.hybrid.dinov2.crosses import Wings
from training.hybrid.dinov2.recipe import PRESETS

ROOT = Path(__file__).parents[2]
SUBMISSION = ROOT / "submissions" / "dinov2_ensemble"
TRAIN = ROOT / "sample_data" / "hybrid" / "train"

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of packages that transformers imports
    from training.hybrid import dinov2_ensemble


PREPROCESSING = PRESETS["small"].preprocessing
TINY = BackboneRecipe(hidden=16, layers=1, attention_heads=2, steps=12, batch=24)
QUICK = ["--steps", "2", "--mlp-steps", "3", "--synthetic", "60"]


@contextmanager
def on_one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_wings(size: int = 48, each: int = 6) -> Wings:
    """Three made-up subspecies: one colour each, with a little noise; and two of their hybrids."""
    rng = np.random.default_rng(0)
    colours = np.array([[0.9, 0.2, 0.1], [0.1, 0.2, 0.9], [0.2, 0.8, 0.2]])
    pure = np.repeat(colours, each, axis=0)[:, :, None, None]
    images = np.clip(pure + rng.normal(0, 0.05, (3 * each, 3, size, size)), 0, 1)
    groups = Groups.of(np.repeat(np.array(["a", "b", "c"]), each), np.full(3 * each, ""))
    tensor = torch.from_numpy(images).float()
    return Wings(tensor, groups, (tensor[:2] + tensor[each : each + 2]) / 2, groups.pairs())


def features_and_labels(
    count: int = 120, width: int = 8
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    rng = np.random.default_rng(2)
    hybrid = np.arange(count) % 4 == 0
    return (rng.normal(0, 1, (count, width)) + hybrid[:, None]).astype(np.float32), hybrid


def few_images(folder: Path) -> Path:
    """Six images each of four subspecies and six hybrids of the sample."""
    copy_sample(folder, ("8.0", "9.0", "2.0", "7.0"), each=6, hybrids=6)
    return folder


def trained_copy(data: Path, folder: Path) -> Path:
    """A copy of the submission, trained for two steps; its work folder is next to it."""
    code_of_submission(folder / "copy")
    assert main(data, folder, *QUICK) == 0
    return folder / "copy"


def code_of_submission(copy: Path) -> None:
    copy.mkdir()
    for path in SUBMISSION.glob("*.py"):
        shutil.copy(path, copy)


def main(data: Path, folder: Path, *more: str) -> int:
    return dinov2_ensemble.main(
        ["--data", str(data), "--out", str(folder / "copy"), "--work", str(folder / "work"), *more]
    )
