"""Checks of what is malformed on purpose: a finding, never a traceback."""

from __future__ import annotations

import json
import os
import pickle
import random
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kit.checks.bundle.folder import check_bundle
from kit.checks.engine import check_statically
from kit.checks.submission.inert_pickle import read_inert
from kit.findings.finding import Report
from kit.submissions import Submission
from tests.support.checks import good_bundle, good_submission
from tests.support.kit import Kit, make_submission

NOW = datetime(2026, 6, 1)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def checked(folder: Path) -> Report:
    return check_statically(Submission("s", folder))


def test_a_timestamp_that_is_none(tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s", metadata="description: !!timestamp x\n")
    assert "metadata-malformed" in codes(checked(folder))
    bundle = good_bundle(tmp_path)
    (bundle / "competition.yaml").write_text("version: !!timestamp x\n")
    assert codes(check_bundle(bundle, NOW)) == {"bundle-yaml"}


@pytest.mark.parametrize("text", ["a: &a [*a]", "? {a: 1}\n: 2", "[" * 3000, "a: *b", "\t", ""])
def test_yaml_that_is_none(tmp_path: Path, text: str) -> None:
    bundle = good_bundle(tmp_path)
    (bundle / "competition.yaml").write_text(text)
    assert codes(check_bundle(bundle, NOW)) & {"bundle-yaml", "bundle-version"}


@pytest.mark.parametrize("path", ["x" * 300, "../x", "/x", "", "a\0b", "\ud800"])
def test_paths_that_no_file_has(tmp_path: Path, path: str) -> None:
    folder = make_submission(tmp_path / "s")
    entry = {"path": path, "sha256": "0", "bytes": 1, "licence": "MIT", "source": "x"}
    (folder / "weights.json").write_text(json.dumps({"files": [entry]}))
    report = checked(folder)
    assert codes(report) & {"manifest-entry", "weights-missing"}
    json.dumps(report.as_json(False), ensure_ascii=False).encode("utf-8")


def test_a_name_that_is_not_utf_8_is_printed(kit: Kit, tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s")
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/n\xff.md")).write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    answer = kit("check", folder, "--quick")
    assert "name-not-utf-8" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("seed", range(5))
def test_bytes_flipped_at_random_end_no_check(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder, bundle = good_submission(tmp_path / "s"), good_bundle(tmp_path)
    paths = [path for top in (folder, bundle) for path in sorted(top.rglob("*")) if path.is_file()]
    for path in paths:
        data = bytearray(path.read_bytes())
        for _ in range(rng.choice((1, 3, 9))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(bytes(data))
    assert checked(folder).checks
    assert check_bundle(bundle, NOW).path == bundle


def test_reading_a_pickle_runs_none_of_it(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(mark),)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        contents = read_inert(pickle.dumps([Harmful(), {"a": Harmful()}], protocol))
        assert (os.mkdir.__module__, "mkdir") in contents.names
        assert not contents.damage
    assert not mark.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\0\0",
        b"\x80\x04" + b"(" * 100_000, b"\x80\x04]" + b"\x94" * 1000 + b"0.", b"\x80\x02\x82\x01.",
        b"\x80\x04K\x01K\x02s.", b"", b"\x80",
    ],
)  # fmt: skip
def test_a_pickle_of_nonsense_is_damaged_or_empty(data: bytes) -> None:
    contents = read_inert(data)
    assert contents.damage or contents.names


def test_a_compressed_bomb_is_not_unpacked_whole(tmp_path: Path) -> None:
    folder = make_submission(tmp_path / "s")
    packer = zlib.compressobj(9)
    block = b"\0" * (1 << 20)
    data = b"".join([*(packer.compress(block) for _ in range(200)), packer.flush()])
    (folder / "a.joblib").write_bytes(data)
    assert "manifest-missing" in codes(checked(folder))
