"""Fixtures of the tests of the kit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kit import Kit, write_tree
from tests.support.platform_commands import Commands
from tests.support.platform_server import platform_server
from tests.support.platform_state import FakePlatform
from tests.support.vendoring import SHARED


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The shared packages of a team's own repository."""
    return write_tree(tmp_path / "team" / "_shared", SHARED)


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    """A platform on loopback."""
    with platform_server() as running:
        yield running


@pytest.fixture
def commands(
    kit: Kit, platform: FakePlatform, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> Commands:
    """The commands about a platform, without waits."""
    return Commands(kit, platform, submission, monkeypatch)
