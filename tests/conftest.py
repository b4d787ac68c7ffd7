"""Fixtures that more than one test file uses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.kit import Kit, make_bundle, make_submission
from tests.support.loopback_server import Loopback, loopback_server

settings.register_profile("no deadline", deadline=None)  # the machine may be busy
settings.load_profile("no deadline")


@pytest.fixture
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh working directory, so that runs/ and dist/ land there."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def kit(in_empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> Kit:
    """The command line, in a fresh working directory."""
    return Kit(capsys)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A third party's bundle as a folder."""
    return make_bundle(tmp_path / "bundle")


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """A submission that is right about every image of `bundle`."""
    return make_submission(tmp_path / "wide")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A real server on loopback, asked directly even where a proxy or a hub's mirror is set."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    with loopback_server() as loopback:
        yield loopback


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch with one thread: sums are split over threads, and round otherwise with more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
