"""Choose thresholds between known and new for embeddings that are compared by cosine.

    python -m training.reid.thresholds.calibrate --embeddings FILE.npz [--seeds 20] [--json]

FILE.npz holds `embeddings` (n, d), `identity` and `dataset` (n,) and, where the network was trained
on some of the images, `validation` (n,) booleans, True for the others; the older names `embedding`
and `unseen` are read too. Prints, for each dataset, the threshold of the cosine that maximises
sqrt(BAKS * BAUS) (training/reid/thresholds/choose.py), and the thresholds of two other rules
(training/reid/thresholds/rules.py).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from training.common.errors import DataError
from training.common.script import parser, run
from training.reid.thresholds.choose import best_threshold, predict_splits
from training.reid.thresholds.nearest import nearest_by_cosine
from training.reid.thresholds.rules import extreme_value_threshold, robust_z_threshold
from training.reid.thresholds.splits import SEEDS, draw_splits

OLD_NAMES = {"embedding": "embeddings", "unseen": "validation"}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file under their present names. Raises DataError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {OLD_NAMES.get(name, name): file[name] for name in file.files}
    except (OSError, ValueError, BadZipFile) as error:
        raise DataError(f"{path}: expected an .npz file: {error}") from error
    if missing := sorted({"embeddings", "identity", "dataset"} - set(arrays)):
        raise DataError(f"{path}: the arrays {missing} are missing; found {sorted(arrays)}")
    return arrays


def chosen(path: Path, seeds: int) -> dict[str, dict[str, float]]:
    """The threshold of each dataset with what validation says, and those of the other rules."""
    arrays = read_arrays(path)
    identity, dataset = arrays["identity"].astype(str), arrays["dataset"].astype(str)
    nearest = nearest_by_cosine(arrays["embeddings"], identity)
    splits = draw_splits(identity, dataset, arrays.get("validation"), range(seeds))
    return {
        name: {
            **asdict(best_threshold(rounds)),
            "robust_z": robust_z_threshold(rounds),
            "extreme_value": extreme_value_threshold(rounds),
        }
        for name, rounds in predict_splits(nearest, identity, splits).items()
    }


def work(options: argparse.Namespace) -> None:
    """Choose the thresholds and print them. Raises DataError."""
    thresholds = chosen(options.embeddings, options.seeds)
    if options.json:
        print(json.dumps(thresholds, indent=2))
    else:
        for name, values in thresholds.items():
            print(name + ": " + ", ".join(f"{key} {value:.4f}" for key, value in values.items()))


def main(arguments: list[str] | None = None) -> int:
    made = parser(
        "training.reid.thresholds.calibrate", "Choose thresholds for embeddings by cosine."
    )
    made.add_argument("--embeddings", type=Path, required=True)
    made.add_argument("--seeds", type=int, default=len(SEEDS))
    made.add_argument("--json", action="store_true")
    options = made.parse_args(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
