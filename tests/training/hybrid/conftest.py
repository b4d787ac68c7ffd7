"""Fixtures of the tests of hybrid training."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dinov2 import on_one_thread


@pytest.fixture(scope="module")
def module_on_one_thread() -> Iterator[None]:
    """PyTorch with one thread, for fixtures of a module as well as for its tests."""
    with on_one_thread():
        yield
