"""What a platform scored for the very zips that rank on a local board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kit.standings.boards import Entry


@dataclass(frozen=True)
class RemoteScore:
    """The value of a board's primary column on a platform. record: of the submission; task: of it.

    value: None where it has no such score, such as a failed one.
    """

    record: dict[str, Any]
    task: str
    status: str
    value: float | None

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit leaderboard --json` gives it."""
        told = ("server", "id", "competition", "phase", "created")
        score = {"task": self.task, "status": self.status, "value": self.value}
        return {**{name: self.record[name] for name in told}, **score}


def remote_scores(entry: Entry, records: Sequence[dict[str, Any]]) -> list[RemoteScore]:
    """Return the platform's scores of an entry's zip, the earliest submission first.

    Of a submission to several tasks the one of the board's name counts, where there is one.

    Args:
        entry: a run on a local board.
        records: what platforms tell, the earliest first.
    """
    digest = (entry.record.get("digests") or {}).get("submission")
    key, task = entry.primary.get("key"), entry.record["task"].get("name")
    found = []
    for record in records:
        if not digest or record["sha256"] != digest:
            continue
        parts = record["parts"]
        for part in [one for one in parts if one["task"] == task] or parts:
            value = part["scores"].get(key)
            found.append(RemoteScore(record, part["task"], part["status"], value))
    return found


def shown(scores: Sequence[RemoteScore]) -> str:
    """Return the last score as a cell of a table, or the status that stands for it."""
    if not scores:
        return ""
    last = scores[-1]
    return last.status if last.value is None else f"{last.value:.4f}"
