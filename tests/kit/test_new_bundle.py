"""`kit new-bundle`: a competition that is checked, run and packed as it is."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
import yaml

from kit.bundle_scaffold import TEMPLATE, new_bundle
from kit.checks.bundle.folder import check_bundle
from kit.competition import read_competition
from tests.support.kit import ROOT, Kit
from tests.support.repository import tracked


def test_the_commands_of_the_page_work(kit: Kit) -> None:
    """Make one, check it, run two submissions on it, pack it, and run the zip's other task."""
    made = kit("new-bundle", "leaves", "--json")
    assert "competition.yaml" in made.json["files"]
    checked = kit("check", "leaves", "--strict", "--json")
    assert (checked.status, checked.json["findings"]) == (0, [])
    run = kit("run", "leaves/starting_kit", "--bundle", "leaves", "--json")
    assert run.status == 0, run.text
    assert 0 < run.json["scores"]["mean_error"] < 0.3
    assert Path(run.json["report"]).is_file()
    assert kit("run", "constant", "--bundle", "leaves").status == 0
    submission = kit("check", "leaves/starting_kit", "--bundle", "leaves", "--json")
    assert (submission.status, submission.json["findings"]) == (0, [])
    assert kit("pack", "leaves/starting_kit", "--bundle", "leaves").status == 0
    packed = kit("bundle", "leaves")
    assert packed.status == 0, packed.text
    zip_path = "dist/leaves_bundle.zip"
    assert kit("run", "leaves/starting_kit", "--bundle", zip_path, "--task", "final").status == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return row.histogram()[0] / row.width", "return float('nan')", "a finite number"),
        ("return row.histogram()[0] / row.width", "return 'half'", "a finite number"),
        ("class Model", "class Other", "no attribute 'Model'"),
    ],
)
def test_a_bad_submission_is_told_so(kit: Kit, old: str, new: str, message: str) -> None:
    kit("new-bundle", "leaves")
    model = Path("leaves/starting_kit/model.py")
    model.write_text(model.read_text().replace(old, new))
    answer = kit("run", model.parent, "--bundle", "leaves")
    assert answer.status == 1
    assert message in answer.text


def test_predictions_that_are_not_whole_have_no_score(kit: Kit, tmp_path: Path) -> None:
    folder = Path("leaves")
    new_bundle(folder, date(2026, 1, 31))
    table = folder / "reference_data/development/reference.csv"
    rows = table.read_text().replace("leaf_001", "leaf_000")
    table.write_text(rows)
    answer = kit("run", folder / "starting_kit", "--bundle", folder)
    assert answer.status == 1
    assert "leaf_000.png: no prediction" in answer.text
    assert "leaf_001.png: no such image" in answer.text


def test_the_dates_are_to_come(tmp_path: Path) -> None:
    new_bundle(tmp_path / "b", date(2026, 12, 31))
    phases = read_competition(tmp_path / "b").phases()
    assert [phase["start"][:10] for _, phase in phases] == ["2027-02-01", "2027-04-03"]
    assert not [item.code for item in check_bundle(tmp_path / "b").findings if "date" in item.code]


def test_what_is_there_is_kept(kit: Kit, tmp_path: Path) -> None:
    Path("leaves").mkdir()
    answer = kit("new-bundle", "leaves")
    assert answer.status == 2
    assert "exists already" in answer.text
    Path("file").write_text("")
    assert kit("new-bundle", ".").status == 2
    assert kit("new-bundle", "file/leaves").status == 1
    assert kit("new-bundle", "x" * 300).status == 1


def test_the_template_ships_with_the_package() -> None:
    files = [path for path in TEMPLATE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert set(files) <= set(tracked("kit/bundle_template/*"))
    assert TEMPLATE.parent.name == "kit"


def test_the_page_explains_every_key_of_the_template() -> None:
    page = (ROOT / "docs/pages/organisers.md").read_text(encoding="utf-8")
    content = yaml.safe_load((TEMPLATE / "competition.yaml").read_text(encoding="utf-8"))
    keys = {*content, *content["phases"][0]} - {"index", "name", "start", "end", "description"}
    assert not [key for key in sorted(keys) if f"`{key}" not in page]


def test_the_truth_lies_between_nothing_and_everything() -> None:
    for path in TEMPLATE.rglob("reference.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            assert all(0 <= float(row["eaten"]) <= 1 for row in csv.DictReader(stream))
