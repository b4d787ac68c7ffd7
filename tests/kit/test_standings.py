"""`kit leaderboard` and `kit power` on stored predictions: intervals, groups, shake-up."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from kit.bundles import read
from kit.digests import digests_of
from kit.standings.boards import DATA
from tests.support.kit import ROOT, Kit

BUNDLE = ROOT / "sample_data/hybrid"
NAMES = ("dinov2_ensemble", "bioclip_wings", "constant")  # the best first


@pytest.fixture
def runs(kit: Kit) -> Path:
    """runs/ with a run of three submissions, as `kit run` would leave them."""
    bundle = read(BUNDLE)
    task = bundle.tasks[0]
    digests = digests_of({name: getattr(task, name) for name in DATA})
    for hour, name in enumerate(NAMES):
        folder = Path("runs", name).absolute()
        folder.mkdir(parents=True)
        stored = ROOT / "tests/scores" / name / "development"
        shutil.copy(stored.with_suffix(".predictions.txt"), folder / "predictions.txt")
        scores = json.loads(stored.with_suffix(".json").read_text(encoding="utf-8"))["scores"]
        cells = [
            {"key": column.key, "title": column.title, "value": scores[column.key],
             "shown": f"{scores[column.key]:.4f}", "sorting": column.sorting, "hidden": False,
             "primary": column.index == bundle.primary_index}
            for column in bundle.columns
        ]  # fmt: skip
        record = {
            "format": 1, "submission": name, "track": "hybrid", "bundle": bundle.title,
            "bundle_path": str(BUNDLE), "task": {"index": task.index, "name": task.name},
            "ok": True, "failure": "", "leaderboard": cells,
            "digests": digests | {"submission": name}, "scores": scores,
            "started": f"2026-11-27T1{hour}:00:00+00:00", "folder": str(folder),
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return Path("runs")


def board(kit: Kit, *options: str) -> dict[str, Any]:
    (found,) = kit("leaderboard", *options, "--json").json["boards"]
    return dict(found)


def test_entries_have_intervals_and_letters_of_what_is_not_separable(kit: Kit, runs: Path) -> None:
    entries = board(kit)["entries"]
    assert [entry["submission"] for entry in entries] == [*NAMES]
    assert [entry["groups"] for entry in entries] == ["a", "a", ""]
    for entry in entries[:2]:
        low, high = entry["interval"]
        assert low < entry["scores"]["challenge_score"] < high
        assert 0 < entry["shake_up"]["first_private"] < 1
    assert entries[2]["shake_up"]["first_private"] == 0
    shown = kit("leaderboard", "--shake-up").out
    assert "95 % interval" in shown
    assert "leads public" in shown


def test_the_page_holds_every_board_and_nothing_from_outside(kit: Kit, runs: Path) -> None:
    answer = kit("leaderboard", "constant", "bioclip_wings", "--html", "board.html")
    assert answer.status == 0, answer.text
    assert "dinov2_ensemble" not in answer.out
    page = Path("board.html").read_text(encoding="utf-8")
    assert page.index("bioclip_wings") < page.index("constant")
    assert "95 % interval" in page
    for outside in ("http:", "https:", "<script", "<link", "@import", "src="):
        assert outside not in page
    kit("leaderboard", "no_such", "--html", "board.html")
    assert "No run has ended here yet." in Path("board.html").read_text(encoding="utf-8")


def test_what_has_no_predictions_left_is_ranked_without_an_interval(kit: Kit, runs: Path) -> None:
    kit("leaderboard", "--quick")
    shutil.rmtree(runs / NAMES[1])
    entries = board(kit)["entries"]
    assert [entry["groups"] for entry in entries] == ["", "", ""]
    assert entries[1]["interval"] == [None, None]
    for name in (NAMES[0], NAMES[2]):
        shutil.rmtree(runs / name)
    assert "no predictions.txt of these runs" in board(kit)["no_intervals"]
    assert "No intervals: no predictions" in kit("leaderboard").out
    assert board(kit, "--quick")["no_intervals"] is None


def test_data_that_have_changed_give_no_interval(kit: Kit, runs: Path) -> None:
    for path in runs.glob("*/run.json"):
        record = json.loads(path.read_text())
        record["digests"]["reference_data"] = "0" * 64
        path.write_text(json.dumps(record))
    assert "have changed or are gone" in board(kit)["no_intervals"]


def test_power_says_how_many_images_a_difference_needs(kit: Kit, runs: Path) -> None:
    given = ("power", "dinov2_ensemble", "bioclip_wings", "--difference")
    answer = kit(*given, "0.05", "--json").json
    assert answer["difference"] > 0
    assert answer["separable"] is False
    assert answer["smallest"] > answer["difference"]
    half = kit(*given, "0.025", "--json").json
    assert half["needed_units"] == pytest.approx(4 * answer["needed_units"], rel=0.01)
    shown = kit(*given, "0.05").out
    assert "within noise" in shown
    assert f"0.05 from {answer['needed_units']:,} groups of images (by CAMID)" in shown


def test_power_of_what_was_not_run_says_what_to_type(kit: Kit, runs: Path) -> None:
    answer = kit("power", "constant", "nosuch")
    assert answer.status == 2
    assert "expected a run of each on the same data" in answer.text
    assert "kit run constant, kit run nosuch" in answer.text
    assert kit("power", "constant", "constant").status == 2
    assert kit("power", "constant", "bioclip_wings", "--difference", "0").status == 2


def test_power_of_two_equal_submissions_says_so(kit: Kit, runs: Path) -> None:
    shutil.copy(runs / "constant/predictions.txt", runs / "bioclip_wings/predictions.txt")
    answer = kit("power", "constant", "bioclip_wings")
    assert answer.status == 0, answer.text
    assert "no number of images tells them apart" in answer.out
