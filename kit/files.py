"""Write files in one step: a reader sees the old file or the new one, never a half."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kit.control_characters import escaped_in_json


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path next to `target`; rename it to `target` when the block succeeds.

    When the block raises (a full disk, Ctrl-C), the temporary file is removed and what was
    at `target` stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner may read.
        temporary.chmod(0o644)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def json_text(content: Any) -> str:
    """Return strict JSON (no NaN), indented; what a terminal would obey is escaped."""
    return escaped_in_json(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def write_json(target: Path, content: Any) -> None:
    """Write strict JSON in one step."""
    with replacing(target) as temporary:
        temporary.write_text(json_text(content) + "\n", encoding="utf-8")
