"""Data and tasks that the bundle does not hold: hidden, or on the platform already."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kit import bundles
from kit.absences import needs
from kit.checks.bundle.folder import check_bundle
from kit.packing.bundling import pack_bundle
from tests.support.checks import good_competition
from tests.support.kit import Kit, make_bundle, write_tree, zipped

NOW = datetime(2026, 6, 1)
KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
# Scores results that need no images.
SCORING = """
import json, sys
from pathlib import Path
(Path(sys.argv[2]) / "scores.json").write_text(json.dumps({"challenge_score": 1, "accuracy": 1}))
"""


def two_tasks(**second: Any) -> dict[str, Any]:
    """A competition whose second task has other fields."""
    content = good_competition()
    other = content["tasks"][0] | {"index": 1, "name": "Final"} | second
    content["tasks"].append({key: value for key, value in other.items() if value is not None})
    content["phases"][1]["tasks"] = [1]
    return content


def only(field: str, value: str) -> dict[str, Any]:
    """A competition whose first task has one other field."""
    content = good_competition()
    content["tasks"][0][field] = value
    return content


def by_key() -> dict[str, Any]:
    """A competition with one task of the platform's, named by its key."""
    content = good_competition()
    content["tasks"] = [{"index": 0, "key": KEY}]
    return content


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (only("reference_data", KEY), f"reference_data: {KEY}: is a data set on the platform"),
        (only("scoring_program", KEY), f"scoring_program: {KEY}: is a data set on the platform"),
        (only("input_data", KEY), f"input_data: {KEY}: is a data set on the platform"),
        (only("ingestion_program", KEY), f"ingestion_program: {KEY}: is a data set"),
        (by_key(), f"key: {KEY}: the whole task is on the platform"),
    ],
)
def test_what_is_on_the_platform_is_packed_and_checked_but_cannot_be_run(
    kit: Kit, tmp_path: Path, submission: Path, content: dict[str, Any], found: str
) -> None:
    folder = make_bundle(tmp_path / "b", content)
    assert not [f for f in check_bundle(folder).findings if f.severity == "error"]
    assert kit("bundle", folder, "--out", tmp_path / "b.zip").status == 0
    answer = kit("run", submission, "--bundle", folder, "--out", "run")
    assert answer.status == 1
    assert found in answer.text
    assert "put " in answer.text
    assert not Path("run").exists()


def test_another_task_that_is_not_complete_is_a_note(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    folder = make_bundle(tmp_path / "b", two_tasks(reference_data="hidden"))
    answer = kit("run", submission, "--bundle", folder, "--out", "run", "--json")
    assert answer.status == 0, answer.text
    assert any("task Final: reference_data: expected hidden" in n for n in answer.json["notes"])
    other = kit("run", submission, "--bundle", folder, "--task", "Final")
    assert other.status == 1
    assert "choose another task with --task: 0 (Only task)" in other.text


def test_a_task_by_key_names_the_tasks_that_run(kit: Kit, tmp_path: Path, submission: Path) -> None:
    content = good_competition()
    content["tasks"][0]["index"] = 1
    content["tasks"].insert(0, {"index": 0, "key": KEY})
    folder = make_bundle(tmp_path / "b", content)
    refused = kit("run", submission, "--bundle", folder)
    assert refused.status == 1
    assert "--task: 1 (Only task)" in refused.text
    assert kit("run", submission, "--bundle", folder, "--task", "1").status == 0


def test_a_check_says_which_data_it_lacks(kit: Kit, tmp_path: Path, submission: Path) -> None:
    folder = make_bundle(tmp_path / "b", only("reference_data", KEY))
    answer = kit("check", submission, "--bundle", folder, "--json")
    skipped = [item["why"] for item in answer.json["skipped"]]
    assert any(f"reference_data: {KEY}: is a data set on the platform" in why for why in skipped)


def test_results_need_no_input_data(kit: Kit, tmp_path: Path) -> None:
    content = good_competition()
    del content["tasks"][0]["ingestion_program"]
    folder = make_bundle(tmp_path / "b", content, scoring=SCORING)
    shutil.rmtree(folder / "input_data")
    results = write_tree(tmp_path / "results", {"predictions.txt": "0.png,1\n"})
    answer = kit("run", results, "--bundle", folder, "--out", "run", "--json")
    assert answer.status == 0, answer.text
    assert any("input_data: expected input_data in the bundle" in n for n in answer.json["notes"])


def test_the_input_is_needed_by_ingestion_and_by_a_command(tmp_path: Path) -> None:
    content = good_competition()
    content["tasks"][0]["input_data"] = "hidden"
    with_ingestion = bundles.read(make_bundle(tmp_path / "a", content)).task(None)
    assert "input_data" in needs(with_ingestion, has_command=False)
    del content["tasks"][0]["ingestion_program"]
    without = bundles.read(make_bundle(tmp_path / "b", content)).task(None)
    assert "input_data" not in needs(without, has_command=False)
    assert "input_data" in needs(without, has_command=True)


def test_a_file_that_is_named_like_a_key_is_packed(tmp_path: Path) -> None:
    content = only("reference_data", KEY)
    folder = make_bundle(tmp_path / "b", content)
    (folder / "reference_data").rename(folder / KEY)
    assert f"{KEY}/ref.csv" in pack_bundle(folder, tmp_path / "b.zip", check_bundle).files


@pytest.mark.parametrize("field", ["input_data", "reference_data"])
def test_a_plain_file_as_data_is_refused_before_the_run(
    kit: Kit, tmp_path: Path, submission: Path, field: str
) -> None:
    folder = make_bundle(tmp_path / "b", only(field, "table.csv"))
    write_tree(folder, {"table.csv": "filename\n"})
    answer = kit("run", submission, "--bundle", folder, "--out", "run")
    assert answer.status == 1
    assert f"{field}: table.csv: is a plain file; workers unpack every one" in answer.text
    assert not Path("run").exists()


@pytest.mark.parametrize("name", ["data.zip", "data.ZIP", "data"])
def test_a_zip_of_any_name_is_data(kit: Kit, tmp_path: Path, submission: Path, name: str) -> None:
    folder = make_bundle(tmp_path / "b", only("input_data", name))
    zipped(folder / "input_data").rename(folder / name)
    assert not [f for f in check_bundle(folder).findings if f.severity == "error"]
    assert kit("run", submission, "--bundle", folder).status == 0


@pytest.mark.parametrize("field", ["starting_kit", "public_data"])
def test_what_participants_download_may_be_any_file(tmp_path: Path, field: str) -> None:
    content = good_competition()
    content["phases"][0][field] = "kit.ipynb"
    content["solutions"] = [{"index": 0, "tasks": [0], "path": "kit.ipynb"}]
    folder = make_bundle(tmp_path / "b", content)
    write_tree(folder, {"kit.ipynb": "{}"})
    assert not check_bundle(folder, NOW).findings
    assert "kit.ipynb" in pack_bundle(folder, tmp_path / "b.zip", check_bundle).files
