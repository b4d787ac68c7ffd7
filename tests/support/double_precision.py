"""Run a module in 64 bits: python -m tests.support.double_precision MODULE ...

Two trainings that differ by rounding alone drift apart within a few steps in 32 bits, because Adam
makes a whole step of a gradient that should be zero. In 64 bits they stay together, so that a test
can tell rounding from a mistake.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

import torch
from numpy.typing import NDArray

_from_numpy = torch.from_numpy


def from_numpy(array: NDArray[Any]) -> torch.Tensor:
    """As torch's, with 64 bits where there were 32."""
    tensor = _from_numpy(array)
    return tensor.double() if tensor.dtype == torch.float32 else tensor


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    torch.from_numpy = from_numpy  # type: ignore[assignment]
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
