"""Train the submission `wing_pattern_sgd`: half a minute, the same bytes every time.

    python -m training.hybrid.wing_pattern_sgd --out FOLDER
    python -m training.hybrid.wing_pattern_sgd --data DIR --out SUBMISSION_FOLDER

DIR holds train.csv and images/ (training/hybrid/data.py says which columns). Writes
weights/wing_pattern.npz, config.json and, last, weights.json into the submission folder.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from training.common import script
from training.common.console import say
from training.common.digests import short_digest
from training.common.submission_files import write_submission
from training.hybrid.data import TrainingTable, read_images, read_training_table
from training.hybrid.wing_pattern import fit

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = "weights/wing_pattern.npz"
REQUIRES = {"numpy": ">=1.26", "Pillow": ">=10.3"}


def read_examples(folder: Path) -> tuple[TrainingTable, fit.Examples, fit.Examples]:
    """Read the table, its non-hybrids and its hybrids. Raises DataError."""
    table = read_training_table(folder)
    wings = np.stack(read_images(table.paths, fit.aligned_wings))
    examples = fit.Examples(wings, table.subspecies, table.specimen, table.view)
    return table, examples[~table.hybrid], examples[table.hybrid]


def submission_of(score: fit.HybridScore, settings: fit.Settings) -> tuple[dict[str, Any], bytes]:
    """Return config.json and the content of WEIGHTS."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {**fit.to_arrays(score.geometry)}
    np.savez_compressed(buffer, **arrays)
    config = {
        "weights": WEIGHTS,
        "grid": list(settings.grid),
        "score": {
            name: dict(zip(fit.EVIDENCE, np.round(values, 9).tolist(), strict=True))
            for name, values in (
                ("centre", score.centre),
                ("scale", score.scale),
                ("weights", score.weights),
            )
        },
    }
    return config, buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    parser = script.submission_parser(
        "hybrid", "wing_pattern_sgd", "Train the submission wing_pattern_sgd."
    )
    options = parser.parse_args(arguments)
    return script.run(options, lambda: train(options))


def train(options: argparse.Namespace) -> int:
    """Fit the score and write the submission. Raises DataError."""
    started = time.perf_counter()
    table, pure, hybrids = read_examples(options.data)
    names = sorted(set(pure.subspecies.tolist()))
    say(f"{len(table.paths)} images: {len(names)} subspecies, {len(hybrids.wings)} hybrids")
    settings = fit.Settings()
    with threadpool_limits(limits=1):
        score = fit.fit_score(pure, hybrids, settings)
    for name, weight in zip(fit.EVIDENCE, score.weights.tolist(), strict=True):
        say(f"weight of {name}: {weight:.3f}")
    digest = short_digest(options.data / "train.csv")
    source = f"python -m training.hybrid.wing_pattern_sgd (train.csv sha256 {digest})"
    config, weights = submission_of(score, settings)
    size = write_submission(
        "wing_pattern_sgd", options.out, config, {WEIGHTS: weights}, source, REQUIRES
    )
    say(f"{options.out}: {size} bytes of weights, {time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
