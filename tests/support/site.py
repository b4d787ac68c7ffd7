"""Read the pages of a built site: their links, what they load, and their anchors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

# Attributes with which a page loads something as it is shown. A link is only followed.
_LOADS = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src",
    "audio": "src", "embed": "src", "object": "data", "link": "href",
}  # fmt: skip
# Kinds of <link> that load nothing.
_NAMED_ONLY = {"canonical", "prev", "next", "edit", "alternate"}


@dataclass
class HtmlPage:
    """One page: its file, its anchors, the targets of its links, and what it loads."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    diagrams: int = 0


class _Reader(HTMLParser):
    def __init__(self, page: HtmlPage) -> None:
        super().__init__()
        self.page = page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if anchor := given.get("id") or (tag == "a" and given.get("name")):
            self.page.anchors.add(str(anchor))
        if tag == "a" and "href" in given:
            self.page.links.append(given["href"])
        if (name := _LOADS.get(tag)) and given.get(name) and not self._named_only(tag, given):
            self.page.loads.append(given[name])
        self.page.diagrams += "mermaid" in given.get("class", "").split()

    @staticmethod
    def _named_only(tag: str, given: dict[str, str]) -> bool:
        return tag == "link" and bool(set(given.get("rel", "").split()) & _NAMED_ONLY)


def read_page(path: Path) -> HtmlPage:
    """Parse one HTML file."""
    page = HtmlPage(path)
    _Reader(page).feed(path.read_text(encoding="utf-8"))
    return page


def is_outside(target: str) -> bool:
    """Whether a target is on another machine, or no file at all."""
    return bool(urlparse(target).scheme or urlparse(target).netloc)


def broken(page: HtmlPage, pages: dict[Path, HtmlPage], site: Path) -> Iterator[str]:
    """Yield the targets on the site that do not exist: files, and anchors of pages."""
    for target in (*page.links, *page.loads):
        if is_outside(target) or not target:
            continue
        address, anchor = (unquote(part) for part in urldefrag(target))
        start = site if address.startswith("/") else page.path.parent
        found = (start / address.lstrip("/")).resolve() if address else page.path
        found = found / "index.html" if found.is_dir() else found
        if not found.is_file():
            yield f"{target}: no such file"
        elif anchor and found in pages and anchor not in pages[found].anchors:
            yield f"{target}: no such anchor"
