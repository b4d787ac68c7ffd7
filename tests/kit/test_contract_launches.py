"""Contracts that start a submission in another way: a script, a script with arguments, arrays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.kit import Kit
from tests.support.launched_contracts import (
    FLOODS,
    Make,
    changed,
    home,
    make_array_bundle,
    make_flood_bundle,
)

MADE: dict[str, tuple[Make, str, dict[str, float]]] = {
    "iharp-floods": (make_flood_bundle, "model.py", {"acc": 0.5, "n": FLOODS}),
    "a3d3-forecasting": (make_array_bundle, "model.py", {"total_MSR": 1.0}),
    "snakeclef-script": (
        home("snakeclef-script"), "script.py",
        {"track1": 48.48, "track2": 5.0, "f1": 33.33, "accuracy": 50.0},
    ),
    "fungiclef-script": (
        home("fungiclef-script"), "script.py",
        {"track1": 0.5, "track2": 0.0, "track3": 0.5, "track4": 5.0, "f1": 33.33},
    ),
}  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize("name", MADE)
def test_a_new_submission_is_checked_run_and_compared(kit: Kit, name: str, tmp_path: Path) -> None:
    make, code, scores = MADE[name]
    bundle = make(tmp_path / "bundle")
    made = kit("new", "mine", "--bundle", bundle)
    assert made.status == 0, made.text
    assert f"edit {code}" in made.text
    checked = kit("check", "mine", "--bundle", bundle, "--json")
    assert checked.json["findings"] == []
    assert {"own program", "scores"} <= set(checked.json["checks"])
    ran = kit("run", "mine", "--bundle", bundle, "--json").json
    assert ran["ok"], ran["failure"]
    assert ran["scores"] == pytest.approx(scores)
    assert ran["notes"] == []
    assert kit("compare", "--update", "mine", "--bundle", bundle).status == 0
    for against in ([], ["--against", ran["folder"]]):
        again = kit("compare", "mine", "--bundle", bundle, *against, "--json")
        assert again.json["comparisons"][0]["verdict"] == "identical"
    assert kit("pack", "mine", "--bundle", bundle).status == 0
    assert kit("check", "dist/mine.zip", "--bundle", bundle, "--json").json["findings"] == []


@pytest.mark.process
@pytest.mark.parametrize("name", MADE)
def test_there_is_one_message_in_place_of_a_report(kit: Kit, name: str, tmp_path: Path) -> None:
    bundle = MADE[name][0](tmp_path / "bundle")
    kit("new", "mine", "--bundle", bundle)
    assert kit("run", "mine", "--bundle", bundle).status == 0
    report = kit("report", "mine")
    assert report.status == 1
    assert "of which there is no report" in report.text
    board = kit("leaderboard", "--json").json["boards"][0]
    assert [one["submission"] for one in board["entries"]] == ["mine"]
    assert "no predictions.txt" in board["no_intervals"]
    power = kit("power", "mine")
    assert power.status in (1, 2)
    assert "Traceback" not in power.text


@pytest.mark.process
def test_what_a_script_printed_is_told_with_its_line(kit: Kit, tmp_path: Path) -> None:
    change = ("return 0.5", "return {}['a']")
    (finding,) = changed(kit, make_flood_bundle(tmp_path / "bundle"), "model.py", change)
    assert finding["file"] == "model.py"
    assert finding["line"]
    ran = kit("run", "mine", "--bundle", tmp_path / "bundle")
    assert "prediction_ingestion_stdout.txt: Traceback" in ran.text
    assert "KeyError: 'a'" in ran.text


@pytest.mark.process
def test_labels_and_whole_numbers_of_pandas_are_taken(kit: Kit, tmp_path: Path) -> None:
    bundle = make_flood_bundle(tmp_path / "bundle")
    changes = (('"id,y_prob\\n"', '"id,label\\n"'), ("{predict(row):.6f}", "1.0"))
    assert changed(kit, bundle, "model.py", *changes) == []
    ran = kit("run", "mine", "--bundle", bundle, "--json").json
    kit("compare", "--update", "mine", "--bundle", bundle)
    (found,) = kit("compare", "mine", "--bundle", bundle, "--json").json["comparisons"]
    assert (ran["scores"]["acc"], found["predictions"]["images"]) == (0.5, FLOODS)


@pytest.mark.process
def test_ids_that_are_not_scored_do_no_harm_and_hidden_truth_says_nothing(
    kit: Kit, tmp_path: Path
) -> None:
    bundle = make_flood_bundle(tmp_path / "bundle")
    truth = bundle / "reference_data/y_test.csv"
    truth.write_text("".join(truth.read_text().splitlines(keepends=True)[:3]))
    few = ("csv.DictReader(index)", "list(csv.DictReader(index))[1:]")
    (finding,) = changed(kit, bundle, "model.py", few)
    assert finding["found"] == "id without a prediction: 0"
    for content in (b"id,y_true\n0,1\n\x85,\x85\n", b"y_true\n1\n"):
        truth.write_bytes(content)
        answer = kit("check", "mine", "--bundle", bundle, "--json").json
        assert "own program" in answer["checks"]
        assert {one["code"] for one in answer["findings"]} <= {"run-fails"}


def test_shared_packages_are_imported_by_the_script(kit: Kit, tmp_path: Path) -> None:
    bundle = home("fungiclef-script")(tmp_path / "bundle")
    assert kit("new", "mine", "--bundle", bundle, "--with", "wildlife_image").status == 0
    script = Path("submissions/mine/script.py").read_text()
    assert "import wildlife_image" in script
    assert kit("vendor", "--check", "mine").status == 0
    unknown = kit("pack", "mine")
    assert unknown.status == 1
    assert "model.py: expected at the root of the submission" in unknown.text


def test_requirements_that_nobody_installs_are_told(kit: Kit, tmp_path: Path) -> None:
    bundle = make_flood_bundle(tmp_path / "bundle")
    kit("new", "mine", "--bundle", bundle)
    Path("submissions/mine/requirements.txt").write_text("# models\ncatboost>=1.2\n\nscipy\n")
    answer = kit("check", "mine", "--bundle", bundle, "--quick", "--json").json
    (finding,) = answer["findings"]
    assert (finding["code"], finding["severity"]) == ("requirement-unread", "warning")
    assert finding["found"].endswith("installs nothing of it: catboost>=1.2, scipy")


@pytest.mark.parametrize("name", ["iharp-floods", "snakeclef-script"])
def test_the_file_that_is_started_has_to_be_there(kit: Kit, name: str, tmp_path: Path) -> None:
    make, code, _ = MADE[name]
    bundle = make(tmp_path / "bundle")
    kit("new", "mine", "--bundle", bundle)
    folder = Path("submissions/mine")
    (folder / "code").mkdir()
    (folder / code).rename(folder / "code" / code)
    (finding,) = kit("check", folder, "--bundle", bundle, "--json").json["findings"]
    assert (finding["code"], finding["file"]) == ("model-missing", code)
    assert "found under code/; the bundle's program starts it: python" in finding["found"]


def test_hidden_data_that_cannot_be_drawn_are_told(kit: Kit, tmp_path: Path) -> None:
    bundle = make_flood_bundle(tmp_path / "bundle")
    shutil.rmtree(bundle / "input_data")
    kit("new", "mine", "--bundle", bundle)
    skipped = kit("check", "mine", "--bundle", bundle, "--json").json["skipped"]
    assert skipped[0]["why"] == "the bundle's input data are hidden"


@pytest.mark.process
def test_a_model_with_a_name_is_made_with_it(kit: Kit, tmp_path: Path) -> None:
    bundle = make_array_bundle(tmp_path / "bundle")
    assert changed(kit, bundle, "model.py", (' = "affi"', "")) == []
    shutil.rmtree(bundle / "input_data")  # drawn then
    assert kit("check", "mine", "--bundle", bundle, "--json").json["findings"] == []
    text = Path("submissions/mine/model.py").read_text()
    wrong = text.replace("return forecast", "return forecast[0]")
    Path("submissions/mine/model.py").write_text(wrong)
    found = kit("check", "mine", "--bundle", bundle, "--json").json["findings"]
    assert "expected the shape (3, 20, 239), found (20, 239)" in found[0]["found"]


def test_arrays_are_no_file_of_predictions(kit: Kit, tmp_path: Path) -> None:
    bundle = make_array_bundle(tmp_path / "bundle")
    kit("new", "mine", "--bundle", bundle)
    (tmp_path / "p.txt").write_text("a,1\n")
    options = ("--predictions", tmp_path / "p.txt", "--against", tmp_path / "p.txt")
    answer = kit("compare", "mine", "--bundle", bundle, *options)
    assert answer.status in (1, 2)
    assert "expected a contract with one file of predictions" in answer.text


@pytest.mark.process
def test_another_class_is_another_label(kit: Kit, tmp_path: Path) -> None:
    """A class whose number is near is as wrong as any; noise moves scores only."""
    bundle = home("snakeclef-script")(tmp_path / "bundle")
    kit("new", "mine", "--bundle", bundle)
    assert kit("compare", "--update", "mine", "--bundle", bundle).status == 0
    changed(kit, bundle, "script.py", ("return 0", "return 1"))
    (found,) = kit("compare", "mine", "--bundle", bundle, "--json").json["comparisons"]
    assert (found["predictions"]["kind"], found["predictions"]["changed"]) == ("label", 2)
