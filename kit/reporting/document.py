"""The document around a report: one HTML file without outside links."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from kit.reporting.parts import words

_HERE = Path(__file__).parent
NO_SCRIPT = (
    '<noscript><p class="note">Sorting, sliders and galleries need JavaScript. The tables and '
    "charts are complete without it.</p></noscript>"
)


def document(title: str, body: Sequence[str], data: dict[str, Any]) -> str:
    """Write the page. title: plain text; body: pieces of HTML; data: what the script reads."""
    content = script_safe(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    scripts = (
        f'<script type="application/json" id="data">{content}</script>\n'
        f"<script>\n{script}\n</script>\n"
    )
    return static_document(title, [NO_SCRIPT, *body], scripts)


def static_document(title: str, body: Sequence[str], scripts: str = "") -> str:
    """Write a page, without a script by default. title: plain text; body: pieces of HTML."""
    template = Template((_HERE / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=words(title),
        allowed="; script-src 'unsafe-inline'" if scripts else "",
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        body="\n".join(body),
        scripts=scripts,
    )


def script_safe(text: str) -> str:
    """Escape what would end the <script> element that holds the JSON."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def contents(sections: Sequence[tuple[str, str]]) -> str:
    """Write links to the sections: id and title of each."""
    links = "".join(f'<li><a href="#{name}">{words(title)}</a></li>' for name, title in sections)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'
