"""`kit leaderboard`: the history of runs, ranked as the platform ranks."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError, UsageProblem
from kit.standings import history
from kit.standings.boards import boards, order
from kit.standings.commits import commit_of
from kit.standings.moves import moves, read_since
from tests.support.kit import Kit

DATA = {"input_data": "1" * 64, "reference_data": "2" * 64}


def record(name: str, *values: float | None, at: str = "10:00", **others: Any) -> dict[str, Any]:
    """The run.json of a run with these values in the columns a, b, ..."""
    cells = [
        {"key": key, "title": key, "value": value, "shown": str(value), "sorting": "desc",
         "hidden": False, "primary": key == "a"}
        for key, value in zip("abcdef", values, strict=False)
    ]  # fmt: skip
    return {
        "format": 1, "submission": name, "track": "hybrid", "bundle": "B", "ok": True,
        "task": {"index": 0, "name": "T"}, "leaderboard": cells, "digests": DATA, "failure": "",
        "started": f"2026-11-27T{at}:00+00:00", "folder": f"/r/{name}-{at}", **others,
    }  # fmt: skip


def names_of(records: list[dict[str, Any]], **options: Any) -> list[list[str]]:
    return [[entry.name for entry in board.entries] for board in boards(records, **options)]


def test_the_primary_column_ranks_then_the_others_then_the_earlier_run() -> None:
    records = [
        record("late", 0.5, 0.3, at="12:00"),
        record("early", 0.5, 0.3, at="11:00"),
        record("second column", 0.5, 0.4, at="13:00"),
        record("best", 0.6, 0.0, at="14:00"),
    ]
    assert names_of(records) == [["best", "second column", "early", "late"]]


def test_a_column_where_less_is_better_ranks_the_other_way() -> None:
    records = [record("a", 0.2), record("b", 0.1)]
    for each in records:
        each["leaderboard"][0]["sorting"] = "asc"
    assert names_of(records) == [["b", "a"]]


def test_a_hidden_column_breaks_no_tie_and_digits_after_the_tenth_neither() -> None:
    first, second = record("first", 0.5, 0.1, at="10:00"), record("second", 0.5, 0.9, at="11:00")
    first["leaderboard"][1]["hidden"] = second["leaderboard"][1]["hidden"] = True
    assert names_of([first, second]) == [["first", "second"]]
    equal = [record("x", 0.5, at="10:00"), record("y", 0.5 + 1e-12, at="11:00")]
    assert names_of(equal) == [["x", "y"]]


def test_a_run_without_a_value_comes_last() -> None:
    assert names_of([record("none", None, at="09:00"), record("zero", 0.0)]) == [["zero", "none"]]


def test_the_primary_column_need_not_be_the_first() -> None:
    records = [record("x", 0.1, 0.9), record("y", 0.2, 0.1)]
    for each in records:
        each["leaderboard"][0]["primary"], each["leaderboard"][1]["primary"] = False, True
    assert names_of(records) == [["x", "y"]]
    assert order(records[0])[0] == (False, -0.9)


def test_the_best_run_of_a_submission_counts_unless_all_are_asked_for() -> None:
    records = [record("x", 0.5, at="10:00"), record("x", 0.7, at="11:00"), record("y", 0.6)]
    assert names_of(records) == [["x", "y"]]
    assert names_of(records, best_only=False) == [["x", "y", "x"]]


def test_other_data_another_task_and_failed_runs_share_no_board() -> None:
    records = [
        record("x", 0.5, at="10:00"),
        record("x", 0.9, at="11:00", digests={**DATA, "reference_data": "3" * 64}),
        record("y", 0.1, at="12:00", task={"index": 1, "name": "Final"}),
        record("z", 0.8, at="13:00", ok=False, failure="no"),
        record("w", 0.8, at="14:00", track="reid"),
    ]
    assert names_of(records) == [["w"], ["y"], ["x"], ["x"]]
    assert names_of(records, track="reid") == [["w"]]


def test_moves_tell_the_change_since_the_last_good_run() -> None:
    records = [
        record("x", 0.5, at="10:00"),
        record("x", 0.5, at="11:00", ok=False),
        record("x", 0.7, at="12:00"),
        record("y", 0.1, at="12:30"),
    ]
    found = moves(records, read_since("2026-11-27T10:30+00:00"))
    changes = {name: [move.change for move in each] for (name, _), each in found.items()}
    assert changes == {"x": [None, pytest.approx(0.2)], "y": [None]}


def test_since_takes_a_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    identity = ["-c", "user.name=n", "-c", "user.email=e"]
    dated = {**os.environ, "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00"}
    subprocess.run(["git", "init", "-q"], check=True)
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry/model.py").write_text("1")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "m"], check=True, env=dated)
    assert read_since("HEAD").isoformat() == "2026-01-02T03:04:05+00:00"
    found = commit_of(tmp_path / "entry")
    assert found is not None
    assert found["changed"] is False
    (tmp_path / "entry/model.py").write_text("2")
    assert commit_of(tmp_path / "entry") == {**found, "changed": True}
    for wrong in ("yesterday", "--output=x", "HEAD:entry/model.py"):
        with pytest.raises(UsageProblem, match=r"expected a date such as"):
            read_since(wrong)
    assert not Path("x").exists()


@pytest.mark.process
def test_runs_stay_in_the_history_when_their_folders_are_deleted(
    kit: Kit, bundle: Path, submission: Path
) -> None:
    assert kit("run", submission, "--bundle", bundle, "--out", "here").status == 0
    assert kit("run", submission, "--bundle", bundle, "--json").status == 0
    for path in Path("runs").glob("*/run.json"):
        path.unlink()
    answer = kit("leaderboard", "--all", "--json").json
    (board,) = answer["boards"]
    assert [entry["rank"] for entry in board["entries"]] == [1, 2]
    assert board["entries"][0]["scores"]["challenge_score"] == 1.0
    shown = kit("leaderboard").out
    assert "1.000" in shown
    assert submission.name in shown
    moved = kit("leaderboard", "--since", "2026-01-01", "--json").json["moves"]
    assert [run["change"] for run in moved[0]["runs"]] == [None, 0.0]


def test_a_folder_without_runs_says_how_to_make_one(kit: Kit) -> None:
    answer = kit("leaderboard")
    assert answer.status == 0
    assert "kit run NAME" in answer.out
    assert not Path("runs").exists()


def test_records_of_folders_are_added_once_and_unfinished_ones_never(tmp_path: Path) -> None:
    cut_off = record("cut", at="09:00", ok=False, failure="not finished")
    for each in (record("x", 0.5), record("y", 0.6), cut_off):
        folder = tmp_path / each["submission"]
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps(each))
    for _ in range(2):
        assert [one["submission"] for one in history.read(tmp_path)] == ["x", "y"]


def test_the_history_only_grows(tmp_path: Path) -> None:
    history.add(tmp_path, [record("x", 0.5)])
    connection = sqlite3.connect(tmp_path / history.HISTORY_FILE)
    for statement in ("DELETE FROM runs", "UPDATE runs SET record = '{}'"):
        with pytest.raises(sqlite3.IntegrityError, match="the history only grows"):
            connection.execute(statement)
    connection.close()


def _add_many(folder: Path, name: str) -> None:
    for number in range(25):
        history.add(folder, [record(f"{name}-{number}", 0.5)])


def _add_for_ever(folder: Path) -> None:
    for number in itertools.count():
        _add_many(folder, str(number))


@pytest.mark.process
def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_many, args=(tmp_path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(history.read(tmp_path)) == 75


@pytest.mark.process
def test_a_killed_writer_leaves_whole_records(tmp_path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_add_for_ever, args=(tmp_path,))
    child.start()
    path = tmp_path / history.HISTORY_FILE
    until = time.monotonic() + 60
    while time.monotonic() < until and not (path.exists() and path.stat().st_size > 30_000):
        time.sleep(0.01)
    child.kill()
    child.join()
    found = history.read(tmp_path)
    assert found
    assert history.add(tmp_path, [record("after", 0.5)]) == 1
    assert len(history.read(tmp_path)) == len(found) + 1


@pytest.mark.parametrize("content", ["no database", "newer"])
def test_a_file_that_is_no_history_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / history.HISTORY_FILE
    if content == "newer":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 7")
        connection.close()
    else:
        path.write_text("no database at all, but a text of some length\n" * 100)
    before = path.read_bytes()
    with pytest.raises(KitError, match=r"history\.sqlite3: expected .* of (runs|the history)"):
        history.add(tmp_path, [record("x", 0.5)])
    assert path.read_bytes() == before
