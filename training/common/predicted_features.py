"""Features that `kit predict --features` computed, for the cache of a training script.

WildlifeReID-10k has 140,000 images: `kit predict` spreads them over a cluster, resumes, and keeps
an image that cannot be read as a row. After `kit merge`, a script with the option --features takes
the rows in the place of its own, and any other script through its cache:

    cache = FeatureCache(DEFAULT_FOLDER, weights_digest, preprocessing)
    cache.take(paths, predicted_features(paths, folder, root))
    features = cache.features(paths, compute)  # `compute` sees no image that was taken over
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from kit.errors import KitError
from kit.predicting.arrow import arrow, read_parquet
from kit.predicting.collection import read_collection, read_images
from kit.submissions import Submission
from kit.zips import write_zip
from training.common.cache import Features
from training.common.errors import FeatureError

_MOST_SHOWN = 10


def predicted_features(paths: Sequence[Path], folder: Path, root: Path) -> Features:
    """Return features (len(paths), d), float32.

    Args:
        paths: images below `root`.
        folder: of `kit predict --features`, with the features.parquet that `kit merge` wrote.
        root: the folder of images that `kit predict` was given.

    Raises:
        FeatureError: the table lacks an image or has an error for it, or its file has another size
            now, and these are named; pyarrow or the table is missing.
    """
    with _as_feature_error():
        table, stamps = _read(folder / "features.parquet"), dict(read_images(folder))
    names = [_name(path, root) for path in paths]
    row_of = {name: row for row, name in enumerate(table.column("filename").to_pylist())}
    errors = table.column("error").to_pylist()
    problems = [
        f"{name}: {why}"
        for name, path in zip(names, paths, strict=True)
        if (why := _why_not(name, path, row_of, errors, stamps))
    ]
    if problems:
        shown = "; ".join(problems[:_MOST_SHOWN])
        raise FeatureError(f"{folder}: {len(problems)} images have no features: {shown}")
    if not names:
        return np.zeros((0, 0), dtype=np.float32)
    rows = table.column("features").combine_chunks().take([row_of[name] for name in names])
    return np.asarray(rows.flatten(), dtype=np.float32).reshape(len(names), -1)


def refuse_another_submission(folder: Path, submission: Path) -> None:
    """Refuse features that are not of the network in a folder.

    Args:
        folder: of `kit predict --features`.
        submission: the folder of the submission that was to compute them; its files decide.

    Raises:
        FeatureError: another submission computed them, or this one with other files.
    """
    with _as_feature_error(), TemporaryDirectory() as temporary:
        made_by = read_collection(folder).key["submission"]
        entries = Submission(submission.resolve().name, submission).shipment.entries
        digest = write_zip(entries, Path(temporary, "submission.zip"))
    if made_by["digest"] != digest:
        raise FeatureError(
            f"{folder}: expected features of {submission} ({digest[:12]}), found those of "
            f"{made_by['name']} ({made_by['digest'][:12]}): run `kit predict {submission}` into a "
            "new folder"
        )


@contextmanager
def _as_feature_error() -> Iterator[None]:
    try:
        yield
    except KitError as error:
        raise FeatureError("; ".join([error.message, *error.problems])) from error


def _read(path: Path) -> Any:
    pa = arrow()
    try:
        return read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise FeatureError(
            f"{path}: expected the features that `kit merge` wrote: {error}"
        ) from None


def _name(path: Path, root: Path) -> str:
    """Return the name of an image in the table, which lists what is below `root`."""
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _why_not(
    name: str,
    path: Path,
    row_of: dict[str, int],
    errors: Sequence[str | None],
    stamps: dict[str, str],
) -> str:
    """Say why an image has no features; empty where it has."""
    if name not in row_of:
        return "not in the table"
    if error := errors[row_of[name]]:
        return error
    size = str(path.stat().st_size)
    return "" if stamps.get(name) == size else f"{stamps.get(name)} bytes then, {size} now"
