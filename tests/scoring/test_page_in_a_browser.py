"""The scoring program's page in a real browser: two widths, both colour schemes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser
from tests.support.scoring import PROGRAM

ROOT = Path(__file__).parents[2]
STORED = {
    "hybrid": "wing_pattern_sgd",
    "reid": "always_new",
    "anomaly": "species_ensemble",
    "family": "two_lite_towers",
}
# Of each table: the caption, and the right edge of the first number of its first row. The families
# stand in a list that the style sheet sorts.
FIRST_NUMBERS = """[
  ...[...document.querySelectorAll('table')].map((it) =>
    [it.caption.innerText, it.tBodies[0].rows[0]]),
  ...[...document.querySelectorAll('.families')].map((it) => ['families', it.children[1]]),
].map(([name, row]) => [name, row.querySelector('.number').getBoundingClientRect().right])"""
BRIGHTNESS = (
    "getComputedStyle({}).{}.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b)"
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each track, of stored predictions for the sample data, with the errors named."""
    found = {}
    for track, name in STORED.items():
        folder = tmp_path_factory.mktemp(track)
        (folder / "res").mkdir()
        stored = ROOT / "tests/scores" / name / "development.predictions.txt"
        (folder / "res/predictions.txt").write_bytes(stored.read_bytes())
        (folder / "ref").symlink_to(ROOT / "sample_data" / track / "reference_data/development")
        command = [sys.executable, str(PROGRAM), str(folder), str(folder / "output")]
        environment = os.environ | {"SCORING_NAME_ERRORS": "1"}
        subprocess.run(command, check=True, env=environment, capture_output=True)
        found[track] = folder / "output" / "detailed_results.html"
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("track", STORED)
def test_the_first_number_of_each_table_is_visible_without_scrolling(
    chromium: Browser, pages: dict[str, Path], track: str, width: int
) -> None:
    chromium.complaints.clear()
    chromium.open(pages[track], width, dark=False)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    edges = chromium.evaluate(FIRST_NUMBERS)
    assert len(edges) >= 3
    assert [(name, edge) for name, edge in edges if not 0 < edge <= width] == []
    assert chromium.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_follows_the_readers_colour_scheme(
    chromium: Browser, pages: dict[str, Path], dark: bool
) -> None:
    chromium.open(pages["hybrid"], 1200, dark)
    paper = chromium.evaluate(BRIGHTNESS.format("document.body", "backgroundColor"))
    assert (paper < 200) == dark
    for text, name in (("document.body", "color"), ("document.querySelector('text')", "fill")):
        assert abs(paper - chromium.evaluate(BRIGHTNESS.format(text, name))) > 400
