"""The table of codes in docs/pages/codes.md, written from rules.py by `make tables`."""

from __future__ import annotations

from kit.findings.rules import RULES
from kit.markdown import table


def codes_table() -> str:
    """Return every code as a row of a Markdown table; its name is an anchor."""
    rows = [
        [f'<a id="{code}"></a>`{code}`', rule.severity, rule.todo, rule.reference]
        for code, rule in RULES.items()
    ]
    return "\n".join(table(["code", "severity", "what to do", "why"], rows))
