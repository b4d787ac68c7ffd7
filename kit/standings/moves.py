"""How each submission moved over time: its runs on a board, and what changed between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from kit.errors import UsageProblem
from kit.standings.boards import Place, place_of, primary_cell
from kit.standings.commits import moment_of


@dataclass(frozen=True)
class Move:
    """One run; change: of the primary column since the last good run, None for the first one."""

    record: dict[str, Any]
    change: float | None


def commit_in_short(record: dict[str, Any]) -> str:
    """Return the commit of a run, "+" where the submission differed from it, "" without one."""
    found = record.get("commit") or {}
    return f"{str(found.get('sha', ''))[:9]}{'+' if found.get('changed') else ''}"


def moves(
    records: Sequence[dict[str, Any]], since: datetime | None, track: str = ""
) -> dict[tuple[str, Place], list[Move]]:
    """Return the runs by submission and board since then, the earliest first.

    records: the earliest first, failed ones included. The change of the first run that is shown is
    counted from the last one before it.
    """
    found: dict[tuple[str, Place], list[Move]] = {}
    last: dict[tuple[str, Place], float] = {}
    for record in records:
        if track not in ("", record.get("track")):
            continue
        key = (str(record["submission"]), place_of(record))
        good = record.get("ok") and record["leaderboard"]
        value = primary_cell(record).get("value") if good else None
        change = value - last[key] if value is not None and key in last else None
        if value is not None:
            last[key] = value
        if since is None or _started(record) >= since:
            found.setdefault(key, []).append(Move(record, change))
    return found


def read_since(text: str) -> datetime:
    """Read a date, a time, or a revision of the repository (its commit's time).

    Raises UsageProblem where it is none of these.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        revision = moment_of(text)
        if revision is None:
            raise UsageProblem(
                f"--since {text}: expected a date such as 2026-11-27, a time such as "
                "2026-11-27T14:00, or a git revision"
            ) from None
        return revision
    return moment.astimezone(timezone.utc)  # a time without a zone is local


def _started(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["started"]).astimezone(timezone.utc)
