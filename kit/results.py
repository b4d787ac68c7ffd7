"""Result submissions: predictions alone, which reach the scoring program as they are.

The worker copies a submission without a metadata file into the output of the prediction step, and
the scoring program finds it under /app/input/res. Most competitions on Codabench ask for such
files, under names of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from kit.contract import (
    COMPETITION_FILE,
    MANIFEST_FILE,
    METADATA_FILES,
    PREDICTIONS_FILE,
    REQUIREMENTS_FILE,
)
from kit.findings.finding import Finding

# With one of these a submission has code, even if its model.py was forgotten.
_CODE_FILES = (REQUIREMENTS_FILE, MANIFEST_FILE, "VENDORED.json", "weights")
_ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar")
_CODE_SUFFIXES = frozenset((
    ".py", ".pyc", ".ipynb", ".sh", ".r", ".jl", ".js", ".java", ".jar", ".c", ".cpp", ".so",
    ".safetensors", ".pt", ".pth", ".ckpt", ".onnx", ".joblib", ".keras", ".tflite",
))  # fmt: skip
_PAGES = ("README", "LICENSE", "LICENCE", "NOTICE")


def is_result(names: Iterable[str]) -> bool:
    """Say whether files of these names are predictions: data, and nothing that belongs to code."""
    paths = [PurePosixPath(name) for name in names]
    return bool(_data(paths)) and not any(_is_code(path) for path in paths)


def result_problems(names: Iterable[str]) -> list[Finding]:
    """Return what keeps the scoring program from finding the files of a result submission."""
    paths = [PurePosixPath(name) for name in names]
    found = "without a metadata file only, the platform takes files for results; with one it takes "
    problems = [
        Finding("result-metadata", name, f"{found}them for code, and scores none")
        for name in METADATA_FILES
        if PurePosixPath(name) in paths
    ]
    data = _data(paths)
    if all(path.suffix.lower() in _ARCHIVES for path in data):
        found = "the submission holds nothing else, and the platform unpacks the outer zip only"
        return [*problems, Finding("zip-in-zip", str(data[0]), found)]
    return problems + _place_problems(data)


def _place_problems(data: list[PurePosixPath]) -> list[Finding]:
    folders = sorted({path.parts[0] for path in data})
    if any(len(path.parts) == 1 for path in data):
        return []
    known = [path for path in data if path.name == PREDICTIONS_FILE]
    first, one_folder = (known or data)[0], len(folders) == 1
    if not known and not one_folder:
        return []  # a layout of the organiser's
    found = f"is under {first.parent}/; the worker looks at the root of the zip"
    code = "result-root" if known and one_folder else "result-nested"
    return [Finding(code, str(first), f"{found}, and copies folders as they are")]


def _is_code(path: PurePosixPath) -> bool:
    return (
        path.suffix.lower() in _CODE_SUFFIXES
        or path.parts[0] in _CODE_FILES
        or path.name == COMPETITION_FILE  # nothing of a submission at all
    )


def _data(paths: list[PurePosixPath]) -> list[PurePosixPath]:
    return [path for path in paths if not _is_page(path) and str(path) not in METADATA_FILES]


def _is_page(path: PurePosixPath) -> bool:
    return path.suffix.lower() == ".md" or path.stem.upper() in _PAGES
