"""The documentation site: it builds without a warning, and every link on it leads somewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.browser import browser
from tests.support.repository import ROOT
from tests.support.site import HtmlPage, broken, is_outside, read_page

CONFIGURATION = ROOT / "docs" / "mkdocs.yml"


def build(configuration: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build with warnings as errors. With --quiet the generator would count no warning."""
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(
        [*command, "--config-file", str(configuration), "--site-dir", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},  # an advertisement of the theme
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site").resolve()
    ended = build(CONFIGURATION, folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, HtmlPage]:
    found = {path: read_page(path) for path in sorted(site.rglob("*.html"))}
    assert len(found) > 50
    return found


def test_every_link_and_anchor_of_the_site_exists(site: Path, pages: dict[Path, HtmlPage]) -> None:
    wrong = [
        f"{path.relative_to(site)}: {problem}"
        for path, page in pages.items()
        if path.name != "404.html"  # its links begin at the address of the published site
        for problem in broken(page, pages, site)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("link", ["[x](nothing.md)", "[x](#nowhere)", "![x](none.png)"])
def test_a_page_with_a_broken_link_is_not_built(link: str, tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text(f"# Page\n\n{link}\n")
    settings = f"INHERIT: {CONFIGURATION}\nhooks: []\nnav: []\nwatch: []\n"
    (tmp_path / "mkdocs.yml").write_text(settings)
    ended = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert ended.returncode == 1
    assert "WARNING" in ended.stderr


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    text = '<h1 id="top"></h1><a href="#top"></a><a href="#low"></a><a href="other.html#top"></a>'
    (tmp_path / "a.html").write_text(text + '<img src="none.png"><a href="https://x.org"></a>')
    page = read_page(tmp_path / "a.html")
    assert [line.split(":")[0] for line in broken(page, {page.path: page}, tmp_path)] == [
        "#low", "other.html#top", "none.png",
    ]  # fmt: skip


def test_no_page_loads_anything_from_outside(site: Path, pages: dict[Path, HtmlPage]) -> None:
    for path, page in pages.items():
        assert not [target for target in page.loads if is_outside(target)], path
        assert not page.diagrams, path  # the theme would load a script for them
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", text), path


def test_the_pages_of_the_menu_are_written_and_shown(site: Path) -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    menu = re.findall(r": ([\w/]+)\.md$", text, re.MULTILINE)
    written = (
        path.relative_to(ROOT / "docs/pages") for path in (ROOT / "docs/pages").rglob("*.md")
    )
    names = {path.with_suffix("").as_posix() for path in written}
    assert {name for name in names if not name.startswith("adr/")} <= set(menu)
    for name in menu:
        assert (site / re.sub("README$", "index", name)).with_suffix(".html").is_file(), name


def test_the_site_offers_each_schema_as_it_is(site: Path) -> None:
    schemas = sorted((ROOT / "docs/schemas").glob("*.json"))
    assert schemas
    for path in schemas:
        copy = site / "schemas" / path.name
        assert copy.read_bytes() == path.read_bytes()
        assert json.loads(copy.read_text(encoding="utf-8"))["title"].startswith("kit ")


@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_the_start_without_a_complaint(site: Path, width: int) -> None:
    with browser() as window:
        window.open(site / "index.html", width, dark=False)
        wide = window.evaluate("document.documentElement.scrollWidth")
        complaints = [text for text in window.complaints if "asked for" in text]
    assert not complaints
    assert wide <= width


def test_the_image_of_the_report_is_small() -> None:
    assert (ROOT / "docs/pages/images/report.webp").stat().st_size < 150_000
