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
    template = Template((_HERE / "report.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=words(title),
        style=(_HERE / "report.css").read_text(encoding="utf-8"),
        script=(_HERE / "report.js").read_text(encoding="utf-8"),
        body="\n".join([NO_SCRIPT, *body]),
        data=script_safe(json.dumps(data, ensure_ascii=False, separators=(",", ":"))),
    )


def static_document(title: str, body: Sequence[str]) -> str:
    """Write a page without a script. title: plain text; body: pieces of HTML."""
    template = Template((_HERE / "static.html").read_text(encoding="utf-8"))
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    return template.substitute(title=words(title), style=style, body="\n".join(body))


def script_safe(text: str) -> str:
    """Escape what would end the <script> element that holds the JSON."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def contents(sections: Sequence[tuple[str, str]]) -> str:
    """Write links to the sections: id and title of each."""
    links = "".join(f'<li><a href="#{name}">{words(title)}</a></li>' for name, title in sections)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'
