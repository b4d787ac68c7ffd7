"""competition.yaml as the platform's unpacker reads it: every problem in one message."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit import bundles
from kit.checks.bundle.folder import check_bundle
from kit.competition_schema import SECTIONS
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.errors import KitError, UsageProblem
from kit.packing.bundling import pack_bundle
from tests.support.checks import good_competition
from tests.support.kit import Kit, competition_yaml, make_bundle, write_tree


def read_with(folder: Path, change: Callable[[dict[str, Any]], object]) -> bundles.Bundle:
    content = competition_yaml()
    change(content)
    return bundles.read(make_bundle(folder, content))


def test_tasks_phases_and_columns_are_read(tmp_path: Path) -> None:
    bundle = read_with(tmp_path / "b", lambda content: None)
    task = bundle.task(None)
    assert (task.name, task.phase, task.time_limit_s) == ("Only task", "First", 30)
    assert [column.key for column in bundle.columns] == ["challenge_score", "accuracy"]
    assert bundle.task("0") is bundle.task("only") is bundle.task("ONLY TASK")


def test_a_limit_that_is_not_given_is_the_platforms(tmp_path: Path) -> None:
    bundle = read_with(
        tmp_path / "b", lambda content: content["phases"][0].update(execution_time_limit=None)
    )
    assert bundle.task(None).time_limit_s == DEFAULT_TIME_LIMIT_S


def test_an_unknown_task_lists_the_known(tmp_path: Path) -> None:
    bundle = read_with(tmp_path / "b", lambda content: None)
    with pytest.raises(UsageProblem, match=r"which are 0 \(Only task\)"):
        bundle.task("7")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("version"), "version: expected 2, found None"),
        (lambda c: c.update(version=2.0), "version: expected 2, found 2.0"),
        (lambda c: c.update(version="2.0"), "version: expected 2, found '2.0'"),
        (lambda c: c.pop("tasks"), "tasks: expected a list with at least one entry, found nothing"),
        (lambda c: c.update(tasks="all"), "tasks: expected a list"),
        (lambda c: c.update(tasks=[1]), "tasks: expected every entry to be a mapping"),
        (lambda c: c["tasks"][0].pop("index"), "index: expected a number, found None"),
        (lambda c: c["tasks"].append(dict(c["tasks"][0])), "task index 0 is used more than once"),
        (lambda c: c["tasks"][0].pop("scoring_program"), "scoring_program: expected a path"),
        (lambda c: c["tasks"][0].update(input_data="../x"), "expected a path inside the bundle"),
        (lambda c: c["tasks"][0].update(input_data="/etc"), "expected a path inside the bundle"),
        (lambda c: c["tasks"][0].update(input_data=["a"]), "input_data: expected a path, found"),
        (lambda c: c.pop("phases"), "phases: expected a list"),
        (lambda c: c["phases"][0].update(tasks=[]), "phase First: tasks: expected a list"),
        (lambda c: c["phases"][0].update(tasks=[0, 5]), "phases name tasks that are not there: 5"),
        (
            lambda c: c["phases"][0].update(execution_time_limit="ten"),
            "execution_time_limit: expected whole seconds, found 'ten'",
        ),
        (lambda c: c.pop("leaderboards"), "leaderboards: expected a list"),
        (lambda c: c["leaderboards"][0].update(columns=[]), "columns: expected a list"),
        (lambda c: c["leaderboards"][0]["columns"][0].pop("key"), "expected key and index"),
        (lambda c: c["leaderboards"][0]["columns"][1].update(index=0), "needs its own index"),
        (lambda c: c["leaderboards"][0].update(primary_index=9), "no column has the primary index"),
    ],
)
def test_what_the_unpacker_refuses_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(KitError) as caught:
        read_with(tmp_path / "b", change)
    assert message in str(caught.value)


def test_all_problems_are_shown_at_once(tmp_path: Path) -> None:
    def spoil(content: dict[str, Any]) -> None:
        del content["version"], content["leaderboards"]
        content["tasks"][0]["reference_data"] = "/gone"

    with pytest.raises(KitError) as caught:
        read_with(tmp_path / "b", spoil)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a mapping with version"),
        (b"- a list", "expected a mapping with version"),
        (b"version: [", "does not read as YAML"),
        (b"\xff\xfe\0", "does not read as YAML"),
        (b"a: 2024-13-45", "does not read as YAML"),
    ],
)
def test_a_malformed_competition_is_one_message(
    tmp_path: Path, kit: Kit, content: bytes, message: str
) -> None:
    folder = make_bundle(tmp_path / "b")
    (folder / "competition.yaml").write_bytes(content)
    answer = kit("run", "constant", "--bundle", folder)
    assert answer.status == 1
    assert message in answer.text
    assert not list(Path().iterdir())


def test_a_missing_competition_says_where_one_was_found(tmp_path: Path) -> None:
    make_bundle(tmp_path / "outer" / "inner")
    with pytest.raises(KitError, match=r"found .*inner/competition\.yaml"):
        bundles.read(tmp_path / "outer")
    with pytest.raises(KitError, match="found nothing of that name"):
        bundles.read(tmp_path)


def test_kit_bundle_makes_a_zip_that_runs(kit: Kit, bundle: Path, submission: Path) -> None:
    (bundle / "notes.txt").write_text("not named in competition.yaml")
    answer = kit("bundle", bundle, "--out", "b.zip", "--json")
    assert answer.status == 0, answer.text
    assert "notes.txt" not in answer.json["files"]
    assert kit("run", submission, "--bundle", "b.zip").status == 0


def test_a_solution_is_packed_with_the_bundle(kit: Kit, tmp_path: Path) -> None:
    content = competition_yaml()
    content["solutions"] = [
        {"index": 0, "tasks": [0], "path": "solution"},
        {"index": 1, "tasks": [0], "key": "b6c8ff5c-6d3d-4d5c-9d9e-0f6a3f9d8a11"},
    ]
    folder = make_bundle(tmp_path / "b", content)
    write_tree(folder, {"solution/model.py": "A = 1"})
    assert not [item for item in check_bundle(folder).findings if "solutions" in item.found]
    answer = kit("bundle", folder, "--out", "b.zip", "--json")
    assert answer.status == 0, answer.text
    assert "solution/model.py" in answer.json["files"]


def test_kit_bundle_refuses_what_is_not_complete(kit: Kit, bundle: Path) -> None:
    (bundle / "logo.png").unlink()
    answer = kit("bundle", bundle)
    assert answer.status == 1
    assert "image: logo.png is not there" in answer.text
    assert not Path("dist").exists()
    forced = kit("bundle", bundle, "--force", "--json")
    assert (forced.status, forced.json["forced"]) == (0, ["path-missing"])
    assert kit("bundle", "nowhere").status == 2


# What a competition.yaml may hold, and whether the platform takes it.
ODD: dict[str, tuple[Callable[[dict[str, Any]], object], bool]] = {
    "version as text": (lambda c: c.update(version="2"), True),
    "version with a point": (lambda c: c.update(version=2.0), False),
    "version as a word": (lambda c: c.update(version=True), False),
    "a task's index is a word": (
        lambda c: (c["tasks"][0].update(index="a"), [p.update(tasks=["a"]) for p in c["phases"]]),
        True,
    ),
    "a phase names 0 as text": (lambda c: c["phases"][0].update(tasks=["0"]), False),
    "a task's index is a list": (lambda c: c["tasks"][0].update(index=[0]), False),
    "a task's index is nothing": (lambda c: c["tasks"][0].update(index=None), False),
    "a phase names a list": (lambda c: c["phases"][0]["tasks"].append([0]), False),
    "no time at all": (lambda c: c["phases"][0].update(execution_time_limit=0), True),
    "a time limit as text": (lambda c: c["phases"][0].update(execution_time_limit="60"), True),
    "a time limit below nothing": (lambda c: c["phases"][0].update(execution_time_limit=-1), False),
    "no pages": (lambda c: c.update(pages=[]), True),
    "a boolean as text": (lambda c: c["leaderboards"][0].update(hidden="false"), True),
    "no time limit": (lambda c: c["phases"][0].update(execution_time_limit=None), True),
    "data by no name": (lambda c: c["tasks"][0].update(input_data=""), False),
    "data by a number": (lambda c: c["tasks"][0].update(input_data=3), False),
    "a key that is a number": (lambda c: c["leaderboards"][0]["columns"][1].update(key=3), True),
    "an index as text": (lambda c: c["leaderboards"][0]["columns"][0].update(index="0"), True),
    "an index with a point": (
        lambda c: c["leaderboards"][0]["columns"][1].update(index=1.5), False,
    ),
    "a column that is a word": (lambda c: c["leaderboards"][0]["columns"].append("key"), False),
    "primary index as text": (lambda c: c["leaderboards"][0].update(primary_index="1"), True),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_run_check_and_bundle_read_one_model(tmp_path: Path, name: str) -> None:
    change, good = ODD[name]
    content = good_competition()
    change(content)
    folder = make_bundle(tmp_path / "b", content)
    errors = [
        f for f in check_bundle(folder, datetime(2026, 6, 1)).findings if f.severity == "error"
    ]
    assert (not errors) is good
    for use in (bundles.read, lambda folder: pack_bundle(folder, tmp_path / "b.zip", check_bundle)):
        with nullcontext() if good else pytest.raises(KitError):
            use(folder)


OLD_FORMAT = """
title: Old
image: logo.png
html: {overview: page.md, terms: page.md}
phases: {1: {phasenumber: 1, label: One, start_date: 2027-01-01, scoring_program: scoring_program}}
leaderboard:
  leaderboards: {RESULTS: &R {label: Results, rank: 1}}
  columns: {score: {label: Score, leaderboard: *R, rank: 1}}
"""


@pytest.mark.parametrize("version", ["", "version: 1\n", "version: 1.5\n", "version: '1.5'\n"])
def test_a_bundle_of_codalab_is_one_finding_and_no_command_tells_to_break_it(
    kit: Kit, bundle: Path, version: str
) -> None:
    (bundle / "competition.yaml").write_text(version + OLD_FORMAT)
    report = check_bundle(bundle)
    assert [finding.code for finding in report.findings] == ["bundle-old-format"]
    assert report.ok(strict=False)
    for words in (("run", "constant", "--bundle", bundle), ("bundle", bundle, "--out", "b.zip")):
        answer = kit(*words)
        assert answer.status == 1
        assert "CodaLab 1.5" in answer.text
        assert "expected 2" not in answer.text


def test_a_bundle_is_read_by_a_path_that_goes_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_bundle(tmp_path / "b")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert bundles.read(Path("../b")).task(None).name == "Only task"


def test_a_task_has_the_limit_of_the_first_phase_by_index(tmp_path: Path) -> None:
    content = competition_yaml()
    late = {"name": "Late", "start": "2027-02-01", "tasks": [0], "execution_time_limit": 99}
    content["phases"] = [late | {"index": 1}, content["phases"][0] | {"index": 0}]
    task = bundles.read(make_bundle(tmp_path / "b", content)).task(None)
    assert (task.phase, task.time_limit_s) == ("First", 30)


def test_a_data_set_of_the_platform_is_not_packed(tmp_path: Path) -> None:
    content = competition_yaml()
    content["phases"][0]["starting_kit"] = "3f6b6c1e-32c3-4c5b-9a31-0f7f6d2f1a11"
    packed = pack_bundle(make_bundle(tmp_path / "b", content), tmp_path / "b.zip", check_bundle)
    assert "competition.yaml" in packed.files


def test_every_key_that_names_a_file_is_a_key_of_its_section() -> None:
    for name, section in SECTIONS.items():
        assert set(section.files) <= section.keys, name


def test_indexes_may_have_gaps(tmp_path: Path) -> None:
    content = competition_yaml()
    content["tasks"][0]["index"] = 7
    content["phases"][0]["tasks"] = [7]
    assert bundles.read(make_bundle(tmp_path / "b", content)).task("7").phase == "First"
    assert yaml.safe_load((tmp_path / "b/competition.yaml").read_text())["tasks"][0]["index"] == 7


@pytest.mark.parametrize(
    ("version", "outcome"),
    [
        (1, "reads the file in the old format"),
        (1.5, "reads the file in the old format"),
        (2.0, "the platform refuses the file"),
        (None, "the platform refuses the file"),
    ],
)
def test_run_and_check_say_what_the_platform_does_with_a_version(
    tmp_path: Path, version: object, outcome: str
) -> None:
    with pytest.raises(KitError) as caught:
        read_with(tmp_path / "b", lambda content: content.update(version=version))
    findings = check_bundle(tmp_path / "b").findings
    (found,) = [item.found for item in findings if item.code == "bundle-version"]
    assert outcome in found
    assert caught.value.problems == (found,)
