"""What a platform answers, as the kit reads it, without a server."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from kit.remote.answers import Competition, Sent


def competition(**changed: Any) -> Competition:
    """A competition of the title B."""
    values: dict[str, Any] = {
        "id": 7, "title": "B", "participant": "approved", "phases": (), "columns": (),
        "docker_image": "image", "starts_itself": True, "fact_sheet": (),
        "takes_robots": False,
    }  # fmt: skip
    return Competition(**values | changed)


def sent(scores: dict[str, Decimal], **changed: Any) -> Sent:
    """A finished submission to the task T."""
    values: dict[str, Any] = {
        "id": 1, "status": "Finished", "details": "", "phase": 70, "phase_name": "First",
        "created": datetime(2026, 11, 27, tzinfo=timezone.utc), "file_name": "a.zip",
        "owner": "ada", "parent": None, "children": (), "task": "T", "on_board": True,
    }  # fmt: skip
    return Sent(scores=scores, **values | changed)
