"""The report as a whole: from nowhere else, of bounded size, closed tags, who is named in it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.support.scoring import ANSWERS, TRUTH, Folders, make_answered_folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return make_answered_folders(tmp_path)


def test_the_report_needs_nothing_from_outside(folders: Folders) -> None:
    report = folders.run().report
    for outside in ("http:", "https:", "src=", "<script", "<link", "@import", "url(", "href"):
        assert outside not in report
    assert report.startswith("<!DOCTYPE html>")
    assert report.count('<svg class="chart"') == 7


@pytest.fixture
def _names_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCORING_NAME_ERRORS", "1")


def test_the_report_does_not_tell_the_platforms_hidden_labels(folders: Folders) -> None:
    folders.predict([(name, "0.5") for name, *_ in TRUTH])
    report = folders.run().report
    assert not [name for name, *_ in TRUTH if name in report]


def report_of_image(folders: Folders, name: str) -> str:
    """The report of a test set with a missed hybrid of this name."""
    folders.refer([(name, "1", "major"), *TRUTH])
    folders.predict([(name, "0.0"), *ANSWERS])
    return folders.run().report


@pytest.mark.usefixtures("_names_shown")
def test_names_from_outside_are_escaped_in_the_report(folders: Folders) -> None:
    evil = "<script>alert('1')</script>&\".jpg"
    report = report_of_image(folders, evil)
    assert "<script" not in report
    assert html.escape(evil) in report


@pytest.mark.usefixtures("_names_shown")
def test_control_characters_are_shown_escaped_in_the_report(folders: Folders) -> None:
    report = report_of_image(folders, "a\x1b[2J\x9b\u202egpj 🦋.jpg")
    assert r"a\x1b[2J\x9b\u202egpj 🦋.jpg" in report
    assert not re.search("[\x1b\x9b\u202e]", report)


@pytest.mark.usefixtures("_names_shown")
def test_the_report_names_the_ten_worst_errors_of_each_kind(folders: Folders) -> None:
    missed = [(f"missed {n:02d}.jpg", "1", "major") for n in range(12)]
    alarms = [(f"alarm {n:02d}.jpg", "0", "mimic") for n in range(12)]
    calm = [(f"calm {n:03d}.jpg", "0", "mimic") for n in range(400)]
    folders.refer([*TRUTH, *missed, *alarms, *calm])
    folders.predict(
        [
            *ANSWERS,
            *((name, f"{0.05 + n / 1000:.4f}") for n, (name, *_) in enumerate(missed)),
            *((name, f"{0.6 + n / 1000:.4f}") for n, (name, *_) in enumerate(alarms)),
            *((name, "0.2") for name, *_ in calm),
        ]
    )
    report = folders.run().report
    assert re.findall(r"missed \d+", report) == [f"missed {n:02d}" for n in range(10)]
    assert re.findall(r"alarm \d+", report) == [f"alarm {n:02d}" for n in range(11, 1, -1)]
    assert "(10 of 12)" in report
    assert "calm" not in report


def test_the_reports_size_is_bounded(folders: Folders) -> None:
    rows = [
        (f"{n}.jpg", str(n % 2), ("major", "minor", "mimic")[n // 2 % 3]) for n in range(60_000)
    ]
    folders.refer(rows)
    folders.predict(
        [(name, f"{n * 7919 % 60_000 / 60_000:.4f}") for n, (name, *_) in enumerate(rows)]
    )
    assert len(folders.run().report.encode()) < 500_000


def test_every_tag_of_the_report_is_closed(folders: Folders) -> None:
    report = folders.run().report
    for tag in ("html", "head", "body", "main", "style", "table", "tr", "td", "th", "svg", "text"):
        opened = len(re.findall(rf"<{tag}[ >]", report))
        assert opened == report.count(f"</{tag}>") > 0
