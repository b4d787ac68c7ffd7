"""Fixtures of the tests of hybrid training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dinov2 import on_one_thread
from tests.support.hybrid_data import copy_sample


@pytest.fixture(scope="module")
def module_on_one_thread() -> Iterator[None]:
    """PyTorch with one thread, for fixtures of a module as well as for its tests."""
    with on_one_thread():
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images each of three subspecies, and four hybrids, out of the sample data."""
    folder = tmp_path_factory.mktemp("data")
    copy_sample(folder, ("8.0", "9.0", "2.0"), each=5, hybrids=4)
    return folder
