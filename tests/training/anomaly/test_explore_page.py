"""The page in a real browser: two widths, both colour schemes, filter and focus by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser, browser
from tests.support.crops import MeanColours, draw_camera_traps
from training.anomaly import explore

WIDTHS = (400, 1200)
FOCUSED = "document.activeElement.getAttribute('aria-label')"
STATUS = "document.getElementById('status').textContent"
CARD = "document.getElementById('card').innerText"
MIDDLE = "((box) => [box.x + box.width / 2, box.y + box.height / 2])"
TEXTS = "[...document.querySelectorAll('p, li, dd, label')].filter((it) => it.innerText)"
STYLE = "getComputedStyle"
TILE = "getComputedStyle(document.querySelector('#card .tile'))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explore")
    data, out = draw_camera_traps(folder / "train"), folder / "out"
    arguments = ["--data", str(data), "--out", str(out), "--cache", str(folder / "cache")]
    explore.explore(explore.parse(arguments), MeanColours())
    return out / "explore.html"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def tab(chromium: Browser, page: Path) -> Iterator[Browser]:
    """The page, newly opened; no test may leave a complaint of the browser."""
    chromium.complaints.clear()
    chromium.open(page, 1200, dark=False)
    yield chromium
    assert chromium.complaints == []


def tab_to(tab: Browser, condition: str, most: int = 20) -> None:
    """Press Tab until the focused element meets a condition (JavaScript, on `it`)."""
    for _ in range(most):
        tab.press("Tab")
        if tab.evaluate(f"((it) => Boolean({condition}))(document.activeElement)"):
            return
    raise AssertionError(f"{condition}: not reached with {most} times Tab")


def shown(tab: Browser) -> int:
    """Count the crops that are drawn on the plane."""
    drawn = (
        "[...document.querySelectorAll('#plane g')].filter((g) => g.getBoundingClientRect().width)"
    )
    return int(tab.evaluate(f"{drawn}.length"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_can_be_read(tab: Browser, page: Path, width: int, dark: bool) -> None:
    tab.open(page, width, dark)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert shown(tab) == 48
    assert tab.evaluate(STATUS).startswith("48 of 48 crops are shown")
    brightness = (
        "getComputedStyle(document.body).{}.match(/\\d+/g).map(Number).reduce((a, b) => a + b)"
    )
    paper, ink = (tab.evaluate(brightness.format(name)) for name in ("backgroundColor", "color"))
    assert abs(paper - ink) > 450
    assert (paper < ink) == dark
    assert tab.evaluate(f"Math.min(...{TEXTS}.map((it) => parseFloat({STYLE}(it).fontSize)))") >= 13


def test_the_keyboard_reaches_each_crop_and_shows_its_thumbnail(tab: Browser) -> None:
    tab_to(tab, "it.closest('#plane')")
    seen = [tab.evaluate(FOCUSED)]
    assert tab.evaluate(CARD).startswith("Species")
    place = tab.evaluate(f"{TILE}.backgroundPosition")
    for _ in range(47):
        tab.press("PageDown")
        seen.append(tab.evaluate(FOCUSED))
    assert len(set(seen)) == 48
    assert "outlier" in seen[-1]
    assert tab.evaluate(f"{TILE}.backgroundPosition") != place
    assert tab.evaluate(f"{TILE}.backgroundImage").startswith('url("data:image/jpeg')
    assert seen[-1].split(", ")[-1] in tab.evaluate(CARD)
    tab.press("Home")
    assert tab.evaluate(FOCUSED) == seen[0]
    tab.press("PageUp")
    assert tab.evaluate(FOCUSED) == seen[0]


def test_arrow_keys_go_where_they_point(tab: Browser) -> None:
    tab_to(tab, "it.closest('#plane')")
    where = f"{MIDDLE}(document.activeElement.querySelector('.reach').getBoundingClientRect())"
    for key, axis, sign in (
        ("ArrowRight", 0, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowUp", 1, -1),
        ("ArrowDown", 1, 1),
    ):
        tab.press("Home")
        before, name = tab.evaluate(where), tab.evaluate(FOCUSED)
        tab.press(key)
        moved = tab.evaluate(where)[axis] - before[axis]
        assert moved * sign > 0 or tab.evaluate(FOCUSED) == name


def test_the_mouse_shows_the_crop_that_it_points_at(tab: Browser) -> None:
    last = "document.querySelector('#plane g:last-child .reach').getBoundingClientRect()"
    tab.evaluate("document.getElementById('plane').scrollIntoView()")
    tab.point_at(*tab.evaluate(f"{MIDDLE}({last})"))
    name = tab.evaluate("document.querySelector('#plane g.chosen').getAttribute('aria-label')")
    assert name.split(", ")[-1] in tab.evaluate(CARD)


def test_filters_work_by_keyboard(tab: Browser) -> None:
    tab_to(tab, "it.name === 'species'")
    tab.press(" ")
    jays = int(
        tab.evaluate("document.activeElement.parentNode.textContent.match(/\\((\\d+)\\)/)[1]")
    )
    assert 0 < jays < 48
    assert shown(tab) == 48 - jays
    assert tab.evaluate(STATUS).startswith(f"{48 - jays} of 48 crops are shown")
    assert "jay" not in tab.evaluate("document.getElementById('clusters').innerText")
    tab_to(tab, "it.closest('#plane')")
    seen = {tab.evaluate(FOCUSED)}
    for _ in range(47):
        tab.press("PageDown")
        seen.add(tab.evaluate(FOCUSED))
    assert len(seen) == 48 - jays
    assert not any(name.startswith("jay") for name in seen)


def test_outliers_alone_and_other_colours(tab: Browser) -> None:
    tab_to(tab, "it.name === 'kind'")
    tab.press("ArrowDown")
    outliers = shown(tab)
    assert 0 < outliers < 12
    assert tab.evaluate(STATUS).endswith(f"{outliers} of them outliers.")
    tab_to(tab, "it.name === 'colour'")
    tab.press("ArrowDown")
    colour = tab.evaluate("document.querySelector('input[name=colour]:checked').value")
    legend = tab.evaluate("document.getElementById('legend').innerText")
    assert colour in ("species", "location")
    assert ("jay" in legend or "robin" in legend) if colour == "species" else "feeder" in legend


@pytest.mark.parametrize(
    ("unticked", "reason"),
    [
        (("jay", "robin", "wren"), "no species is ticked"),
        (("feeder", "pond"), "no location is ticked"),
        (("jay", "robin", "feeder"), "these species were not seen at these locations"),
    ],
)
def test_a_filter_that_leaves_nothing_says_why(
    tab: Browser, unticked: tuple[str, ...], reason: str
) -> None:
    for name in unticked:
        tab_to(tab, f"it.parentNode.textContent.startsWith('{name}')", most=60)
        tab.press(" ")
    assert shown(tab) == 0
    assert reason in tab.evaluate(STATUS)
    assert tab.evaluate("document.getElementById('empty').innerText") == (
        "No crop is left by the filter."
    )
    assert tab.evaluate(CARD) == "No crop is chosen yet."
    tab.press(" ")
    assert shown(tab) > 0


def test_a_thumbnail_leads_to_its_crop_on_the_plane(tab: Browser) -> None:
    tab_to(tab, "it.closest('#outliers')", most=40)
    name = tab.evaluate("document.activeElement.querySelector('.tile').getAttribute('aria-label')")
    assert name.split(", ")[-1] in tab.evaluate(CARD)
    tab.press("Enter")
    assert tab.evaluate(FOCUSED) == name
    assert tab.evaluate("document.activeElement.closest('#plane') !== null")
