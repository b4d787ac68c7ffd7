"""Listing folders of images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.kit import write_tree
from training.common.errors import FolderError
from training.common.images import list_images


def test_images_are_listed_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    write_tree(tmp_path, {"b.jpg": "b", "in/a.PNG": "a", "a_mask.png": "m", "notes.txt": "n"})
    os.mkfifo(tmp_path / "pipe.txt")
    assert list_images(tmp_path) == [Path("b.jpg"), Path("in/a.PNG")]
    os.mkfifo(tmp_path / "in/pipe.jpg")
    (tmp_path / "nowhere.jpg").symlink_to("gone.jpg")
    with pytest.raises(FolderError) as caught:
        list_images(tmp_path)
    assert "in/pipe.jpg: a pipe" in str(caught.value)
    assert "nowhere.jpg: a link that leads nowhere" in str(caught.value)
