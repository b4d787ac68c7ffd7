"""`kit compare` in a team's own repository: what is stored, verdicts, sources of predictions."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.regression.store import Kept, machine_type, store_of
from tests.support.kit import ROOT, Answer, Kit, make_bundle, make_submission
from tests.support.small_bundle import IMAGES, make_anomaly_bundle, make_wide_submission

MINE = "submissions/mine"


@pytest.fixture
def team(kit: Kit, tmp_path: Path) -> Kit:
    """The command line in a repository with the submission `mine`, next to a small bundle."""
    make_anomaly_bundle(tmp_path / "small")
    make_wide_submission(Path(MINE))
    return kit


def compare(kit: Kit, *arguments: str | Path) -> Answer:
    return kit("compare", MINE, "--bundle", "../small", *arguments)


def one(answer: Answer) -> dict[str, Any]:
    """The one comparison of an answer."""
    (found,) = answer.json["comparisons"]
    assert isinstance(found, dict)
    return found


STORED = Path("scores/mine/small/only-task.json")


@pytest.mark.process
def test_a_submission_is_stored_compared_made_worse_and_found_out(team: Kit) -> None:
    missing = compare(team)
    assert missing.status == 2
    assert "mine: no stored scores" in missing.text
    assert "To do: kit compare --update mine" in missing.text

    first = compare(team, "--update")
    assert first.status == 0, first.err
    assert "mine Only task: auroc" in first.text
    assert "(new)" in first.text
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert stored["machine"] == machine_type()
    assert set(stored["digests"]) >= {"submission", "input_data", "reference_data"}

    same = one(compare(team, "--json"))
    assert same["verdict"] == "identical"
    assert same["predictions"]["changed"] == 0
    assert same["notes"] == []

    make_wide_submission(Path(MINE), "-1")
    answer = compare(team, "--json")
    assert answer.status == 1
    assert not answer.json["ok"]
    worse = one(answer)
    assert worse["verdict"] == "worse"
    assert worse["fallen"][0] == "auroc"
    assert worse["metrics"][0]["p_fall"] == 1.0
    assert (worse["grouped_by"], worse["units"]) == ("sequence", 30)
    assert worse["images"][0]["credit_stored"] > worse["images"][0]["credit_new"]

    moved = compare(team, "--update")
    assert moved.status == 0
    assert "auroc 0." in moved.text
    assert "-> 0." in moved.text
    assert "60 of 60 predictions" in moved.text


@pytest.mark.process
def test_predictions_come_from_a_run_a_file_or_a_git_revision(team: Kit) -> None:
    assert compare(team, "--update").status == 0
    good = STORED.with_suffix(".predictions.txt")
    for words in (("init", "-q"), ("add", "scores"), ("commit", "-q", "-m", "scores")):
        git(*words)
    run = team("run", MINE, "--bundle", "../small", "--out", "runs/good", "--json")
    assert run.status == 0, run.err
    poor = Path("poor.txt")
    poor.write_text("".join(f"{line.split(',')[0]},0.5\n" for line in good.read_text().split()))

    found = compare(team, "--predictions", poor)
    assert found.status == 1
    assert "WORSE" in found.out
    assert "Beyond noise: AUROC" in found.out
    assert "30 units (column sequence)" in found.out
    assert "Image that lost" in found.out
    risen = compare(team, "--predictions", "good", "--against", poor, "--json")
    assert one(risen)["verdict"] == "better"
    shutil.copyfile(poor, good)
    at_head = one(compare(team, "--predictions", "good", "--against", "git:HEAD", "--json"))
    assert at_head["verdict"] == "identical"
    assert at_head["against"] == "git:HEAD"
    gone = compare(team, "--predictions", "good", "--against", "git:nowhere")
    assert gone.status == 2
    assert "at git:nowhere, found none" in gone.text


def give(monkeypatch: pytest.MonkeyPatch, sign: float, **changed: Any) -> Kept:
    """Let a run give the widths times `sign`, without running anything."""
    widths = [20 + 40 * (n % 4 > 1) + (n * 7) % 50 for n in range(IMAGES)]
    text = "".join(f"{n:02}.png,{sign * width / 100:.4f}\n" for n, width in enumerate(widths))
    scores = dict.fromkeys(("auroc", "average_precision", "fpr_at_95_tpr", "recall_at_95_tnr"), 0.5)
    kept = replace(Kept(text, scores, {"reference_data": "a"}, machine_type(), "a run"), **changed)
    monkeypatch.setattr("kit.regression.session.run_case", lambda case, tick: kept)
    return kept


def test_another_scale_of_the_scores_is_equal(team: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, 1)
    assert compare(team, "--update").status == 0
    give(monkeypatch, 2)
    found = one(compare(team, "--json"))
    assert found["verdict"] == "equal within tolerance"
    assert not found["predictions"]["within_tolerance"]
    give(monkeypatch, 1.000001)  # a change of the sixth decimal
    assert "unchanged" in compare(team, "--update").out


def test_changed_data_and_another_machine_are_said(
    team: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, 1)
    assert compare(team, "--update").status == 0
    give(monkeypatch, 1, digests={"reference_data": "b"}, machine={"system": "another"})
    notes = " ".join(one(compare(team, "--json"))["notes"])
    assert "changed since the scores were stored: reference data" in notes
    assert "another type of machine" in notes
    kept = give(monkeypatch, 1)
    give(monkeypatch, 1, predictions=kept.predictions.replace("00.png,0.2000", "00.png,0.2100"))
    assert "byte for byte" in " ".join(one(compare(team, "--json"))["notes"])


def git(*words: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


@pytest.mark.process
def test_an_organisers_own_metric_has_no_interval_and_any_fall_counts(
    kit: Kit, bundle: Path
) -> None:
    make_submission(Path("submissions/wide"))
    options = ("compare", "submissions/wide", "--bundle", bundle)
    assert kit(*options, "--update").status == 0
    assert Path("scores/wide/bundle/only-task.json").is_file()
    assert one(kit(*options, "--json"))["verdict"] == "identical"
    model = Path("submissions/wide/model.py")
    model.write_text(model.read_text().replace("/ 100", "/ 170"))
    answer = kit(*options, "--json")
    assert answer.status == 1
    found = one(answer)
    assert found["verdict"] == "worse"
    assert found["metrics"][0]["p_fall"] is None
    assert "any fall counts as worse" in found["notes"][0]


@pytest.mark.process
def test_a_submission_that_fails_does_not_hide_the_others(kit: Kit, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    make_submission(Path("submissions/good"))
    make_submission(Path("submissions/bad"), "raise SystemExit('no')")
    both = ("compare", "submissions/bad", "submissions/good", "--bundle", bundle)
    answer = kit(*both, "--update", "--json")
    assert answer.status == 1
    assert [row["submission"] for row in answer.json["updated"]] == ["good"]
    (failure,) = answer.json["failures"]
    assert failure["submission"] == "bad"
    assert "ended with exit status" in failure["message"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--against", "nothing"), "expected a file of predictions, a run"),
        (("--update", "--predictions", "x"), "leave out --against, --predictions"),
        (("--bundle", "nowhere"), "expected a bundle (a folder or a zip)"),
    ],
)
def test_options_that_lead_nowhere(kit: Kit, options: tuple[str, ...], problem: str) -> None:
    make_wide_submission(Path(MINE))
    answer = kit("compare", MINE, *options)
    assert answer.status == 2
    assert problem in answer.text


def test_a_file_is_of_one_submission_and_one_task(kit: Kit) -> None:
    make_wide_submission(Path(MINE))
    Path("p.txt").write_text("a.jpg,1\n")
    two = kit("compare", "constant", "always_new", "--predictions", "p.txt")
    assert two.status == 2
    assert "expected one submission to compare with a file or a run, found 2" in two.text
    unclear = kit("compare", MINE, "--predictions", "p.txt")
    assert unclear.status == 2
    assert "--task" in unclear.text


def test_the_store_is_next_to_the_submissions_or_in_tests(tmp_path: Path) -> None:
    assert store_of(tmp_path) == tmp_path / "scores"
    (tmp_path / "tests/scores").mkdir(parents=True)
    assert store_of(tmp_path) == tmp_path / "tests/scores"
    assert store_of(ROOT) == ROOT / "tests/scores"
