"""Every folder of submissions/ is tested by being there: contract, equality of paths, scores."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.stored_scores import (
    ROOT,
    Case,
    bundle_folder,
    cases,
    machine_type,
    readme_tables,
    run_case,
)
from kit import submissions
from kit.contract import LABEL_TRACKS
from kit.packing.shipping import shipped
from tests.support.ingestion_server import ingest
from tests.support.kit import Kit

SUBMISSIONS = [pytest.param(item, id=item.name) for item in submissions.discover()]


WITH_METADATA = [
    pytest.param(item, id=item.name)
    for item in submissions.discover()
    if list((bundle_folder(item) / "input_data").glob("*/metadata.csv"))
]
CASES = [pytest.param(case, id=f"{case.name}-{case.task}") for case in cases()]
# The fourth decimal: what another processor or package version may move.
TOLERANCE = 1e-4
# Of labels only few may differ there, and each one moves the scores by its individual's weight.
MOVED_LABELS = 0.02
LABEL_TOLERANCE = 0.04


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


def complete_metadata(source: Path, pictures: Path) -> None:
    """Where the task has a metadata.csv: a row for each picture, and for those that the task does
    not know an empty one, because the ingestion program refuses a table without their rows."""
    if not (source / "metadata.csv").is_file():
        return
    with (source / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        table = csv.DictReader(stream)
        columns = list(table.fieldnames or [])
        rows = {row["filename"]: row for row in table}
    names = sorted(path.name for path in pictures.iterdir())
    with (pictures / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.get(name, {"filename": name}) for name in names)


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
    complete_metadata(source, pictures)
    in_batches = ingest(pictures, submission.path, tmp_path / "batches")
    one_by_one = ingest(pictures, submission.path, tmp_path / "single", one_by_one=True)
    assert in_batches == one_by_one
    assert len(in_batches) == 25 + 11
    offered = "def explain_batch(" in (submission.path / "model.py").read_text(encoding="utf-8")
    assert (tmp_path / "batches/candidates.csv").is_file() == offered, "see the NOTE in its log"


@pytest.mark.parametrize("submission", WITH_METADATA)
def test_without_metadata_it_answers_too(
    submission: submissions.Submission, tmp_path: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    odd_pictures(pictures)
    answers = ingest(pictures, submission.path, tmp_path / "output")
    assert len(answers) == 11
    assert all(answer for _, answer in answers)


@pytest.mark.parametrize("case", CASES)
def test_predictions_and_scores_are_the_stored_ones(case: Case, tmp_path: Path, kit: Kit) -> None:
    mend = f"If this is meant, store them: python -m benchmarks.stored_scores {case.name}"
    assert case.scores.is_file(), f"no stored scores. {mend}"
    stored = json.loads(case.scores.read_text())
    expected = case.predictions.read_text(encoding="utf-8")
    bundle, output = ROOT / "sample_data" / case.track, tmp_path / "output"
    ingest(bundle / "input_data" / case.task, submissions.find(case.name).path, output)
    predictions = (output / "predictions.txt").read_text(encoding="utf-8")
    reference = bundle / "reference_data" / case.task / "ref.csv"
    answer = kit("score", str(output / "predictions.txt"), str(reference), "--json")
    assert answer.status == 0, answer.err
    scores = answer.json["scores"]
    if stored["machine"] == machine_type():
        assert predictions == expected, f"predictions changed. {mend}"
        assert scores == stored["scores"], f"scores changed. {mend}"
    else:
        labels = case.track in LABEL_TRACKS
        (assert_labels_close if labels else assert_scores_close)(predictions, expected)
        tolerance = LABEL_TOLERANCE if labels else TOLERANCE
        assert scores == pytest.approx(stored["scores"], abs=tolerance), mend


def joined(predictions: str, expected: str) -> list[tuple[str, str, str]]:
    """Name, answer and stored answer of each picture, of which both have the same."""
    rows = zip(csv.reader(predictions.splitlines()), csv.reader(expected.splitlines()), strict=True)
    found = []
    for (name, answer), (stored_name, stored_answer) in rows:
        assert name == stored_name
        found.append((name, answer, stored_answer))
    return found


def assert_scores_close(predictions: str, expected: str) -> None:
    for name, answer, stored in joined(predictions, expected):
        assert float(answer) == pytest.approx(float(stored), abs=1.5 * TOLERANCE), name


def assert_labels_close(predictions: str, expected: str) -> None:
    """A score next to the threshold may fall on its other side on another processor."""
    rows = joined(predictions, expected)
    moved = [name for name, answer, stored in rows if answer != stored]
    assert len(moved) <= max(1, MOVED_LABELS * len(rows)), moved


def test_a_new_submission_without_stored_scores_fails_with_the_command(
    tmp_path: Path, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.stored_scores.STORE", tmp_path)
    case = Case("constant", "hybrid", "development")
    with pytest.raises(AssertionError, match=r"python -m benchmarks\.stored_scores constant"):
        test_predictions_and_scores_are_the_stored_ones(case, tmp_path, kit)


def test_a_stored_score_is_what_kit_run_gives() -> None:
    case = Case("wing_pattern_sgd", "hybrid", "final")
    stored = json.loads(case.scores.read_text())
    if stored["machine"] != machine_type():
        pytest.skip("stored on another type of machine")
    assert run_case(case).scores == stored["scores"]


def test_the_readmes_tables_are_what_is_stored() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_tables() in readme, "write it anew: make scores"


def test_each_track_has_a_table_with_its_own_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hybrid = ("challenge_score", "A_score_major_recall", "A_score_minor_recall", "mimic_recall")
    reid = ("geometric_mean", "BAKS", "BAUS", "cat_BAKS")
    made = [
        (Case("poor", "reid", "final"), dict.fromkeys(reid, 0.1)),
        (Case("good", "reid", "final"), dict.fromkeys(reid, 0.7)),
        (Case("wings", "hybrid", "final"), dict.fromkeys(hybrid, 0.5)),
    ]
    monkeypatch.setattr("benchmarks.stored_scores.STORE", tmp_path)
    monkeypatch.setattr("benchmarks.stored_scores.cases", lambda: [case for case, _ in made])
    for case, scores in made:
        case.scores.parent.mkdir()
        case.scores.write_text(json.dumps({"scores": scores}))
    assert readme_tables().splitlines() == [
        "Track `hybrid`:",
        "",
        "| submission | task | challenge score | major recall | minor recall | mimic recall |",
        "|---|---|---:|---:|---:|---:|",
        "| [wings](submissions/wings/) | final | 0.5000 | 0.5000 | 0.5000 | 0.5000 |",
        "",
        "Track `reid`:",
        "",
        "| submission | task | score | BAKS (known) | BAUS (new) |",
        "|---|---|---:|---:|---:|",
        "| [good](submissions/good/) | final | 0.7000 | 0.7000 | 0.7000 |",
        "| [poor](submissions/poor/) | final | 0.1000 | 0.1000 | 0.1000 |",
    ]


def small_checkout(folder: Path) -> Path:
    """A checkout with the smallest submissions, so that nothing is made in this one."""
    for name in ("ingestion_program", "scoring_program", "sample_data"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("constant", "always_new"):
        shutil.copytree(ROOT / "submissions" / name, folder / "submissions" / name)
    return folder


@pytest.mark.parametrize("track", ["hybrid", "reid"])
def test_kit_new_makes_a_submission_that_runs_at_once(kit: Kit, track: str) -> None:
    here = small_checkout(Path.cwd())
    answer = kit("new", "made_by_a_test", "--track", track, "--json")
    assert answer.status == 0, answer.err
    assert answer.json["folder"] == str(here / "submissions/made_by_a_test")
    assert kit("run", "made_by_a_test", "--json").json["ok"]
    again = kit("new", "made_by_a_test", "--track", track)
    assert again.status == 2
    assert "is there already" in again.text


def test_kit_new_names_the_tracks_that_have_a_template(kit: Kit) -> None:
    here = small_checkout(Path.cwd())
    shutil.rmtree(here / "submissions" / "always_new")
    other = kit("new", "another", "--track", "reid")
    assert other.status == 2
    assert "tracks with one: hybrid" in other.text


@pytest.mark.parametrize("name", ["Big", "with space", "../out", "9lives", "x" * 41])
def test_kit_new_refuses_names_that_do_not_fit(kit: Kit, name: str) -> None:
    assert kit("new", name, "--track", "hybrid").status == 2
