"""The table of codes in kit/checks/README.md, written from rules.py.

python -m kit.findings.guide
"""

from __future__ import annotations

from pathlib import Path

from kit.files import replacing
from kit.findings.rules import RULES

_BEGIN, _END = "<!-- codes:begin -->", "<!-- codes:end -->"
GUIDE = Path(__file__).parents[1] / "checks" / "README.md"


def codes_table() -> str:
    """Every code as a row of a Markdown table."""
    rows = ["| code | severity | what to do | why |", "|---|---|---|---|"]
    rows += [
        f"| `{code}` | {rule.severity} | {rule.todo} | {rule.reference} |"
        for code, rule in RULES.items()
    ]
    return "\n".join(rows)


def main() -> None:
    """Write the table between its marks."""
    text = GUIDE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    with replacing(GUIDE) as temporary:
        content = f"{before}{_BEGIN}\n{codes_table()}\n{_END}{after}"
        temporary.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
