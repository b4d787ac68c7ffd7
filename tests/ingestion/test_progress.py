"""Plain lines in a log: not too many, not too few, and with the time left."""

from __future__ import annotations

import pytest

from wildlife_ingestion.progress import Progress


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock's time, set by the test."""
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def lines_of(
    capsys: pytest.CaptureFixture[str], seconds: list[float], number: int, seconds_each: float
) -> list[str]:
    progress = Progress(number)
    for _ in range(number):
        seconds[0] += seconds_each
        progress.advance(1)
    progress.close()
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def test_a_quick_run_is_told_in_tenths(
    capsys: pytest.CaptureFixture[str], seconds: list[float]
) -> None:
    lines = lines_of(capsys, seconds, number=1000, seconds_each=0.03)
    assert [line.split(",")[0] for line in lines] == [
        f"{100 * tenth}/1000 images ({10 * tenth} %)" for tenth in range(1, 11)
    ]


def test_a_slow_run_is_told_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], seconds: list[float]
) -> None:
    lines = lines_of(capsys, seconds, number=1000, seconds_each=4)
    assert 333 <= len(lines) <= 333 + 10  # each tenth may add one


def test_a_run_under_a_second_is_told_by_its_end_alone(
    capsys: pytest.CaptureFixture[str], seconds: list[float]
) -> None:
    assert lines_of(capsys, seconds, number=1000, seconds_each=0.0005) == []


def test_a_line_tells_rate_and_time_left(
    capsys: pytest.CaptureFixture[str], seconds: list[float]
) -> None:
    lines = lines_of(capsys, seconds, number=1000, seconds_each=2)
    assert lines[49] == "250/1000 images (25 %), 0.5 images/s, 25:00 left"


def test_hours_are_told_as_hours(capsys: pytest.CaptureFixture[str], seconds: list[float]) -> None:
    lines = lines_of(capsys, seconds, number=1000, seconds_each=20)
    assert lines[0] == "1/1000 images (0 %), 0.1 images/s, 5:33:00 left"
