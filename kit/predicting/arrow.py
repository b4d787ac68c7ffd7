"""pyarrow, which only `kit predict` and `kit merge` need: the extra `predict`."""

from __future__ import annotations

from typing import Any

from kit.errors import UsageProblem


class PackageMissing(UsageProblem):
    """A package of an extra is not installed."""


def arrow() -> Any:
    """Return the module pyarrow, with pyarrow.parquet in it. Raises PackageMissing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise PackageMissing(
            f"reading and writing Parquet needs pyarrow, and it cannot be imported: {error}",
            hint="pip install '.[predict]'",
        ) from error
    return pyarrow


def ray_data() -> Any:
    """Return the module ray, with ray.data in it. Raises PackageMissing."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise PackageMissing(
            f"--engine ray needs Ray Data, and it cannot be imported: {error}",
            hint="pip install '.[predict,ray]'",
        ) from error
    return ray
