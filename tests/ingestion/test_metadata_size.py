"""Metadata that multiplies, or is huge: the ingestion program says so, and at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.limits import limited
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.submission import MOST_METADATA_BYTES, read_prediction_kind

BOMB = "v0: &v0 {x: 1}\n" + "".join(
    f"v{n}: &v{n} {{<<: [{', '.join([f'*v{n - 1}'] * 10)}]}}\n" for n in range(1, 11)
)


def test_aliases_are_never_written_out(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text(BOMB + "track: hybrid\n")
    with limited(megabytes=200):
        assert read_prediction_kind(tmp_path) == "score"


@pytest.mark.parametrize(
    "text", [BOMB + "track: *v10\n", "track: [hybrid]\n", "x" * (MOST_METADATA_BYTES + 1)]
)
def test_a_track_that_is_no_text_or_a_huge_file_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text(text)
    with limited(megabytes=200), pytest.raises(IngestionError):
        read_prediction_kind(tmp_path)


@pytest.mark.parametrize("text", ["track:\n", "description: x\n", "- a\n", ""])
def test_no_track_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text(text)
    assert read_prediction_kind(tmp_path) is None
