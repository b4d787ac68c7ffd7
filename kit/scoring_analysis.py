"""Start the analyses of the scoring program: the kit imports no metric."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from kit.bundles import Task
from kit.errors import KitError
from kit.repository import provided
from kit.trees import copy_files
from kit.zips import ZIP_ERRORS, is_plain, unpack

_METADATA = "metadata.csv"


def ask(program: str, folder: Path, *options: object) -> dict[str, Any]:
    """Return what a program of scoring_program/ prints as JSON about a folder.

    Raises:
        KitError: a table cannot be used; the program's message is passed on.
    """
    path = provided() / "scoring_program" / program
    argv = [sys.executable, str(path), str(folder), *map(str, options)]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise KitError(ended.stderr.strip() or f"{path} ended with {ended.returncode}")
    content: dict[str, Any] = json.loads(ended.stdout)
    return content


def lay_out_tables(task: Task, folder: Path) -> None:
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
