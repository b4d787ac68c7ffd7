"""What the history keeps of a submission on the platform, and finding its local journal again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kit.remote.journal import FOLDER, SUBMITTED, Order
from kit.remote.watching import Outcome


def of(order: Order, title: str, outcome: Outcome) -> dict[str, Any]:
    """Return the record of a submission: where, what, and the scores of each of its tasks."""
    return _record(order.server, order.name, order.sha256, title, outcome)


def _record(server: str, name: str, sha256: str, title: str, outcome: Outcome) -> dict[str, Any]:
    sent = outcome.sent
    return {
        "format": 1,
        "server": server,
        "id": sent.id,
        "submission": name,
        "sha256": sha256,
        "competition": title,
        "phase": sent.phase_name,
        "created": sent.created.isoformat(timespec="seconds"),
        "status": sent.status,
        "parts": [
            {
                "id": one.id,
                "task": one.task,
                "status": one.status,
                "scores": {key: float(value) for key, value in one.scores.items()},
            }
            for one in outcome.parts
        ],
    }


def of_own(
    server: str, runs: Path, title: str, found: Iterable[Outcome]
) -> Iterator[dict[str, Any]]:
    """Yield the records of those submissions that ended and were made here, says the journal."""
    known = {
        state["number"]: content
        for content in _journals(runs)
        if content.get("server") == server
        and isinstance(state := content.get("state"), dict)
        and state.get("stage") == SUBMITTED
    }
    for outcome in found:
        if (content := known.get(outcome.sent.id)) and outcome.sent.ended:
            name, sha256 = str(content.get("name")), str(content.get("sha256"))
            yield _record(server, name, sha256, title, outcome)


def _journals(runs: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((runs / FOLDER / "uploads").glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            yield content
