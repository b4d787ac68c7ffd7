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

from benchmarks.stored_scores import ROOT, bundle_folder, cases, track_of
from kit import submissions
from kit.checks.running.images import BROKEN, odd_images
from kit.contract import PREDICTION_OF_TRACK
from kit.packing.shipping import shipped
from kit.regression.cases import Case, compare, run_case
from kit.regression.predictions import change, parse_predictions, read_predictions
from kit.regression.store import Kept, machine_type, read_stored
from kit.regression.verdicts import EQUAL, IDENTICAL
from kit.regression.wording import in_words
from kit.vendoring.record import read_vendored
from kit.vendoring.vendor import differences, shared_folders
from tests.support.agreement import differing_labels, differing_scores
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


def case_params(found: list[Case]) -> list[Any]:
    """Cases with a name each, skipped where the base network is missing."""
    return [
        pytest.param(
            case,
            id=f"{case.submission.name}-{task_of(case)}",
            marks=param(case.submission).marks,
        )
        for case in found
    ]


def task_of(case: Case) -> str:
    """The task's name as that of a folder."""
    return case.task.name.lower()


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
    (case,) = [
        case
        for case in CASES
        if case.submission == predicted.submission and task_of(case) == DEVELOPMENT
    ]
    assert_stored_predictions(case, predicted.output)


@pytest.mark.parametrize("case", case_params([c for c in CASES if task_of(c) != DEVELOPMENT]))
def test_some_predictions_are_the_stored_ones(case: Case, tmp_path: Path) -> None:
    images = some_images(task_images(case), tmp_path / "images")
    ingest(images, case.submission.path, tmp_path / "output")
    assert_stored_predictions(case, tmp_path / "output")


@pytest.mark.parametrize("case", case_params(CASES))
def test_the_stored_predictions_have_the_stored_scores(case: Case, kit: Kit) -> None:
    stored = read_stored(case.slot, case.submission.name)
    assert scores_of(case, case.slot.predictions, kit) == stored.scores


@pytest.mark.stored
@pytest.mark.parametrize("case", case_params(CASES))
def test_all_predictions_and_their_scores_are_the_stored_ones(
    case: Case, tmp_path: Path, kit: Kit
) -> None:
    """What `kit compare` does, without importing torch again for each submission."""
    ingest(task_images(case), case.submission.path, tmp_path / "output")
    predictions = tmp_path / "output" / "predictions.txt"
    text, scores = predictions.read_text(encoding="utf-8"), scores_of(case, predictions, kit)
    new = Kept(text, scores, machine=machine_type(), where="this run")
    found = compare(case, read_stored(case.slot, case.submission.name), new)
    assert found.verdict in (IDENTICAL, EQUAL), f"{in_words(found)}\n{advice(case)}"


def task_images(case: Case) -> Path:
    assert case.task.input_data
    return case.task.input_data


def advice(case: Case) -> str:
    return f"If this is meant, store them: kit compare --update {case.submission.name}"


def assert_stored_predictions(case: Case, output: Path) -> None:
    """Compare the predictions in `output` with the stored ones of the same images."""
    stored = read_stored(case.slot, case.submission.name)
    before = parse_predictions(stored.predictions, stored.where)
    found = read_predictions(output / "predictions.txt")
    assert case.kind
    changed = change(before, found, case.kind, stored.machine == machine_type())
    assert changed.within, f"{changed}\n{advice(case)}"


def scores_of(case: Case, predictions: Path, kit: Kit) -> dict[str, float]:
    """The scores of a file of predictions for all images."""
    assert case.task.reference_data
    answer = kit("score", predictions, case.task.reference_data, "--json")
    assert answer.status == 0, answer.err
    scores: dict[str, float] = answer.json["scores"]
    return scores


def test_a_stored_score_is_what_kit_run_gives() -> None:
    (case,) = [
        case
        for case in CASES
        if case.submission.name == "wing_pattern_sgd" and task_of(case) == "final"
    ]
    stored = read_stored(case.slot, case.submission.name)
    assert run_case(case).scores == pytest.approx(stored.scores, abs=1e-9)
