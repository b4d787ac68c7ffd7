"""Every folder of submissions/ is tested by being there: contract, equality of paths, scores."""

from __future__ import annotations

import csv
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.stored_scores import (
    ROOT,
    Case,
    bundle_folder,
    cases,
    machine_type,
    run_case,
    track_of,
)
from kit import submissions
from kit.checks.running.images import BROKEN, odd_images
from kit.contract import PREDICTION_OF_TRACK
from kit.packing.shipping import shipped
from kit.vendoring.record import read_vendored
from kit.vendoring.vendor import differences, shared_folders
from tests.support.agreement import Answers, differing_labels, differing_scores
from tests.support.ingestion_server import ingest
from tests.support.kit import Kit


def packaged(folder: Path) -> dict[str, int]:
    """The bytes of each file that a registry package ships, by its path in a submission."""
    manifest = folder / "weights.json"
    listed = json.loads(manifest.read_text())["files"] if manifest.is_file() else []
    return {one["path"]: one["bytes"] for one in listed if "package" in one}


def param(item: submissions.Submission) -> Any:
    """A submission, whose tests are skipped where the base network is missing."""
    missing = [path for path in packaged(item.path) if not (item.path / path).is_file()]
    reason = f"{item.name} lacks {missing}: make bases"
    return pytest.param(item, id=item.name, marks=pytest.mark.skipif(bool(missing), reason=reason))


SUBMISSIONS = [param(item) for item in submissions.discover()]
DEVELOPMENT = "development"
CASES = cases()
# Images of each task that every run of the suite predicts; `make test-stored` predicts all.
SOME = 40
# Those of them that are predicted one by one too, next to the odd ones.
COMPARED = 12
# What another processor, package version or number of threads may move in single precision: the
# fourth decimal of a score, or this share of the scores' range; and so little of the leaderboard's.
TOLERANCE = 1.5e-4
SHARE = 1e-5
SCORE_TOLERANCE = 0.002
# Of labels only few may differ there, and each one moves the scores by its individual's weight.
MOVED_LABELS = 0.02
LABEL_TOLERANCE = 0.04


def case_params(found: list[Case]) -> list[Any]:
    """Cases with a name each, skipped where the base network is missing."""
    return [
        pytest.param(
            case,
            id=f"{case.name}-{case.task}",
            marks=param(submissions.find(case.name)).marks,
        )
        for case in found
    ]


@dataclass(frozen=True)
class Predicted:
    """A submission, and what it gave for some images of its development task."""

    submission: submissions.Submission
    images: Path
    output: Path


@pytest.fixture(scope="module", params=SUBMISSIONS)
def predicted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Predicted:
    """One run in batches for all tests of a submission, which stand together because of it."""
    submission: submissions.Submission = request.param
    folder = tmp_path_factory.mktemp(submission.name)
    images = some_images(bundle_folder(submission) / "input_data" / DEVELOPMENT, folder / "images")
    ingest(images, submission.path, folder / "output")
    return Predicted(submission, images, folder / "output")


def some_images(source: Path, target: Path) -> Path:
    """Fill `target` with links to SOME images of a task, spread over it, and their metadata."""
    target.mkdir()
    names = sorted(path.name for path in source.iterdir() if path.name != "metadata.csv")
    for name in names[:: max(1, len(names) // SOME)]:
        (target / name).symlink_to(source / name)
    complete_metadata(source, target)
    return target


def draw_odd_images(folder: Path) -> list[Path]:
    """The odd images of `kit check` that can be read, one of them under an odd name."""
    drawn = odd_images(folder)
    for path in drawn:
        if path.name in BROKEN:
            path.unlink()
    odd_name = folder / 'a name, with "quotes" and ümläut.jpg'
    (folder / "greyscale.jpg").rename(odd_name)
    return sorted(folder.iterdir())


def complete_metadata(source: Path, images: Path) -> None:
    """Where the task has a metadata.csv: a row for each image, and for those that the task does
    not know an empty one, because the ingestion program refuses a table without their rows."""
    if not (source / "metadata.csv").is_file():
        return
    with (source / "metadata.csv").open(newline="", encoding="utf-8") as stream:
        table = csv.DictReader(stream)
        columns = list(table.fieldnames or [])
        rows = {row["filename"]: row for row in table}
    names = sorted(path.name for path in images.iterdir())
    with (images / "metadata.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.get(name, {"filename": name}) for name in names)


def answers(output: Path) -> dict[str, str]:
    """The answer for each image, by its name."""
    with (output / "predictions.txt").open(newline="", encoding="utf-8") as stream:
        return dict(csv.reader(stream))


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_it_packs_without_a_problem(submission: submissions.Submission, kit: Kit) -> None:
    answer = kit("pack", submission.name, "--out", "x.zip")
    assert answer.status == 0, answer.err
    shipped_by_packages = sum(packaged(submission.path).values())
    assert Path("x.zip").stat().st_size < 5.5e6 + shipped_by_packages
    vendored = read_vendored(submission.path).digests
    with zipfile.ZipFile("x.zip") as archive:
        names = set(archive.namelist())
    assert set(vendored) <= names
    assert ("VENDORED.json" in names) == bool(vendored)


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_it_holds_what_kit_vendor_wants(submission: submissions.Submission) -> None:
    found = differences(submission.path, shared_folders(submission.path))
    assert not found, "run `kit vendor`"


def test_shared_modules_are_served_by_several_submissions_or_imported_by_training() -> None:
    shared = ROOT / "submissions" / "_shared"
    training = [path.read_text(encoding="utf-8") for path in (ROOT / "training").rglob("*.py")]
    copies = Counter(
        path for item in submissions.discover() for path in read_vendored(item.path).digests
    )
    for path in shared.rglob("*.py"):
        relative = path.relative_to(shared)
        package, _, module = ".".join(relative.with_suffix("").parts).rpartition(".")
        names = (f"from {package}.{module} import", f"from {package} import {module}")
        trained = any(name in text for text in training for name in names)
        assert trained or copies[relative.as_posix()] > 1, f"{relative}: move it to its submission"


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_kit_check_finds_no_error(submission: submissions.Submission, kit: Kit) -> None:
    answer = kit("check", submission.name, "--quick")
    assert answer.status == 0, answer.text


@pytest.mark.parametrize("submission", SUBMISSIONS)
def test_it_has_all_that_a_submission_here_has(submission: submissions.Submission) -> None:
    assert submissions.track_of(submission.path)
    assert submissions.metadata_of(submission.path).get("description")
    assert (submission.path / "README.md").is_file()
    shipment = shipped(submission.path)
    assert not shipment.secrets
    weights = [entry.name for entry in shipment.entries if entry.name.startswith("weights/")]
    assert bool(weights) == (submission.path / "weights.json").is_file()


def test_one_by_one_and_without_metadata_the_answers_agree_with_those_of_batches(
    predicted: Predicted, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    odd = draw_odd_images(images)
    # The odd images are given in a batch without a metadata.csv, and alone with an empty row.
    ingest(images, predicted.submission.path, tmp_path / "odd")
    expected = answers(tmp_path / "odd")
    assert len(expected) == len(odd) == 9
    in_batches = answers(predicted.output)
    chosen = sorted(in_batches)[:: max(1, len(in_batches) // COMPARED)]
    for name in chosen:
        (images / name).symlink_to(predicted.images / name)
    complete_metadata(predicted.images, images)
    ingest(images, predicted.submission.path, tmp_path / "single", one_by_one=True)
    batched, single = expected | in_batches, answers(tmp_path / "single")
    assert sorted(single) == sorted([*expected, *chosen])
    if PREDICTION_OF_TRACK[track_of(predicted.submission)] == "score":
        assert not differing_scores(single, batched)
    else:
        tables = [folder / "candidates.csv" for folder in (predicted.output, tmp_path / "odd")]
        config = predicted.submission.path / "config.json"
        assert not differing_labels(single, batched, tables, config)


def test_a_float_image_gets_the_answer_of_the_8_bit_one(
    predicted: Predicted, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    source = next(path for path in sorted(predicted.images.iterdir()) if path.suffix == ".jpg")
    grey = np.asarray(Image.open(source).convert("L"))
    Image.fromarray(grey).save(images / "grey.png")
    # Floats of 0 to 1, as scientific cameras write them: read as they are, all of it is black.
    Image.fromarray(grey.astype(np.float32) / 255).save(images / "grey.tif")
    complete_metadata(predicted.images, images)
    ingest(images, predicted.submission.path, tmp_path / "output")
    found = answers(tmp_path / "output")
    assert found["grey.tif"] == found["grey.png"]


def test_candidates_are_written_where_the_model_explains(predicted: Predicted) -> None:
    sources = predicted.submission.path.rglob("*.py")
    offered = any("def explain_batch(" in path.read_text(encoding="utf-8") for path in sources)
    assert (predicted.output / "candidates.csv").is_file() == offered, "see the NOTE in its log"


def test_some_development_predictions_are_the_stored_ones(predicted: Predicted) -> None:
    submission = predicted.submission
    case = Case(submission.name, track_of(submission), DEVELOPMENT)
    assert_stored_predictions(case, predicted.output)


@pytest.mark.parametrize("case", case_params([c for c in CASES if c.task != DEVELOPMENT]))
def test_some_predictions_are_the_stored_ones(case: Case, tmp_path: Path) -> None:
    images = some_images(task_images(case), tmp_path / "images")
    ingest(images, submissions.find(case.name).path, tmp_path / "output")
    assert_stored_predictions(case, tmp_path / "output")


@pytest.mark.parametrize("case", case_params(CASES))
def test_the_stored_predictions_have_the_stored_scores(case: Case, kit: Kit) -> None:
    assert_stored_scores(case, case.predictions, kit, tolerance=0.0)


@pytest.mark.stored
@pytest.mark.parametrize("case", case_params(CASES))
def test_all_predictions_and_their_scores_are_the_stored_ones(
    case: Case, tmp_path: Path, kit: Kit
) -> None:
    ingest(task_images(case), submissions.find(case.name).path, tmp_path / "output")
    assert_stored_predictions(case, tmp_path / "output")
    exact = stored_of(case)["machine"] == machine_type()
    scored = PREDICTION_OF_TRACK[case.track] == "score"
    tolerance = SCORE_TOLERANCE if scored else 0.0 if exact else LABEL_TOLERANCE
    assert_stored_scores(case, tmp_path / "output/predictions.txt", kit, tolerance)


def task_images(case: Case) -> Path:
    return ROOT / "sample_data" / case.track / "input_data" / case.task


def advice(case: Case) -> str:
    return f"If this is meant, store them: python -m benchmarks.stored_scores {case.name}"


def stored_of(case: Case) -> Any:
    """What is stored of a case's scores, and where they were made."""
    assert case.scores.is_file(), f"no stored scores. {advice(case)}"
    return json.loads(case.scores.read_text())


def assert_stored_predictions(case: Case, output: Path) -> None:
    """Compare the predictions in `output` with the stored ones of the same images."""
    machine = stored_of(case)["machine"]
    stored = dict(csv.reader(case.predictions.read_text(encoding="utf-8").splitlines()))
    found = answers(output)
    expected = {name: stored[name] for name in found}
    if PREDICTION_OF_TRACK[case.track] == "score":
        assert_scores_close(found, expected, [*stored.values()])
    elif machine == machine_type():
        assert found == expected, f"predictions changed. {advice(case)}"
    else:
        assert_labels_close(found, expected)


def assert_stored_scores(case: Case, predictions: Path, kit: Kit, tolerance: float) -> None:
    """Score a file of predictions for all images, and compare with what is stored."""
    stored = stored_of(case)["scores"]
    reference = ROOT / "sample_data" / case.track / "reference_data" / case.task / "ref.csv"
    answer = kit("score", str(predictions), str(reference), "--json")
    assert answer.status == 0, answer.err
    assert answer.json["scores"] == pytest.approx(stored, abs=tolerance, rel=0), advice(case)


def assert_scores_close(found: Answers, expected: Answers, all_stored: list[str]) -> None:
    values = [float(stored) for stored in all_stored]
    allowed = max(TOLERANCE, SHARE * (max(values) - min(values)))
    wanted = {name: pytest.approx(float(stored), abs=allowed) for name, stored in expected.items()}
    assert {name: float(answer) for name, answer in found.items()} == wanted


def assert_labels_close(found: Answers, expected: Answers) -> None:
    """A score next to the threshold may fall on its other side on another processor."""
    moved = [name for name, answer in found.items() if answer != expected[name]]
    assert len(moved) <= max(1, MOVED_LABELS * len(found)), moved


def test_a_new_submission_without_stored_scores_fails_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.stored_scores.STORE", tmp_path)
    case = Case("constant", "hybrid", "development")
    with pytest.raises(AssertionError, match=r"python -m benchmarks\.stored_scores constant"):
        stored_of(case)


def test_a_stored_score_is_what_kit_run_gives() -> None:
    case = Case("wing_pattern_sgd", "hybrid", "final")
    stored = json.loads(case.scores.read_text())
    if stored["machine"] != machine_type():
        pytest.skip("stored on another type of machine")
    assert run_case(case).scores == stored["scores"]
