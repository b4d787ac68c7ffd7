"""A bundle where a submission belongs, a folder around either, a file instead of its folder."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from kit.targets import is_bundle
from tests.support.checks import good_bundle
from tests.support.kit import Kit, make_submission, write_tree, zipped


def wrapped(folder: Path) -> tuple[Path, Path]:
    """A bundle with one folder around it, as a folder and as a zip."""
    good_bundle(folder / "around")
    return folder / "around", zipped(folder / "around")


def test_a_wrapped_bundle_is_told_of_kit_bundle(kit: Kit, tmp_path: Path, submission: Path) -> None:
    for path in wrapped(tmp_path):
        for answer in (kit("check", path), kit("run", submission, "--bundle", path)):
            assert answer.status == 1
            assert "kit pack" not in answer.text
            assert "bundle/" in answer.text
    assert "`kit bundle` does it" in kit("run", submission, "--bundle", wrapped_zip(tmp_path)).text
    for path in wrapped(tmp_path / "again"):
        codes = [item["code"] for item in kit("check", path, "--json").json["findings"]]
        assert codes == ["bundle-root"]


def wrapped_zip(folder: Path) -> Path:
    return folder / "around.zip"


def test_a_wrapped_submission_is_told_of_kit_pack(kit: Kit, tmp_path: Path, bundle: Path) -> None:
    make_submission(tmp_path / "around" / "mine")
    answer = kit("run", zipped(tmp_path / "around"), "--bundle", bundle)
    assert answer.status == 1
    assert "`kit pack` does it" in answer.text


@pytest.mark.parametrize("command", ["run", "pack"])
def test_a_bundle_is_no_submission(kit: Kit, tmp_path: Path, command: str) -> None:
    folder = good_bundle(tmp_path)
    for path in (folder, zipped(folder), *wrapped(tmp_path / "w")):
        answer = kit(command, path)
        assert answer.status == 2
        assert "found a competition bundle" in answer.text
        assert "--bundle" in answer.text


def test_a_bundles_file_is_told_to_name_its_folder(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    path = good_bundle(tmp_path) / "competition.yaml"
    answer = kit("run", submission, "--bundle", path)
    assert answer.status == 2
    assert f"name the folder that holds it: {path.parent}" in answer.text


def test_a_competition_yaml_deep_in_a_submission_makes_no_bundle(tmp_path: Path) -> None:
    folder = write_tree(
        tmp_path / "s", {"model.py": "", "a/competition.yaml": "", "a/b/competition.yaml": ""}
    )
    assert not is_bundle(folder)
    assert not is_bundle(zipped(folder))
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("./competition.yaml", "")
    assert is_bundle(tmp_path / "d.zip")
