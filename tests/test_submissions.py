"""Every folder of submissions/ is tested by being there: contract, equality of paths, scores."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from kit import submissions
from kit.shipping import shipped
from kit_builders import Kit
from score_store import (
    ROOT,
    Case,
    bundle_folder,
    cases,
    machine_type,
    readme_table,
    run_case,
)

SUBMISSIONS = [pytest.param(item, id=item.name) for item in submissions.discover()]
CASES = [pytest.param(case, id=f"{case.name}-{case.task}") for case in cases()]
# The fourth decimal: what another processor or package version may move.
TOLERANCE = 1e-4


def odd_pictures(folder: Path) -> None:
    """Pictures of every mode and of extreme sizes, under odd names."""
    base = Image.linear_gradient("L").resize((120, 80))
    colour = Image.merge("RGB", (base, base.transpose(Image.Transpose.ROTATE_180), base))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    colour.save(folder / "exif.jpg", exif=exif)
    base.save(folder / "grey.jpg")
    colour.convert("CMYK").save(folder / "cmyk.jpg")
    colour.convert("P").save(folder / "palette.png")
    colour.convert("RGBA").save(folder / "rgba.png")
    colour.convert("LA").save(folder / "la.png")
    base.convert("I;16").save(folder / "sixteen.png")
    base.convert("1").save(folder / "one_bit.png")
    colour.resize((1, 1)).save(folder / "one_pixel.png")
    colour.resize((3000, 2)).save(folder / "wide.png")
    colour.save(folder / 'a name, with "quotes" and ümläut.jpg')


def ingest(pictures: Path, output: Path, submission: Path, **env: str) -> list[list[str]]:
    """Run the ingestion program; return the rows of its predictions."""
    output.mkdir(exist_ok=True)
    program = ROOT / "ingestion_program"
    ended = subprocess.run(
        [sys.executable, program / "ingestion.py", pictures, output, program, submission],
        env=os.environ | {"INGESTION_INSTALL": "never"} | env,
        capture_output=True,
        text=True,
        check=False,
        cwd=output,
    )
    assert ended.returncode == 0, ended.stderr
    with (output / "predictions.txt").open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_it_packs_without_a_problem(submission: submissions.Submission, kit: Kit) -> None:
    answer = kit("pack", submission.name, "--out", "x.zip")
    assert answer.status == 0, answer.err
    assert Path("x.zip").stat().st_size < 5.5e6


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_it_has_all_that_a_submission_here_has(submission: submissions.Submission) -> None:
    assert submissions.track_of(submission.path)
    assert submissions.metadata_of(submission.path).get("description")
    assert (submission.path / "README.md").is_file()
    shipment = shipped(submission.path)
    assert not shipment.secrets
    weights = [entry.name for entry in shipment.entries if entry.name.startswith("weights/")]
    assert bool(weights) == (submission.path / "weights.json").is_file()


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_batches_and_single_pictures_give_equal_predictions(
    submission: submissions.Submission, tmp_path: Path
) -> None:
    inputs = bundle_folder(submission) / "input_data"
    source = sorted(path for path in inputs.iterdir() if path.is_dir())[0]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    odd_pictures(pictures)
    for path in sorted(source.glob("*.jpg"))[:25]:
        (pictures / path.name).symlink_to(path)
    in_batches = ingest(pictures, tmp_path / "batches", submission.path)
    one_by_one = ingest(pictures, tmp_path / "single", submission.path, INGESTION_ONE_BY_ONE="1")
    assert in_batches == one_by_one
    assert len(in_batches) == 25 + 11


@pytest.mark.parametrize("case", CASES)
def test_predictions_and_scores_are_the_stored_ones(case: Case) -> None:
    mend = f"If this is meant, store them: python tests/score_store.py {case.name}"
    assert case.scores.is_file(), f"no stored scores. {mend}"
    stored = json.loads(case.scores.read_text())
    expected = case.predictions.read_text(encoding="utf-8")
    result = run_case(case)
    if stored["machine"] == machine_type():
        assert result.predictions == expected, f"predictions changed. {mend}"
        assert result.scores == stored["scores"], f"scores changed. {mend}"
    else:
        assert_close(result.predictions, expected)
        assert result.scores == pytest.approx(stored["scores"], abs=TOLERANCE), mend


def assert_close(predictions: str, expected: str) -> None:
    """Equal names; labels equal, scores equal to the fourth decimal."""
    rows = zip(csv.reader(predictions.splitlines()), csv.reader(expected.splitlines()), strict=True)
    for (name, answer), (stored_name, stored_answer) in rows:
        assert name == stored_name
        try:
            assert float(answer) == pytest.approx(float(stored_answer), abs=1.5 * TOLERANCE), name
        except ValueError:
            assert answer == stored_answer, name


def test_a_new_submission_without_stored_scores_fails_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("score_store.STORE", tmp_path)
    with pytest.raises(AssertionError, match=r"python tests/score_store\.py constant"):
        test_predictions_and_scores_are_the_stored_ones(Case("constant", "development"))


def test_the_readmes_table_is_what_is_stored() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_table() in readme, "write it anew: make scores"


def small_checkout(folder: Path) -> Path:
    """A checkout with one submission, so that nothing is made in this one."""
    for name in ("ingestion_program", "scoring_program", "sample_data"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "submissions/constant", folder / "submissions/constant")
    return folder


def test_kit_new_makes_a_submission_that_runs_at_once(kit: Kit) -> None:
    here = small_checkout(Path.cwd())
    answer = kit("new", "made_by_a_test", "--track", "hybrid", "--json")
    assert answer.status == 0, answer.err
    assert answer.json["folder"] == str(here / "submissions/made_by_a_test")
    assert kit("run", "made_by_a_test", "--json").json["ok"]
    again = kit("new", "made_by_a_test", "--track", "hybrid")
    assert again.status == 2
    assert "is there already" in again.text
    other = kit("new", "another", "--track", "family")
    assert other.status == 2
    assert "tracks with one: hybrid" in other.text


@pytest.mark.parametrize("name", ["Big", "with space", "../out", "9lives", "x" * 41])
def test_kit_new_refuses_names_that_do_not_fit(kit: Kit, name: str) -> None:
    assert kit("new", name, "--track", "hybrid").status == 2
