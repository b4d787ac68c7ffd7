"""The history of runs: rows are only added, by many writers at once, and a kill loses none."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kit.errors import KitError
from kit.history import HISTORY_FILE, add, commit_of, entries

RECORD: dict[str, Any] = {"format": 1, "ok": True, "submission": "mine", "started": "2027-03-01"}


def add_many(runs: Path, writer: int) -> None:
    for number in range(10):
        add(runs, f"{writer}-{number}", RECORD, "abc")


def test_several_processes_add_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add_many, args=(tmp_path, n)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len({entry.run_id for entry in entries(tmp_path)}) == 40


def add_for_ever(runs: Path) -> None:
    for number in range(10**6):
        add(runs, str(number), RECORD, "")


def test_a_killed_writer_leaves_whole_rows_and_an_open_file(tmp_path: Path) -> None:
    writer = multiprocessing.get_context("fork").Process(target=add_for_ever, args=(tmp_path,))
    writer.start()
    while not (tmp_path / HISTORY_FILE).exists() or len(entries(tmp_path)) < 5:
        assert writer.is_alive()
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    found = entries(tmp_path)
    assert [entry.run_id for entry in found] == sorted(str(n) for n in range(len(found)))
    assert all(entry.record == RECORD for entry in found)
    add(tmp_path, "after", RECORD, "")
    assert len(entries(tmp_path)) == len(found) + 1


def test_rows_are_never_changed(tmp_path: Path) -> None:
    add(tmp_path, "one", RECORD, "abc")
    add(tmp_path, "one", {**RECORD, "submission": "other"}, "def")
    (entry,) = entries(tmp_path)
    assert (entry.commit, entry.record) == ("abc", RECORD)
    with sqlite3.connect(tmp_path / HISTORY_FILE) as database:
        for statement in ("DELETE FROM runs", "UPDATE runs SET commit_id = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                database.execute(statement)
    database.close()


def test_runs_that_the_history_lacks_are_added_and_stay(tmp_path: Path) -> None:
    for name, ok in (("good", True), ("failed", False)):
        (tmp_path / name).mkdir()
        record = RECORD | {"ok": ok}
        (tmp_path / name / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert [entry.run_id for entry in entries(tmp_path)] == ["good"]
    (tmp_path / "good/run.json").unlink()
    assert [entry.run_id for entry in entries(tmp_path)] == ["good"]
    assert entries(tmp_path / "nowhere") == []


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / HISTORY_FILE).write_bytes(b"no database at all" * 100)
    with pytest.raises(KitError, match="cannot be used") as caught:
        entries(tmp_path)
    assert "move the file away" in str(caught.value)


def test_the_commit_has_a_plus_where_files_differ(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == ""
    (tmp_path / "a.txt").write_text("a")
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    clean = commit_of(tmp_path)
    assert len(clean) >= 12
    (tmp_path / "a.txt").write_text("b")
    assert commit_of(tmp_path) == f"{clean}+"
