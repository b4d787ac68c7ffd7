"""pyarrow and Ray Data: the extras `predict` and `ray`, of `kit predict` and `kit merge` only."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from kit.errors import UsageProblem


class PackageMissing(UsageProblem):
    """A package of an extra is not installed."""


def arrow() -> Any:
    """Return the module pyarrow, with pyarrow.parquet in it. Raises PackageMissing."""
    return _package("pyarrow", "parquet", "reading and writing Parquet needs pyarrow", "predict")


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
