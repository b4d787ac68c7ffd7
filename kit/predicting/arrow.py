"""pyarrow and Ray Data: the extras `predict` and `ray`, of `kit predict` and `kit merge` only."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from kit.errors import UsageProblem


class PackageMissing(UsageProblem):
    """A package of an extra is not installed."""


def arrow() -> Any:
    """Return the module pyarrow, with pyarrow.parquet in it. Raises PackageMissing."""
    return _package("pyarrow", "parquet", "reading and writing Parquet needs pyarrow", "predict")


def open_parquet(source: Any) -> Any:
    """Return the pyarrow.parquet.ParquetFile of a path or stream; opening it starts no thread.

    Read from it with `use_threads=False` too. A process that ends while threads of pyarrow are
    there is aborted now and then, after all its work (pyarrow 26, on a busy machine).

    Raises:
        OSError: it cannot be read.
        pyarrow.ArrowException: it is no Parquet file; the one for damaged files is a ValueError.
    """
    return arrow().parquet.ParquetFile(source, pre_buffer=False)


def read_parquet(source: Any, columns: Sequence[str] | None = None) -> Any:
    """Return the table of a Parquet file: all columns, or these.

    Raises:
        OSError, pyarrow.ArrowException: as `open_parquet`; a column is missing.
    """
    with open_parquet(source) as file:
        # pyarrow leaves out a column that is missing, without a word.
        wanted, names = list(columns or ()), file.schema_arrow.names
        if lacking := [name for name in wanted if name not in names]:
            raise arrow().ArrowInvalid(
                f"expected the columns {', '.join(wanted)}, found no {', '.join(lacking)}"
            )
        return file.read(columns, use_threads=False)


def ray_data() -> Any:
    """Return the module ray, with ray.data in it. Raises PackageMissing."""
    return _package("ray", "data", "--engine ray needs Ray Data", "predict,ray")


def _package(name: str, part: str, need: str, extras: str) -> Any:
    try:
        import_module(f"{name}.{part}")
        return import_module(name)
    except ImportError as error:
        raise PackageMissing(
            f"{need}, and it cannot be imported: {error}", hint=f"pip install '.[{extras}]'"
        ) from error
