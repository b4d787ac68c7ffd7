"""Fixtures of the tests of the kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.kit import write_tree
from tests.support.vendoring import SHARED


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The shared packages of a team's own repository."""
    return write_tree(tmp_path / "team" / "_shared", SHARED)
