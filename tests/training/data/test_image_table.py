"""`training/data/image_table.py`: which tables of images are refused, and how they say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.downloads import COLUMNS, ROOT, row, run, write_table
from tests.support.loopback_server import Loopback
from training.common.errors import DataError
from training.data.image_table import read_image_table

REAL_TABLE = ROOT.parent / "shared/data/hdr/butterfly_anomaly_train.csv"


def test_all_bad_rows_are_named_before_anything_is_fetched(
    server: Loopback, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = row(server, "good.jpg")
    url, digest = good[1:3]
    rows = [
        good,
        ["../a.jpg", url, digest, "hybrid", ""],
        ["..", url, digest, "hybrid", ""],
        ["dir\\a.jpg", url, digest, "hybrid", ""],
        ["", url, digest, "hybrid", ""],
        ["GOOD.jpg", url, digest, "hybrid", ""],
        ["b.jpg", "", digest, "hybrid", ""],
        ["c.jpg", "file:///etc/passwd", digest, "hybrid", ""],
        ["d.jpg", "http://[", digest, "hybrid", ""],
        ["e.jpg", url, "", "hybrid", ""],
        ["f.jpg", url, "g" * 32, "hybrid", ""],
        ["g.jpg", url, digest, "maybe", ""],
        ["h.jpg", url, digest, "non-hybrid", ""],
        ["i.jpg", url, digest, "non-hybrid", "../8"],
        ["j.jpg", url, digest, "non-hybrid", "Hybrid"],
        ["k.jpg", url],
        ["l.jpg", url, digest, "hybrid", "", "more"],
        ["n" * 251, url, digest, "hybrid", ""],
    ]
    assert run(write_table(tmp_path / "t.csv", rows), tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "17 problem(s), nothing was fetched" in said
    for line in range(3, len(rows) + 2):
        assert f"\n  line {line}: " in said
    assert "line 7: filename 'GOOD.jpg' is that of line 2 too" in said
    assert server.asked == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "columns .* are missing"),
        (b"filename,file_url,hybrid_stat,subspecies\n", r"columns \['md5'\] are missing"),
        (",".join(COLUMNS).encode(), "no rows"),
        (b"\xff\xfe\x00", "expected a CSV table in UTF-8"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_image_table(tmp_path / "t.csv")


def test_a_missing_table_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none.csv", tmp_path / "out") == 1
    assert "none.csv: expected a CSV table" in capsys.readouterr().err


@pytest.mark.skipif(not REAL_TABLE.is_file(), reason="the real challenge's table is not here")
def test_the_real_challenges_table_works_as_it_is() -> None:
    images = read_image_table(REAL_TABLE)
    assert len(images) == 2082
    folders = {image.path.parent.name for image in images}
    assert folders == {*map(str, range(14)), "hybrid"}
    assert images[0].path == Path("hybrid/CAM017821.jpg")
    assert images[0].wanted.url.startswith("https://zenodo.org/")
