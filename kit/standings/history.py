"""Every run that ended, in one SQLite file that only grows: runs/history.sqlite3.

What a platform scored (`kit submit`) stands in a table of its own, which older kits do not read.

Folders of runs may be deleted; their scores stay here. SQLite takes one writer after the other and
rolls back what a killed one left half-written. Triggers refuse every change of a row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from kit.errors import KitError
from kit.files import json_text
from kit.records import records_below

HISTORY_FILE: Final = "history.sqlite3"
_FORMAT = 1  # user_version of the file
_PATIENCE_S = 60.0  # for other writers
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    started TEXT NOT NULL,
    folder TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (started, folder)
);
CREATE TRIGGER IF NOT EXISTS no_update BEFORE UPDATE ON runs
BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER IF NOT EXISTS no_delete BEFORE DELETE ON runs
BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
"""
_PLATFORM_SCHEMA = """
CREATE TABLE IF NOT EXISTS platform (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    server TEXT NOT NULL,
    submission INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (server, submission, record)
);
CREATE TRIGGER IF NOT EXISTS platform_no_update BEFORE UPDATE ON platform
BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
CREATE TRIGGER IF NOT EXISTS platform_no_delete BEFORE DELETE ON platform
BEGIN SELECT RAISE(ABORT, 'the history only grows'); END;
"""


def add(runs: Path, records: Sequence[dict[str, Any]]) -> int:
    """Add the records of runs (run.json) to the history below `runs`; return how many are new.

    Raises KitError: the file cannot be used.
    """
    rows = [(one["started"], one["folder"], json_text(one)) for one in records if _kept(one)]
    if not rows:
        return 0
    runs.mkdir(parents=True, exist_ok=True)
    with _opened(runs / HISTORY_FILE) as connection:
        before = connection.total_changes
        connection.executemany(
            "INSERT OR IGNORE INTO runs (started, folder, record) VALUES (?, ?, ?)", rows
        )
        return connection.total_changes - before


def read(runs: Path) -> list[dict[str, Any]]:
    """Return the records of all runs, the earliest first; those of folders below `runs` are added.

    Raises KitError: the file cannot be used.
    """
    add(runs, records_below(runs))
    path = runs / HISTORY_FILE
    if not path.is_file():
        return []
    with _opened(path) as connection:
        found = connection.execute("SELECT record FROM runs ORDER BY started, number").fetchall()
    return [json.loads(record) for (record,) in found]


def add_platform(runs: Path, records: Sequence[dict[str, Any]]) -> None:
    """Add what a platform tells of submissions; what is known already changes nothing.

    Raises KitError: the file cannot be used.
    """
    rows = [(one["server"], one["id"], json_text(one)) for one in records]
    if not rows:
        return
    runs.mkdir(parents=True, exist_ok=True)
    with _opened(runs / HISTORY_FILE) as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO platform (server, submission, record) VALUES (?, ?, ?)", rows
        )


def read_platform(runs: Path) -> list[dict[str, Any]]:
    """Return the last record of each submission on a platform, the earliest submission first.

    Raises KitError: the file cannot be used.
    """
    path = runs / HISTORY_FILE
    if not path.is_file():
        return []
    with _opened(path) as connection:
        rows = connection.execute("SELECT record FROM platform ORDER BY number").fetchall()
    records = [json.loads(record) for (record,) in rows]
    last = {(one["server"], one["id"]): one for one in records}
    return sorted(last.values(), key=lambda one: str(one["created"]))


def _kept(record: dict[str, Any]) -> bool:
    """Whether the record is of a run that ended: one that was cut off may be resumed."""
    if not all(isinstance(record.get(name), str) for name in ("started", "folder", "submission")):
        return False
    return bool(record.get("ok")) or record.get("failure") not in ("not finished", "interrupted")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the history in one transaction, which is committed at the end of the block."""
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)) as opened:
            opened.execute("BEGIN IMMEDIATE")
            _prepare(opened, path)
            try:
                yield opened
            except BaseException:
                opened.execute("ROLLBACK")
                raise
            opened.execute("COMMIT")
    except sqlite3.Error as error:
        raise KitError(
            f"{path}: expected the history of runs, an SQLite file that can be written: {error}",
            hint="move it away; a new one is made from the folders of the runs that are left",
        ) from error


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, _FORMAT):
        raise KitError(
            f"{path}: expected format {_FORMAT} of the history, found {version}",
            hint="use the newer kit that wrote it, or move it away",
        )
    if version == 0:
        for statement in _statements(_SCHEMA):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {_FORMAT}")
    for statement in _statements(_PLATFORM_SCHEMA):
        connection.execute(statement)


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit the transaction."""
    begun = ""
    for line in script.splitlines():
        begun += line + "\n"
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""
