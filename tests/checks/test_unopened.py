"""A target that cannot be opened is never good: an error, and one line for all that was skipped."""

from __future__ import annotations

import os
import random
import stat
import zipfile
from pathlib import Path

import pytest

from kit.checks.bundle.folder import check_bundle
from kit.checks.engine import check_statically
from kit.submissions import Submission
from kit.targets import is_bundle
from tests.support.checks import Defect, good_bundle, good_submission, good_zip
from tests.support.kit import Kit, zipped
from tests.support.zip_defects import ZIP_DEFECTS

UNOPENABLE = [
    defect
    for defect in ZIP_DEFECTS
    if defect.code in ("zip-unsafe", "zip-duplicate", "zip-encrypted", "not-checked", "zip-damaged")
    or defect.name in ("nothing in it", "a link")
]


@pytest.mark.parametrize("defect", UNOPENABLE, ids=lambda defect: defect.name)
@pytest.mark.parametrize("quick", [True, False])
def test_a_zip_that_cannot_be_opened_is_one_error_and_one_skipped_line(
    kit: Kit, tmp_path: Path, defect: Defect, quick: bool
) -> None:
    path = good_zip(tmp_path)
    defect.seed(path)
    answer = kit("check", path, "--json", *(["--quick"] if quick else []))
    assert answer.status == 1
    assert not answer.json["ok"]
    codes = [finding["code"] for finding in answer.json["findings"]]
    assert codes.count(defect.code) == 1
    assert len(answer.json["skipped"]) <= 1


@pytest.mark.parametrize("name", ["n" * 300 + ".txt", "competition.yaml/x.md", "."])
def test_a_bundle_that_cannot_be_opened_is_an_error(tmp_path: Path, name: str) -> None:
    path = zipped(good_bundle(tmp_path))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    report = check_bundle(path)
    assert not report.ok(strict=False)
    assert [item.check for item in report.skipped] == ["everything inside"]


@pytest.mark.parametrize("form", ["./{}", "{}", ".//{}"])
def test_names_are_read_as_extractall_writes_them(tmp_path: Path, form: str) -> None:
    folder = good_submission(tmp_path / "s")
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("./", "")
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.writestr(form.format(file.relative_to(folder)), file.read_bytes())
    report = check_statically(Submission("s", path))
    assert [str(finding) for finding in report.findings] == []
    assert not report.skipped


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_without_permission_ends_with_its_name(kit: Kit, tmp_path: Path) -> None:
    folder = good_submission(tmp_path / "s")
    (folder / "weights").chmod(0)
    try:
        answer = kit("check", folder)
    finally:
        (folder / "weights").chmod(stat.S_IRWXU)
    assert answer.status == 1
    assert f"{folder / 'weights'}" in answer.text


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_zip_of_any_method_ends_in_findings(
    tmp_path: Path, method: int, seed: int
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(good_submission(tmp_path / "s").rglob("*.*")):
            archive.write(file, file.relative_to(tmp_path / "s"))
    data = bytearray(path.read_bytes())
    data[rng.randrange(60, len(data) // 2)] ^= rng.randrange(1, 256)
    path.write_bytes(bytes(data))
    report = check_statically(Submission("s", path))
    assert not report.skipped or not report.ok(strict=False)
    assert not is_bundle(path)
    assert check_bundle(path).count("error")


def test_a_zip_of_a_later_version_is_an_error(tmp_path: Path) -> None:
    path = good_zip(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 6] = 255  # the version that is needed to extract
    path.write_bytes(bytes(data))
    assert [item.code for item in check_statically(Submission("s", path)).findings] == [
        "zip-damaged"
    ]


def test_a_pipe_is_no_target(kit: Kit, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.zip")
    answer = kit("check", tmp_path / "x.zip")
    assert answer.status == 2
