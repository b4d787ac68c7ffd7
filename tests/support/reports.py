"""Runs of the sample data without running anything: stored predictions and a record around them."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path

from kit import bundles
from kit.contract import CANDIDATES_FILE, PREDICTIONS_FILE
from kit.digests import digests_of
from tests.support.repository import ROOT

# A light submission of each track, whose predictions are stored.
LIGHT = {
    "hybrid": "wing_pattern_sgd",
    "reid": "always_new",
    "anomaly": "constant_anomaly",
    "family": "constant_family",
}
_LABELS = {"reid": ("metadata.csv", "identity"), "family": ("train.csv", "family")}


def stored_predictions(submission: str) -> Path:
    """The predictions of a submission for the development task of its track."""
    return ROOT / "tests/scores" / submission / "development.predictions.txt"


def make_run(
    folder: Path,
    track: str,
    predictions: Path,
    *,
    submission: str = "light",
    bundle: Path | None = None,
    candidates: bool = False,
    **changed: object,
) -> Path:
    """A folder as `kit run` leaves it, of the development task; `changed` are fields of run.json.

    The leaderboard has no values: a report computes them.
    """
    folder.mkdir(parents=True)
    shutil.copyfile(predictions, folder / PREDICTIONS_FILE)
    if candidates:
        _draw_candidates(folder, track)
    path = bundle or ROOT / "sample_data" / track
    with bundles.opened(path) as opened:
        task = opened.tasks[0]
        assert task.reference_data is not None
        record = {
            "format": 1,
            "submission": submission,
            "bundle": opened.title,
            "bundle_path": str(path),
            "task": {"index": task.index, "name": task.name, "phase": task.phase},
            "mode": "subprocess",
            "ok": True,
            "failure": "",
            "scores": {},
            "leaderboard": [
                {
                    "key": column.key,
                    "title": column.title,
                    "shown": "",
                    "sorting": column.sorting,
                    "primary": column.index == opened.primary_index,
                }
                for column in opened.columns
            ],
            "steps": [
                {
                    "name": "prediction",
                    "seconds": 12.0,
                    "limit_seconds": 600,
                    "peak_bytes": 5 * 10**7,
                }
            ],
            "folder": str(folder.resolve()),
            "digests": digests_of({"reference_data": task.reference_data}),
            "started": "2027-06-01T10:20:30+00:00",
            "commit": {"sha": "0123456789abcdef", "changed": True},
        }
    (folder / "run.json").write_text(json.dumps(record | changed), encoding="utf-8")
    return folder


def write_timing(folder: Path, timing: Mapping[str, float]) -> None:
    """The log of an ingestion program that says how long the model took."""
    (folder / "logs").mkdir()
    log = folder / "logs" / "prediction_ingestion_stdout.txt"
    log.write_text(f"predicted\nTIMING {json.dumps(timing)}\n", encoding="utf-8")


def shuffled_in_part(source: Path, target: Path, share: float) -> Path:
    """Predictions of scores, of which a share takes a random other image's score."""
    rows = [line.rsplit(",", 1) for line in source.read_text(encoding="utf-8").splitlines()]
    rng = random.Random(0)
    values = [value for _, value in rows]
    mixed = [rng.choice(values) if rng.random() < share else value for value in values]
    lines = [f"{name},{value}\n" for (name, _), value in zip(rows, mixed, strict=True)]
    target.write_text("".join(lines), encoding="utf-8")
    return target


def _draw_candidates(folder: Path, track: str) -> None:
    """A candidates.csv with random labels of the public data; often the right one among them."""
    table, column = _LABELS[track]
    known = _column(ROOT / "sample_data" / track / "train" / table, column)
    labels = sorted({row[column] for row in known})
    rng = random.Random(0)
    with (folder / CANDIDATES_FILE).open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(["filename", "rank", "identity", "score"])
        for row in _column(
            ROOT / "sample_data" / track / "reference_data/development/ref.csv", column
        ):
            chosen = rng.sample(labels, 3)
            if row[column] in labels and row[column] not in chosen and rng.random() < 0.7:
                chosen[rng.randrange(3)] = row[column]
            scores = sorted((rng.random() / 3 for _ in chosen), reverse=True)
            for rank, (label, score) in enumerate(zip(chosen, scores, strict=True), start=1):
                lines.writerow([row["filename"], rank, label, f"{score:.4f}"])


def _column(path: Path, needed: str) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert all(needed in row for row in rows)
    return rows
