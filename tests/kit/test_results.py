"""Result submissions, predictions without code, in `kit check`, `kit pack` and `kit run`."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from kit.results import is_result, result_problems
from tests.support.kit import (
    INGESTION,
    Kit,
    competition_yaml,
    make_bundle,
    write_tree,
    zipped,
)

RIGHT = "0.png,0.2\n1.png,0.8\n2.png,0.3\n3.png,0.8\n"
# It knows that predictions alone need no model, as ours does.
TOLERANT = f"""
import sys
from pathlib import Path
if not Path(sys.argv[4], "model.py").exists():
    sys.exit(0)
{INGESTION}
"""


def results(folder: Path, **files: str) -> Path:
    return write_tree(folder, dict(files))


def bundle_for_results(folder: Path) -> Path:
    return make_bundle(folder, ingestion=TOLERANT)


@pytest.mark.parametrize(
    "names",
    [
        ["predictions.txt"], ["answer.csv", "README.md"], ["pred.npy"], ["mine/predictions.txt"],
        ["answers.json", "metadata"], ["mask_1.png", "mask_2.png"], ["submission.pkl"],
    ],
)  # fmt: skip
def test_data_alone_is_a_result_submission(names: list[str]) -> None:
    assert is_result(names)


@pytest.mark.parametrize(
    "names",
    [
        [], ["README.md"], ["metadata"], ["metadata", "README.md", "LICENSE"], ["code/model.py"],
        ["weights/head.npz", "metadata"], ["requirements.txt", "lookup.csv"], ["net.pt"],
        ["run.sh", "answer.csv"], ["weights.json", "answer.csv"], ["work.ipynb"],
        ["a/competition.yaml", "logo.png"],
    ],
)  # fmt: skip
def test_what_belongs_to_code_is_none(names: list[str]) -> None:
    assert not is_result(names)


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["predictions.txt"], []),
        (["predictions.txt", "more/answer.csv"], []),
        (["dev/answer.csv", "final/answer.csv"], []),
        (["my results/predictions.txt"], ["result-root"]),
        (["mine/answer.csv", "mine/README.md"], ["result-nested"]),
        (["answer.csv", "metadata.yaml"], ["result-metadata"]),
        (["mine.zip"], ["zip-in-zip"]),
        (["masks.zip", "answer.csv"], []),
        (["scan.nii.gz"], []),
    ],
)
def test_the_worker_looks_at_the_root_and_for_no_metadata(
    names: list[str], codes: list[str]
) -> None:
    assert [problem.code for problem in result_problems(names)] == codes


def test_good_results_are_checked_packed_and_run(kit: Kit, tmp_path: Path) -> None:
    folder = results(tmp_path / "r", **{"predictions.txt": RIGHT})
    bundle = bundle_for_results(tmp_path / "bundle")
    form = kit("check", folder, "--json")
    assert form.status == 0
    assert form.json["findings"] == []
    (skipped,) = form.json["skipped"]
    assert "--bundle" in skipped["command"]
    scored = kit("check", folder, "--bundle", bundle, "--json").json
    assert scored["findings"] == []
    assert scored["skipped"] == []
    assert "scores" in scored["checks"]
    assert kit("pack", folder, "--out", "r.zip").status == 0
    with zipfile.ZipFile("r.zip") as archive:
        assert archive.namelist() == ["predictions.txt"]
    ran = kit("run", "r.zip", "--bundle", bundle, "--json")
    assert ran.status == 0, ran.text
    assert ran.json["scores"]["accuracy"] == 1.0
    assert any("a result submission" in note for note in ran.json["notes"])


def test_what_the_scoring_program_says_is_shown(kit: Kit, tmp_path: Path) -> None:
    folder = results(tmp_path / "r", **{"predictions.txt": "0.png,much\n"})
    answer = kit("check", folder, "--bundle", bundle_for_results(tmp_path / "bundle"))
    assert answer.status == 1
    assert "run-fails" in answer.text
    assert "could not convert string to float" in answer.text


def test_an_ingestion_that_fails_next_to_results_is_a_warning(kit: Kit, tmp_path: Path) -> None:
    folder = results(tmp_path / "r", **{"predictions.txt": RIGHT})
    bundle = make_bundle(tmp_path / "bundle", ingestion="import sys\nsys.exit(3)\n")
    answer = kit("check", folder, "--bundle", bundle, "--json")
    assert answer.status == 0, answer.text
    assert [finding["code"] for finding in answer.json["findings"]] == ["result-ingestion"]


def test_results_in_a_folder_are_told_so_by_each_command(kit: Kit, tmp_path: Path) -> None:
    folder = results(tmp_path / "r", **{"mine/predictions.txt": RIGHT})
    bundle = bundle_for_results(tmp_path / "bundle")
    for command in (("check", folder), ("pack", folder), ("run", folder, "--bundle", bundle)):
        answer = kit(*command)
        assert answer.status == 1
        assert "is under mine/; the worker looks at the root" in answer.text
        assert "model.py" not in answer.out


def test_without_a_bundle_results_are_told_to_name_one(kit: Kit, tmp_path: Path) -> None:
    folder = results(tmp_path / "r", **{"answer.csv": RIGHT})
    for path in (folder, zipped(folder)):
        answer = kit("run", path)
        assert answer.status == 2
        assert "a result submission (predictions without code) names no track" in answer.text
        checked = kit("check", path, "--json").json
        assert checked["kind"] == "result submission"
        assert checked["ok"]


def test_junk_of_macos_does_not_hide_the_folder(kit: Kit, tmp_path: Path) -> None:
    files = {"mine/predictions.txt": RIGHT, "__MACOSX/mine/._predictions.txt": "x"}
    path = zipped(results(tmp_path / "r", **files))
    bundle = bundle_for_results(tmp_path / "bundle")
    for answer in (kit("check", path), kit("run", path, "--bundle", bundle)):
        assert "is under mine/; the worker looks at the root" in answer.text


def test_results_are_not_scored_without_a_reference(kit: Kit, tmp_path: Path) -> None:
    content = competition_yaml()
    del content["tasks"][0]["reference_data"]
    bundle = make_bundle(tmp_path / "bundle", content, ingestion=TOLERANT)
    folder = results(tmp_path / "r", **{"predictions.txt": RIGHT})
    answer = kit("check", folder, "--bundle", bundle, "--json")
    assert answer.json["findings"] == []
    assert [item["why"] for item in answer.json["skipped"]] == ["the task has no reference data"]


def test_a_secret_in_results_is_found(kit: Kit, tmp_path: Path) -> None:
    folder = results(tmp_path / "r", **{"predictions.txt": "ghp_" + "x" * 36})
    assert "secret-text" in kit("check", folder).text


def test_code_without_metadata_is_a_warning_that_says_what_happens(
    kit: Kit, submission: Path, bundle: Path
) -> None:
    (submission / "metadata").unlink()
    answer = kit("check", submission, "--bundle", bundle)
    assert answer.status == 0, answer.text
    assert "runs the ingestion all the same" in answer.text
    ran = kit("run", submission, "--bundle", bundle)
    assert ran.status == 0
    assert "kit pack would refuse" not in ran.text


@pytest.mark.parametrize("command", ["check", "run", "pack"])
@pytest.mark.parametrize("name", ["model.py", "predictions.txt", "competition.yaml"])
def test_a_file_that_is_no_zip_is_told_to_name_its_folder(
    kit: Kit, tmp_path: Path, command: str, name: str
) -> None:
    path = results(tmp_path / "r", **{name: "x = 1\n"}) / name
    answer = kit(command, path)
    assert answer.status == 2
    assert f"name the folder that holds it: {path.parent}" in answer.text
