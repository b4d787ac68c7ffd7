"""Arrays as input and as predictions: .npz files with one array, `arr_0` (numpy.savez)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kit.errors import KitError
from kit.findings.finding import Finding
from kit.trees import open_regular
from kit.zips import ZIP_ERRORS

_NAME = "arr_0"
_SEED = 0
# numpy.load gives a plain array for a .npy file, which is no context manager; the shape in a
# damaged header may be larger than the memory.
_UNREADABLE = (
    *ZIP_ERRORS, OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError,
)  # fmt: skip


def read_array(path: Path) -> Any:
    """Return the array of an .npz file, of any shape.

    Raises:
        KitError: there is no such file, or it holds no `arr_0` that reads without pickle.
    """
    try:
        return _read(path)
    except ValueError as error:
        raise KitError(f"{path}: {error}") from error


def _read(path: Path) -> Any:
    """Return the array; raise ValueError with what was expected, without the file's name."""
    import numpy as np

    try:
        # Opened here, because numpy leaves a damaged file open.
        with open_regular(path) as stream, np.load(stream, allow_pickle=False) as archive:
            return archive[_NAME]
    except FileNotFoundError:
        raise ValueError("expected this file, found none") from None
    except _UNREADABLE as error:
        raise ValueError(f"expected an .npz file with the array {_NAME}: {error}") from error


def array_problems(output: Path, wanted: Mapping[str, str], data: Path) -> Iterator[Finding]:
    """Say which arrays are missing, of another shape, or hold what is no finite number.

    Args:
        output: the folder of the predictions.
        wanted: the input's file by the file of predictions.
        data: the folder of the input data.

    Raises:
        KitError: the input data cannot be read.
    """
    import numpy as np

    for name, source in wanted.items():
        try:
            found = _read(output / name)
        except ValueError as error:
            yield Finding("answers-missing", name, str(error))
            continue
        shape = read_array(data / source).shape[:-1]
        if found.shape != shape:
            text = f"expected the shape {shape}, found {found.shape}; {source} has one axis more"
            yield Finding("answers-missing", name, text)
        elif not np.issubdtype(found.dtype, np.number):
            yield Finding("answers-missing", name, f"expected numbers, found {found.dtype}")
        elif bad := int((~np.isfinite(found)).sum()):
            yield Finding("return-not-finite", name, f"{bad:,} of {found.size:,} numbers")


def draw_arrays(shapes: Mapping[str, Sequence[int]], folder: Path) -> None:
    """Write files of normal random numbers of these shapes into a folder."""
    import numpy as np

    generator = np.random.default_rng(_SEED)
    for name, shape in shapes.items():
        np.savez(folder / name, generator.normal(size=shape))


def array_rows(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Give a row for each sample of each file: file and number, and the mean of its values.

    Raises:
        KitError: a file cannot be read.
    """
    for name in names:
        for number, sample in enumerate(read_array(folder / name)):
            yield f"{name} {number}", f"{float(sample.mean()):.6g}"
