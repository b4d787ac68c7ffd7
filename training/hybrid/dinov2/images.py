"""Training data of `dinov2_ensemble`: the table's images, generated and synthetic ones."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.common.atomic import write_text
from training.common.cache import file_digest
from training.common.errors import DataError
from training.common.images import save_image
from training.hybrid.crosses import Groups
from training.hybrid.data import HYBRID, TrainingTable, read_images
from training.hybrid.dinov2.crosses import Mixing, Wings, make_batch
from wildlife_wings.dinov2_pixels import Pixels, square_pixels

GENERATED = "generated.csv"
_CHUNK = 250


@dataclass(frozen=True)
class Labelled:
    """Image files with whether each shows a hybrid, (n,)."""

    paths: tuple[Path, ...]
    hybrid: NDArray[np.bool_]

    def __add__(self, other: Labelled) -> Labelled:
        return Labelled(self.paths + other.paths, np.concatenate([self.hybrid, other.hybrid]))

    def __getitem__(self, rows: NDArray[np.bool_]) -> Labelled:
        chosen = [path for path, row in zip(self.paths, rows.tolist(), strict=True) if row]
        return Labelled(tuple(chosen), self.hybrid[rows])


def some_rows(table: TrainingTable, rows: NDArray[np.bool_]) -> TrainingTable:
    """Return the table's chosen rows; `rows` is a mask (n,)."""
    chosen = [path for path, row in zip(table.paths, rows.tolist(), strict=True) if row]
    return TrainingTable(
        tuple(chosen),
        table.hybrid[rows],
        table.subspecies[rows],
        table.specimen[rows],
        table.view[rows],
    )


def read_squares(paths: Sequence[Path], preprocessing: Mapping[str, Any]) -> Pixels:
    """Return bytes (n, s, s, 3). Raises DataError naming every unreadable image."""
    return np.stack(read_images(paths, lambda image: square_pixels(image, preprocessing)))


def read_generated(folder: Path) -> Labelled:
    """Return the images that synthetic_hybrids/generate.py wrote into a folder.

    Raises DataError with all problems.
    """
    table = folder / GENERATED
    if not table.is_file():
        raise DataError(
            f"{table} is missing: expected a folder that "
            "training.hybrid.synthetic_hybrids.generate wrote "
            "(it writes the table last; if the run was killed, run it again)"
        )
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or []), list(reader)
    missing = [name for name in ("filename", "hybrid_stat") if name not in columns]
    if missing:
        raise DataError(f"{table}: columns {missing} are missing; found {columns}")
    problems = list(_generated_problems(folder, rows))
    if problems:
        raise DataError("\n  ".join([f"{table}: {len(problems)} problem(s)", *problems]))
    hybrid = np.array([HYBRID[row["hybrid_stat"]] for row in rows])
    return Labelled(tuple(folder / row["filename"] for row in rows), hybrid)


def _generated_problems(folder: Path, rows: list[dict[str, str]]) -> Iterable[str]:
    if not rows:
        yield "no rows"
    for line, row in enumerate(rows, start=2):
        if row["hybrid_stat"] not in HYBRID:
            yield f"line {line}: hybrid_stat is {row['hybrid_stat']!r}, expected {sorted(HYBRID)}"
        if not row["filename"] or not (folder / row["filename"]).is_file():
            yield f"line {line}: image {row['filename']!r} is not in {folder}"


def wings_of(table: TrainingTable, preprocessing: Mapping[str, Any]) -> Wings:
    """Return the table's images as tensors. Raises DataError."""
    squares = torch.from_numpy(read_squares(table.paths, preprocessing)).movedim(-1, 1).float()
    hybrid = torch.from_numpy(table.hybrid)
    pure = ~table.hybrid
    groups = Groups.of(table.subspecies[pure], table.view[pure])
    return Wings(squares[~hybrid] / 255, groups, squares[hybrid] / 255, groups.pairs())


def table_digest(table: TrainingTable, *settings: object) -> str:
    """Return a digest of the images' bytes, their labels, and the settings (as text)."""
    digest = hashlib.sha256(repr(settings).encode())
    for k, path in enumerate(table.paths):
        label = (str(table.subspecies[k]), str(table.view[k]), bool(table.hybrid[k]))
        digest.update(f"{file_digest(path)} {label}\n".encode())
    return digest.hexdigest()[:20]


def write_synthetic(wings: Wings, folder: Path, count: int, mixing: Mixing, seed: int) -> Labelled:
    """Write `count` synthetic squares as PNG files, hybrids and others; keep existing ones."""
    table = folder / "synthetic.json"
    if not table.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        labels: dict[str, bool] = {}
        for start in range(0, count, _CHUNK):
            rng = np.random.default_rng((seed, start))
            batch = make_batch(wings, min(_CHUNK, count - start), mixing, rng)
            squares = (batch.images.movedim(1, -1) * 255).round().to(torch.uint8).numpy()
            for k, (square, hybrid) in enumerate(zip(squares, batch.hybrid.tolist(), strict=True)):
                name = f"{'cross' if hybrid else 'pure'}_{start + k:05d}.png"
                save_image(Image.fromarray(square), folder / name)
                labels[name] = bool(hybrid)
        write_text(table, json.dumps({"mixing": asdict(mixing), "hybrid": labels}))
    return read_synthetic(folder)


def read_synthetic(folder: Path) -> Labelled:
    """Read the result of `write_synthetic`."""
    labels = json.loads((folder / "synthetic.json").read_text(encoding="utf-8"))["hybrid"]
    return Labelled(tuple(folder / name for name in labels), np.array([*labels.values()], bool))
