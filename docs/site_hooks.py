"""Hooks of MkDocs: documents that stay where they are become pages of the site.

The site shows the READMEs of the repository below `repository/`, docs/schemas/ as files and the
notebook as a page, so that no text is copied. A link between two of them works on a code host and
on the site: the hooks rewrite its target. A link to a file that is no page keeps its text only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTEBOOK = DOCS / "notebooks" / "first_submission.ipynb"
# The documents that are shown below `repository/`.
DOCUMENTS = (
    "[A-Z]*.md",
    *(f"{name}/README.md" for name in ("benchmarks", "docker", "kit", "kit/checks", "tests")),
    *(f"{name}/README.md" for name in ("ingestion_program", "scoring_program", "sample_data")),
    "scoring_program/wildlife_scoring/*/README.md",
    "sample_data/*/README.md",
    "submissions/README.md",
    "submissions/[!_]*/README.md",
    "training/*.md",
    "training/*/*/README.md",
)
# Pages with wide tables, which get the room of the table of contents.
WIDE = ("codes.md", "submissions.md")
IMAGE = re.compile(r"!\[[^\]]*\]\(([^)\s:]+)\)")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"[a-z]+:|#|//")
LIST_OR_TABLE = re.compile(r"([-*] |\d+\. |\|)")


@cache
def sources() -> dict[Path, str]:
    """Return the place on the site of each file that is taken from outside docs/pages."""
    found = {path: place(path) for pattern in DOCUMENTS for path in sorted(ROOT.glob(pattern))}
    for path in list(found):
        for target in IMAGE.findall(path.read_text(encoding="utf-8")):
            image = (path.parent / target).resolve()
            if not image.is_relative_to(DOCS):
                found[image] = place(image)
    schemas = sorted((DOCS / "schemas").glob("*.json"))
    return found | {path: f"schemas/{path.name}" for path in schemas}


def place(path: Path) -> str:
    """Return where the site shows a file of the repository."""
    return f"repository/{path.relative_to(ROOT).as_posix()}"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents, their images, the schemas and the notebook."""
    sources.cache_clear()
    for path, name in sources().items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    content = notebook_page(notebook)
    files.append(File.generated(config, f"{NOTEBOOK.stem}.md", content=content))
    return files


def notebook_page(notebook: dict[str, object]) -> str:
    """Return the cells of a notebook as Markdown."""
    cells = notebook["cells"]
    assert isinstance(cells, list)
    texts = ("".join(cell["source"]) for cell in cells)
    return "\n\n".join(
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell, text in zip(cells, texts, strict=True)
    )


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page as the generator has to read it."""
    here = source_of(page.file)
    if page.file.src_uri in WIDE:
        page.meta["hide"] = ["toc"]
    return "".join(
        coloured(text) if is_code else relinked(spaced(text), here, page.file.src_uri)
        for text, is_code in parts(markdown)
    )


def source_of(file: File) -> Path:
    """Return the file of the repository that a page is made from."""
    if file.src_uri == f"{NOTEBOOK.stem}.md":
        return NOTEBOOK
    return Path(file.abs_src_path or "").resolve()


def parts(markdown: str) -> Iterator[tuple[str, bool]]:
    """Yield the text in turn with the fenced blocks of code, and whether a part is such a block."""
    pieces = re.split(r"^(```.*?^```[^\n]*\n?)", f"{markdown}\n", flags=re.MULTILINE | re.DOTALL)
    yield from ((piece, bool(number % 2)) for number, piece in enumerate(pieces))


def coloured(block: str) -> str:
    """Return a fenced block as the generator colours it: commands, not what a console prints."""
    return re.sub(r"\A```console$", "```sh", block, flags=re.MULTILINE)


def spaced(text: str) -> str:
    """Return text with an empty line before each list and table.

    A code host needs none there, the generator does.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        starts = LIST_OR_TABLE.match(line)
        inside = before.startswith(" ") or LIST_OR_TABLE.match(before)
        if starts and before.strip() and not inside:
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def relinked(text: str, here: Path, page: str) -> str:
    """Return text whose links lead to the pages of the site; here: the file it is from."""

    def link(match: re.Match[str]) -> str:
        image, title, target = match.groups()
        address, anchor, rest = target.partition("#")
        if OUTSIDE.match(target):
            return match[0]
        found = (here.parent / address).resolve()
        if not found.exists():
            return match[0]  # the generator warns of it
        name = site_name(found)
        if name is None:
            return title
        relative = os.path.relpath(name, Path(page).parent)
        return f"{image}[{title}]({relative}{anchor}{rest})"

    return LINK.sub(link, text)


def site_name(path: Path) -> str | None:
    """Return the place on the site of a file or folder; None where the site does not show it."""
    pages = DOCS / "pages"
    if path == DOCS / "schemas":
        return "json.md"
    if path == NOTEBOOK:
        return f"{NOTEBOOK.stem}.md"
    if path.is_dir():
        path = path / "README.md"
    if path.is_relative_to(pages):
        return path.relative_to(pages).as_posix() if path.is_file() else None
    return sources().get(path)
