"""The history of runs: one SQLite file, runs/history.sqlite, to which rows are only ever added.

SQLite writes a row whole or not at all, also when it is killed, and lets writers wait for each
other. A run keeps its row when its folder is removed.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kit.errors import KitError, UsageProblem
from kit.records import RECORD_FILE, read_record

HISTORY_FILE: Final = "history.sqlite"
_WAIT_S = 30.0  # for another writer
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    commit_id TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS never_updated BEFORE UPDATE ON runs
BEGIN SELECT RAISE(ABORT, 'rows of the history are only added'); END;
CREATE TRIGGER IF NOT EXISTS never_deleted BEFORE DELETE ON runs
BEGIN SELECT RAISE(ABORT, 'rows of the history are only added'); END;
"""


@dataclass(frozen=True)
class Entry:
    """One run of the history: its name in runs/, the commit it ran at ("" if unknown), run.json."""

    run_id: str
    commit: str
    record: dict[str, Any]

    @property
    def started(self) -> str:
        """When it began, UTC, as run.json has it."""
        return str(self.record.get("started", ""))


def add(runs: Path, run_id: str, record: dict[str, Any], commit: str) -> None:
    """Add a run to the history in the folder `runs`; one that is there already stays as it is.

    Raises:
        KitError: the file is damaged, or cannot be written.
    """
    with _opened(runs) as database:
        _insert(database, run_id, record, commit)


def entries(runs: Path) -> list[Entry]:
    """Return all runs, the earliest first; those in `runs` that the history lacks are added.

    Raises:
        KitError: the file is damaged, or cannot be written.
    """
    if not runs.is_dir():
        return []
    with _opened(runs) as database:
        known = {name for (name,) in database.execute("SELECT run_id FROM runs")}
        for path in sorted(runs.glob(f"*/{RECORD_FILE}")):
            if path.parent.name not in known and (record := _finished(path.parent)):
                _insert(database, path.parent.name, record, "")
        rows = database.execute("SELECT run_id, commit_id, record FROM runs").fetchall()
    found = [Entry(run_id, commit, json.loads(record)) for run_id, commit, record in rows]
    return sorted(found, key=lambda one: (one.started, one.run_id))


def _finished(folder: Path) -> dict[str, Any] | None:
    """Return the record of a run that ended with scores, None for any other folder."""
    try:
        record = read_record(folder)
    except UsageProblem:
        return None
    return record if record.get("format") == 1 and record.get("ok") is True else None


def _insert(database: sqlite3.Connection, run_id: str, record: Any, commit: str) -> None:
    values = (run_id, commit, json.dumps(record, ensure_ascii=False))
    database.execute(
        "INSERT INTO runs (run_id, commit_id, record) VALUES (?, ?, ?) "
        "ON CONFLICT (run_id) DO NOTHING",
        values,
    )


@contextmanager
def _opened(runs: Path) -> Iterator[sqlite3.Connection]:
    path = runs / HISTORY_FILE
    try:
        with closing(sqlite3.connect(path, timeout=_WAIT_S)) as database, database:
            # One writer at a time: the others wait here, not in the middle.
            database.isolation_level = None
            database.execute("BEGIN IMMEDIATE")
            for statement in _statements(_SCHEMA):
                database.execute(statement)
            yield database
            database.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise KitError(
            f"{path}: the history of the runs cannot be used: {error}",
            hint="move the file away: the next command reads what is left in runs/ again",
        ) from error


def _statements(script: str) -> list[str]:
    found, waiting = [], ""
    for line in script.strip().splitlines():
        waiting += f"{line}\n"
        if sqlite3.complete_statement(waiting):
            found.append(waiting)
            waiting = ""
    return found


def commit_of(folder: Path) -> str:
    """Return the commit of a folder's repository, with a + where its files differ; "" without."""
    head = _git(folder, "rev-parse", "--short=12", "HEAD")
    if not head:
        return ""
    return head + ("+" if _git(folder, "status", "--porcelain", "--", ".") else "")


def _git(folder: Path, *words: str) -> str:
    try:
        ended = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return ended.stdout.strip() if ended.returncode == 0 else ""
