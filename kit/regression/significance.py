"""Ask the scoring program's bootstrap whether a difference of scores is noise.

The kit imports no metric: `scoring_program/compare.py` is started as a program.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit.bundles import Task
from kit.contract import PREDICTIONS_FILE
from kit.errors import KitError
from kit.repository import checkout
from kit.trees import copy_files
from kit.zips import ZIP_ERRORS, is_plain, unpack

_METADATA = "metadata.csv"


@dataclass(frozen=True)
class Difference:
    """One metric of both predictions, as the scoring program computes it.

    low, high: the 95 % interval of new - stored. below, above: the shares of the resamples in
    which it falls and rises. None where it is undefined.
    """

    stored: float | None
    new: float | None
    low: float | None
    high: float | None
    below: float | None
    above: float | None


@dataclass(frozen=True)
class ImageChange:
    """An image whose prediction changed.

    credit_stored, credit_new: 0 to 1. For labels 1 if right; for scores the share of the images of
    the other class, in its group, that stand on the right side of it.
    """

    filename: str
    truth: str
    stored: str
    new: str
    credit_stored: float
    credit_new: float

    @property
    def lost(self) -> float:
        """How much less it earns now."""
        return self.credit_stored - self.credit_new


@dataclass(frozen=True)
class Significance:
    """Differences by key, and the changed images, those first that lost most.

    units: how many independent units the resamples draw; grouped_by: the column that names them,
    empty where each image is one.
    """

    differences: dict[str, Difference]
    images: tuple[ImageChange, ...]
    units: int
    grouped_by: str


def significance(task: Task, stored: str, new: str, resamples: int | None = None) -> Significance:
    """Compare two texts of predictions.txt for the reference table of a task of a known track.

    Raises:
        KitError: a table cannot be used; the program's message is passed on.
    """
    content = _ask(task, {"stored": stored, "res": new}, resamples)
    differences = {
        row.pop("key"): Difference(**{name: row[name] for name in Difference.__annotations__})
        for row in content["metrics"]
    }
    images = tuple(ImageChange(**row) for row in content["changed"])
    return Significance(differences, images, content["units"], content["grouped_by"])


def own_intervals(
    task: Task, predictions: str, resamples: int | None = None
) -> dict[str, tuple[float | None, float | None]]:
    """Return the 95 % interval of each metric of a text of predictions.txt, by key.

    Raises:
        KitError: a table cannot be used; the program's message is passed on.
    """
    content = _ask(task, {"res": predictions}, resamples)
    return {row["key"]: (row["low"], row["high"]) for row in content["metrics"]}


def _ask(task: Task, predictions: dict[str, str], resamples: int | None) -> dict[str, Any]:
    """Run the program on texts of predictions.txt, by the folders in which it expects them."""
    with TemporaryDirectory(prefix="kit-compare-") as folder:
        root = Path(folder, "input")
        for name, text in predictions.items():
            place = root / name / PREDICTIONS_FILE
            place.parent.mkdir(parents=True)
            place.write_text(text, encoding="utf-8")
        _lay_out_tables(task, root)
        return _run(root, resamples)


def _run(folder: Path, resamples: int | None) -> dict[str, Any]:
    program = checkout() / "scoring_program" / "compare.py"
    argv = [sys.executable, str(program), str(folder)]
    argv += [str(resamples)] if resamples else []
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise KitError(ended.stderr.strip() or f"{program} ended with {ended.returncode}")
    content: dict[str, Any] = json.loads(ended.stdout)
    return content


def _lay_out_tables(task: Task, folder: Path) -> None:
    """Copy the reference data, and the images' metadata.csv where the task has one."""
    reference = task.reference_data
    assert reference is not None, "a task without reference data has no scores to compare"
    if reference.is_dir() or is_plain(reference):
        copy_files(reference, folder / "ref")
    else:
        unpack(reference, folder / "ref")
    if task.input_data and (content := _metadata(task.input_data)):
        (folder / _METADATA).write_bytes(content)


def _metadata(input_data: Path) -> bytes | None:
    """Return the metadata.csv of a folder or zip; None where it has none or cannot be read."""
    if input_data.is_dir():
        path = input_data / _METADATA
        return path.read_bytes() if path.is_file() else None
    try:
        with zipfile.ZipFile(input_data) as archive:
            return archive.read(_METADATA)
    except (*ZIP_ERRORS, OSError, KeyError):
        return None
