"""The report's pages in a real browser: two widths, both colour schemes, and by keyboard alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.reporting.chosen import choose
from kit.reporting.report import write_report
from tests.support.browser import Browser, browser, find_chromium
from tests.support.reports import LIGHT, make_run, shuffled_in_part, stored_predictions

PAGES = (*LIGHT, "comparison")
OUTPUT = "document.querySelector('.cut output').textContent"
FOUND = "document.querySelector('.cut .live tbody').innerText"
SLIDER = "it.matches('.cut input')"
STATUS = "document.querySelector('.status').textContent"
TILES = "document.querySelectorAll('#gallery .tile').length"
EDGES = """[...document.querySelectorAll('table')].filter((it) => it.offsetParent).map((it) =>
  [it.caption.innerText, it.tBodies[0].rows[0].querySelector('.number')]).filter(([, it]) => it)
  .map(([name, it]) => [name, it.getBoundingClientRect().right])"""
BRIGHTNESS = "getComputedStyle(document.body).{}.match(/\\d+/g).map(Number).reduce((a, b) => a + b)"
TEXTS = "[...document.querySelectorAll('p, li, dd, td, th, label, span')]"
SMALLEST = (
    f"Math.min(...{TEXTS}.filter((it) => it.innerText).map((it) => "
    "parseFloat(getComputedStyle(it).fontSize)))"
)
NAMELESS = """[...document.querySelectorAll('button, select, input, a, summary, [role=region]')]
  .filter((it) => !(it.textContent || it.getAttribute('aria-label') || (it.labels || []).length))
  .map((it) => it.outerHTML)"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each track, those of labels with candidates, and a comparison."""
    find_chromium()
    folder = tmp_path_factory.mktemp("reports")
    for track, name in LIGHT.items():
        labels = track in ("reid", "family")
        stored = stored_predictions(name)
        make_run(folder / track, track, stored, submission=name, candidates=labels)
    good, runs = stored_predictions(LIGHT["hybrid"]), {}
    for share in (0.0, 0.02, 0.3):
        given = shuffled_in_part(good, folder / f"{share}.txt", share)
        name = f"mixed_{share}"
        runs[name] = make_run(folder / name, "hybrid", given, submission=name)
    found = {}
    for track in LIGHT:
        found[track] = folder / f"{track}.html"
        write_report(choose([str(folder / track)]), found[track], None)
    found["comparison"] = folder / "comparison.html"
    write_report(choose([str(run) for run in runs.values()]), found["comparison"], None)
    return found


@pytest.fixture(scope="module")
def chromium(pages: dict[str, Path]) -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Browser]:
    """No test may leave a complaint of the browser."""
    chromium.complaints.clear()
    yield chromium
    assert chromium.complaints == []


def tab_to(tab: Browser, condition: str, most: int = 60) -> None:
    """Press Tab until the focused element meets a condition (JavaScript, on `it`)."""
    for _ in range(most):
        tab.press("Tab")
        if tab.evaluate(f"((it) => Boolean({condition}))(document.activeElement)"):
            return
    raise AssertionError(f"{condition}: not reached with {most} times Tab")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_fits_and_can_be_read(
    tab: Browser, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    tab.open(pages[name], width, dark)
    if shots := os.environ.get("REPORT_SCREENSHOTS"):  # a folder, to look at the pages
        tab.screenshot(Path(shots, f"{name}_{width}_{'dark' if dark else 'light'}.png"))
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    edges = tab.evaluate(EDGES)
    assert len(edges) >= 2
    assert [(title, edge) for title, edge in edges if not 0 < edge <= width] == []
    paper, ink = (tab.evaluate(BRIGHTNESS.format(part)) for part in ("backgroundColor", "color"))
    assert abs(paper - ink) > 450
    assert (paper < ink) == dark
    assert tab.evaluate(SMALLEST) >= 12.5
    assert tab.evaluate(NAMELESS) == []


def test_the_slider_moves_by_keyboard_and_counts_again(
    tab: Browser, pages: dict[str, Path]
) -> None:
    tab.open(pages["hybrid"], 1200, dark=False)
    tab_to(tab, SLIDER)
    before, found = tab.evaluate(OUTPUT), tab.evaluate(FOUND)
    assert "27 of 30 (90.0" in found  # the leaderboard's threshold
    marker = "document.querySelector('.cut .marker').getAttribute('d')"
    place = tab.evaluate(marker)
    tab.press("End")
    assert "0 of 30 (0.0" in tab.evaluate(FOUND)
    assert tab.evaluate(marker) != place
    assert (
        tab.evaluate("document.querySelector('.cut').querySelectorAll('.alarms .tile').length") == 0
    )
    assert (
        tab.evaluate("document.querySelector('.cut').querySelectorAll('.missed .tile').length")
        == 12
    )
    tab.press("Home")
    assert tab.evaluate(OUTPUT) == "below all"
    assert "30 of 30 (100.0" in tab.evaluate(FOUND)
    value = tab.evaluate("document.activeElement.getAttribute('aria-valuetext')")
    assert value.startswith("below all: 70 of 70 (100.0")
    tab_to(tab, "it.matches('.reset')")
    tab.press("Enter")
    assert (tab.evaluate(OUTPUT), tab.evaluate(FOUND)) == (before, found)
    assert tab.evaluate(f"((it) => {SLIDER})(document.activeElement)")


def test_an_arrow_key_moves_the_threshold_by_one_score(
    tab: Browser, pages: dict[str, Path]
) -> None:
    tab.open(pages["hybrid"], 1200, dark=False)
    tab_to(tab, SLIDER)
    official = tab.evaluate("data.cuts[0].threshold")
    tab.press("ArrowRight")
    step = (
        "Math.min(...data.rows.score.filter((it, row) => it > data.cuts[0].threshold && "
        "data.cuts[0].groups.includes(data.rows.group[row])))"
    )
    higher = float(tab.evaluate(OUTPUT).replace("\N{MINUS SIGN}", "-"))
    assert higher > official
    assert higher == pytest.approx(tab.evaluate(step))


def test_the_images_at_a_threshold_are_filtered_by_group(
    tab: Browser, pages: dict[str, Path]
) -> None:
    tab.open(pages["hybrid"], 400, dark=True)
    tab_to(tab, "it.matches('.cut select')")
    tab.press("ArrowDown")
    tiles = "[...document.querySelector('.cut').querySelectorAll('.missed .tile')]"
    shown = tab.evaluate(f"{tiles}.map((it) => it.innerText)")
    assert shown
    assert all("major" in text for text in shown)


@pytest.mark.parametrize("name", PAGES)
def test_the_gallery_is_filtered_by_keyboard(
    tab: Browser, pages: dict[str, Path], name: str
) -> None:
    tab.open(pages[name], 1200, dark=False)
    everything = tab.evaluate("data.gallery.items.length")
    assert tab.evaluate(TILES) == min(everything, 24) > 0
    assert tab.evaluate("document.querySelectorAll('#gallery img').length") > 0
    tab_to(tab, "it.matches('#gallery select')", most=120)
    tab.press("ArrowDown")
    chosen = tab.evaluate("Number(document.activeElement.value)")
    some = tab.evaluate(f"data.gallery.items.filter((it) => it.group === {chosen}).length")
    assert tab.evaluate(TILES) == min(some, 24)
    assert 0 < some < everything
    assert tab.evaluate(STATUS).endswith(f"of {some} are shown.")


def test_more_of_the_gallery_is_shown_on_request(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["anomaly"], 1200, dark=False)
    assert tab.evaluate(TILES) == 24
    tab_to(tab, "it.matches('#gallery button')", most=120)
    tab.press("Enter")
    assert tab.evaluate(TILES) == 48


def test_known_individuals_stand_next_to_the_query(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["reid"], 1200, dark=False)
    first = "document.querySelector('#gallery .tile')"
    assert tab.evaluate(f"{first}.querySelectorAll('img').length") >= 3
    text = tab.evaluate(f"{first}.innerText")
    assert "the answer: new_individual" in text
    assert "candidate" in text
    item = tab.evaluate("data.gallery.items[0]")
    assert any(role == "truth" for _, role, _ in item["others"])


@pytest.mark.parametrize("name", ["anomaly", "family", "comparison"])
def test_a_heading_sorts_its_table_by_keyboard(
    tab: Browser, pages: dict[str, Path], name: str
) -> None:
    tab.open(pages[name], 1200, dark=False)
    tab_to(tab, "it.closest('.sortable th.number')", most=120)
    table = "document.activeElement.closest('table')"
    place = tab.evaluate("document.activeElement.closest('th').cellIndex")
    values = f"[...{table}.tBodies[0].rows].map((it) => it.cells[{place}].dataset.v)"
    before = tab.evaluate(values)
    tab.press("Enter")
    order = "document.activeElement.closest('th').getAttribute('aria-sort')"
    assert tab.evaluate(order) == "descending"
    falling = [float(value) for value in tab.evaluate(values) if value]
    assert falling == sorted(falling, reverse=True)
    tab.press(" ")
    assert tab.evaluate(order) == "ascending"
    rising = tab.evaluate(values)
    assert [float(value) for value in rising if value] == sorted(falling)
    assert sorted(rising) == sorted(before)
    tab.press("Tab")
    tab.press("Enter")
    sorted_heads = f"{table}.querySelectorAll('th[aria-sort=ascending], th[aria-sort=descending]')"
    assert tab.evaluate(f"{sorted_heads}.length") == 1


def test_the_figure_of_a_comparison_joins_what_is_not_separable(
    tab: Browser, pages: dict[str, Path]
) -> None:
    tab.open(pages["comparison"], 1200, dark=False)
    names = "[...document.querySelectorAll('.standing .label')].map((it) => it.textContent)"
    assert [text.split()[0] for text in tab.evaluate(names)] == [
        "mixed_0.0", "mixed_0.02", "mixed_0.3",
    ]  # fmt: skip
    assert tab.evaluate("document.querySelectorAll('.standing .group').length") == 1
