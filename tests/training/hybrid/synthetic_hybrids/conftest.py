"""Prepared images that the tests of synthetic hybrids share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.synthetic_hybrids import prepare_few, write_table_of_images


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_table_of_images(folder)
    return folder


@pytest.fixture(scope="module")
def dataroot(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared")
    assert prepare_few(data, out) == 0
    return out
