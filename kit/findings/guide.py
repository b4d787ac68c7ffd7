"""The table of codes in kit/checks/README.md, written from rules.py by `make docs`."""

from __future__ import annotations

from kit.findings.rules import RULES


def codes_table() -> str:
    """Every code as a row of a Markdown table."""
    rows = ["| code | severity | what to do | why |", "|---|---|---|---|"]
    rows += [
        f"| `{code}` | {rule.severity} | {rule.todo} | {rule.reference} |"
        for code, rule in RULES.items()
    ]
    return "\n".join(rows)
