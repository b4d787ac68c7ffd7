"""The family report in a real browser: the value next to the name on a narrow screen, sorting."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import browser
from tests.support.scoring import make_folders, write_rows

pytestmark = pytest.mark.process
FAMILIES = [f"Pseudotheraphosidae{n:02d}" for n in range(30)]
NARROW = 400  # pixels
# The right edge of the first number in each row of a table, as far as it is outside of its frame.
CUT_OFF = """[...document.querySelectorAll('.wide')].filter((it) => it.querySelector('.number'))
  .map((it) => it.querySelector('td.number, [role=cell].number').getBoundingClientRect().right
    - it.getBoundingClientRect().right).filter((over) => over > 0)"""
SHOWN = """[...document.querySelectorAll('.families > [style]')]
  .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
  .map((it) => it.firstChild.textContent)"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The report of three images a family, of which the first families have most wrong."""
    made = make_folders(tmp_path)
    truth = [(f"{k:03d}.jpg", FAMILIES[k % 30], f"Arthropoda {k % 3}") for k in range(90)]
    named = [(name, family if k > 40 else FAMILIES[(k + 1) % 30])
             for k, (name, family, _) in enumerate(truth)]  # fmt: skip
    made.refer(truth, ("filename", "family", "phylum"))
    made.predict(named)
    lists = [(name, "1", family, "0.8") for name, family in named]
    candidates = made.predictions.with_name("candidates.csv")
    write_rows(candidates, [("filename", "rank", "identity", "score"), *lists])
    run = made.run()
    assert run.status == 0, run.stderr
    return run.output / "detailed_results.html"


def test_values_stand_next_to_names_and_rows_are_sorted_without_a_script(page: Path) -> None:
    with browser() as tab:
        for dark in (False, True):
            tab.open(page, NARROW, dark)
            assert tab.evaluate("document.documentElement.scrollWidth") <= NARROW
            assert tab.evaluate(CUT_OFF) == []
        lowest = tab.evaluate(SHOWN)
        assert lowest != FAMILIES
        tab.evaluate("document.getElementById('order1').click()")
        assert tab.evaluate(SHOWN) == FAMILIES
        assert set(lowest) == set(FAMILIES)
        assert tab.complaints == []
