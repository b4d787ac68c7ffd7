"""The table of docs/pages/json.md: the JSON Schema of each command's --json.

`make tables` writes it.
"""

from __future__ import annotations

import json
from pathlib import Path

from kit.markdown import table

SCHEMAS = Path(__file__).resolve().parent / "schemas"


def schemas_table() -> str:
    """Return a row for each schema: the command, its answer, and the file."""
    schemas = {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(SCHEMAS.glob("*.json"))
    }
    rows = [
        [f"`{schema['title']}`", schema["description"], f"[{name}](../schemas/{name})"]
        for name, schema in schemas.items()
    ]
    return "\n".join(table(["command", "answer", "schema"], rows))
