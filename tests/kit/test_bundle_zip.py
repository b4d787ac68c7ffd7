"""`kit bundle`: what its zip holds, and that the zip is checked before it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.checks.bundle.folder import check_bundle
from kit.errors import KitError
from kit.packing.bundling import PackedBundle, pack_bundle
from tests.support.checks import good_bundle, good_competition
from tests.support.kit import Kit, make_bundle, write_tree


def packed(folder: Path) -> PackedBundle:
    return pack_bundle(folder, folder.parent / "b.zip", check_bundle)


def test_a_folder_of_dot_files_only_is_packed(tmp_path: Path) -> None:
    content = good_competition()
    content["tasks"][0]["input_data"] = "data"
    folder = make_bundle(tmp_path / "bundle", content)
    write_tree(folder, {"data/.gitkeep": "", "data/empty/.gitkeep": ""})
    assert {"data/.gitkeep", "data/empty/.gitkeep"} <= set(packed(folder).files)


@pytest.mark.parametrize("name", [".DS_Store", ".gitignore", ".git/config"])
def test_a_folder_of_junk_only_does_not_vanish(tmp_path: Path, name: str) -> None:
    content = good_competition()
    content["phases"][0]["public_data"] = "public"
    folder = make_bundle(tmp_path / "bundle", content)
    write_tree(folder, {f"public/{name}": ""})
    assert f"public/{name}" in packed(folder).files


def test_dot_files_and_caches_next_to_data_stay_behind(tmp_path: Path) -> None:
    folder = good_bundle(tmp_path)
    write_tree(
        folder,
        {
            "input_data/.gitkeep": "",
            "scoring_program/__pycache__/a.pyc": "",
            "scoring_program/.ipynb_checkpoints/a.py": "",
        },
    )
    assert not {name for name in packed(folder).files if ".gitkeep" in name or "/a.py" in name}


def test_a_folder_without_any_file_is_named(tmp_path: Path) -> None:
    content = good_competition()
    content["phases"][0]["public_data"] = "public"
    folder = make_bundle(tmp_path / "bundle", content)
    (folder / "public").mkdir()
    with pytest.raises(KitError, match="public: expected files"):
        packed(folder)


def test_the_zip_is_checked_before_it_is_written(kit: Kit, tmp_path: Path) -> None:
    content = good_competition()
    content["phases"][0]["tasks"] = [7]
    content["tasks"][0]["reference_data"] = "reference_data/ref.csv"
    folder = make_bundle(tmp_path / "bundle", content)
    answer = kit("bundle", folder, "--out", "out/b.zip")
    assert answer.status == 1
    assert "there is no task 7" in answer.text
    assert "reference_data/ref.csv" in answer.text
    assert not Path("out").exists()
