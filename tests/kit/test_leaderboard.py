"""`kit leaderboard`: the platform's order, groups, the page, and how a submission moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.history import Entry
from kit.ranking import Board, boards, groups
from tests.support.kit import Kit
from tests.support.small_bundle import IMAGES, make_anomaly_bundle


def entry(
    name: str, *values: float | None, started: str = "2027-03-01", reference: str = "a"
) -> Entry:
    """A run with a first column, of which more is better, and a second, of which less is."""
    cells = [
        {"key": key, "title": key, "value": value, "shown": f"{value}", "sorting": sorting}
        for key, value, sorting in zip(("up", "down"), values, ("desc", "asc"), strict=False)
    ]
    record = {
        "submission": name,
        "bundle": "B",
        "task": {"name": "T"},
        "leaderboard": cells,
        "started": started,
        "digests": {"reference_data": reference},
    }
    return Entry(f"{name}-{started}", "", record)


def ranked(*found: Entry, best_only: bool = True) -> list[str]:
    (board,) = boards(found, best_only)
    return [one.run_id for one in board.entries]


def test_ties_go_to_the_next_column_and_then_to_the_earlier_run() -> None:
    found = [
        entry("late", 0.5, 0.2, started="2027-03-03"),
        entry("early", 0.5, 0.2, started="2027-03-02"),
        entry("next", 0.5, 0.1, started="2027-03-04"),
        entry("none", None, 0.0),
        entry("first", 0.6, 0.9),
    ]
    names = [run.split("-")[0] for run in ranked(*found)]
    assert names == ["first", "next", "early", "late", "none"]


def test_the_column_that_ranks_comes_first_wherever_it_stands() -> None:
    found = [entry("a", 0.9, 0.5), entry("b", 0.1, 0.4)]
    for one in found:
        one.record["leaderboard"][0]["ranks"] = False
        one.record["leaderboard"][1]["ranks"] = True
    assert [run[0] for run in ranked(*found)] == ["b", "a"]


def test_a_submission_has_its_best_run_or_all() -> None:
    found = [
        entry("a", 0.5, started="2027-03-01"),
        entry("a", 0.7, started="2027-03-02"),
        entry("a", 0.6, started="2027-03-03"),
    ]
    assert ranked(*found) == ["a-2027-03-02"]
    days = [run[-2:] for run in ranked(*found, best_only=False)]
    assert days == ["02", "03", "01"]


def test_runs_on_other_reference_data_do_not_compare() -> None:
    (board,) = boards(
        [entry("old", 0.9, reference="b"), entry("new", 0.5, started="2027-03-02")], True
    )
    assert [one.record["submission"] for one in board.entries] == ["new"]
    assert board.left_out == 1


def test_a_group_ends_where_its_first_is_better_beyond_noise() -> None:
    found = [entry(name, 0.5) for name in "abcde"]
    apart = {("a", "b"): False, ("a", "c"): True, ("c", "d"): None, ("c", "e"): False}

    def separable(first: Entry, second: Entry) -> bool | None:
        return apart[first.record["submission"], second.record["submission"]]

    assert groups(Board("B", "T", tuple(found), 0), separable) == [1, 1, 2, None, 2]


@pytest.fixture
def runs(tmp_path: Path, in_empty_folder: Path) -> Path:
    """Three runs on a small bundle, written as `kit run` leaves them."""
    bundle = make_anomaly_bundle(tmp_path / "small")
    widths = [20 + 40 * (n % 4 > 1) + (n * 7) % 50 for n in range(IMAGES)]
    for name, sign, auroc, day in (
        ("wide", 1, 0.8, "01"), ("close", 1, 0.79, "02"), ("narrow", -1, 0.2, "03"),
    ):  # fmt: skip
        folder = Path("runs") / f"{day}-{name}"
        folder.mkdir(parents=True)
        rows = "".join(f"{n:02}.png,{sign * width / 100}\n" for n, width in enumerate(widths))
        (folder / "predictions.txt").write_text(rows)
        record: dict[str, Any] = {
            **entry(name, auroc, started=f"2027-03-{day}").record,
            "format": 1,
            "ok": True,
            "bundle_path": str(bundle),
            "scores": {"auroc": auroc},
            "task": {"name": "Only task", "index": 0},
        }
        record["leaderboard"][0]["key"] = "auroc"
        (folder / "run.json").write_text(json.dumps(record))
    return bundle


@pytest.mark.process
def test_the_board_has_intervals_groups_and_a_page(kit: Kit, runs: Path) -> None:
    answer = kit("leaderboard", "--track", "anomaly", "--html", "board.html", "--json")
    assert answer.status == 0, answer.err
    (board,) = answer.json["boards"]
    found = [(row["submission"], row["rank"], row["group"]) for row in board["runs"]]
    assert found == [("wide", 1, 1), ("close", 2, 1), ("narrow", 3, 2)]
    low, high = map(float, board["runs"][0]["interval"].split(" to "))
    assert 0 < low < high <= 1
    page = Path("board.html").read_text(encoding="utf-8")
    assert page.index("wide") < page.index("close") < page.index("narrow")
    assert "http" not in page


def test_the_board_is_filtered_and_quick(kit: Kit, runs: Path) -> None:
    assert kit("leaderboard", "--track", "reid", "--quick", "--json").json["boards"] == []
    (board,) = kit("leaderboard", "close", "--quick", "--json").json["boards"]
    assert [row["submission"] for row in board["runs"]] == ["close"]
    shown = kit("leaderboard", "--quick")
    assert "B, Only task" in shown.out
    assert "narrow" in shown.out


def test_since_shows_how_a_submission_moved(kit: Kit, runs: Path) -> None:
    for day, value in (("05", 0.85), ("06", 0.7)):
        folder = Path("runs") / f"{day}-wide"
        folder.mkdir()
        record = json.loads(Path("runs/01-wide/run.json").read_text())
        record["started"] = f"2027-03-{day}"
        record["leaderboard"][0]["value"] = value
        (folder / "run.json").write_text(json.dumps(record))
    found = kit("leaderboard", "wide", "--since", "2027-03-02", "--json").json["moves"]
    assert [(row["started"], row["moved"]) for row in found] == [
        ("2027-03-05", "+0.0500"), ("2027-03-06", "-0.1500"),
    ]  # fmt: skip
    assert "-0.1500" in kit("leaderboard", "--since", "2027-03-02").out
    wrong = kit("leaderboard", "--since", "yesterday")
    assert wrong.status == 2
    assert "expected a date" in wrong.text


@pytest.mark.process
def test_a_run_is_in_the_history_at_once(kit: Kit, bundle: Path, submission: Path) -> None:
    assert kit("run", submission, "--bundle", bundle, "--json").status == 0
    (board,) = kit("leaderboard", "--quick", "--json").json["boards"]
    assert board["runs"][0]["submission"] == "wide"
    assert Path("runs/history.sqlite").is_file()
    assert kit("run", submission, "--bundle", bundle, "--out", "elsewhere", "--json").status == 0
    assert len(kit("leaderboard", "--quick", "--all", "--json").json["boards"][0]["runs"]) == 1
