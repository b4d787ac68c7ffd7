"""The folder that training writes: it runs as it is, and shipped artifacts stay."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from tests.support.kit import ROOT, Kit, write_tree
from training.common import script, submission_files
from training.common.submission_files import code_of, write_submission

TRAINED = sorted(
    path.parent.name
    for path in (ROOT / "submissions").glob("*/weights.json")
    if any((ROOT / "training").glob(f"*/{path.parent.name}*"))
)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A submission `mine` in a repository of its own."""
    monkeypatch.setattr(submission_files, "SUBMISSIONS", tmp_path / "submissions")
    monkeypatch.setattr(script, "SUBMISSIONS", tmp_path / "submissions")
    return write_tree(
        tmp_path / "submissions/mine",
        {
            "model.py": "import wildlife_a\n",
            "metadata": "track: hybrid\n",
            "requirements.txt": "numpy\n",
            "VENDORED.json": "{}",
            "wildlife_a/__init__.py": "",
            "wildlife_a/__pycache__/x.pyc": "cache",
            "README.md": "Scores of the shipped artifacts.",
            "weights/head.npz": "old",
            "weights/old.npz": "old",
            "config.json": "{}",
            "weights.json": "{}",
        },
    )


def write(out: Path) -> None:
    write_submission("mine", out, {"a": 1}, {"weights/head.npz": b"new"}, "a command", {})


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_another_folder_gets_the_code_and_the_new_artifacts(shipped: Path, tmp_path: Path) -> None:
    write(tmp_path / "out")
    assert names(tmp_path / "out") == {
        "model.py", "metadata", "requirements.txt", "VENDORED.json", "wildlife_a/__init__.py",
        "weights/head.npz", "config.json", "weights.json",
    }  # fmt: skip
    assert (shipped / "weights/head.npz").read_text() == "old"


def test_in_the_shipped_folder_the_code_stays_as_it_is(shipped: Path) -> None:
    before = (shipped / "model.py").stat().st_mtime_ns
    write(shipped)
    assert (shipped / "weights/head.npz").read_text() == "new"
    assert json.loads((shipped / "weights.json").read_text())["files"][0]["path"]
    assert (shipped / "model.py").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], 1), (["--out", "submissions/mine"], 1), (["--overwrite"], 0), (["--out", "other"], 0)],
)
def test_shipped_artifacts_are_overwritten_only_when_asked(
    arguments: list[str],
    status: int,
    shipped: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    options = script.submission_parser("hybrid", "mine", "Train.").parse_args(arguments)
    done: list[argparse.Namespace] = []
    assert script.run(options, lambda: done.append(options)) == status
    assert bool(done) == (status == 0)
    said = capsys.readouterr().err
    assert ("--out" in said and "--overwrite" in said) == (status == 1)


def test_a_submission_without_artifacts_is_trained_in_place(shipped: Path) -> None:
    (shipped / "weights.json").unlink()
    options = script.submission_parser("hybrid", "mine", "Train.").parse_args([])
    assert script.run(options, lambda: None) == 0


@pytest.mark.parametrize("name", TRAINED)
def test_the_code_of_every_trained_submission_is_whole(name: str, kit: Kit, tmp_path: Path) -> None:
    """With the shipped artifacts next to it, what training would write passes the checks."""
    out = tmp_path / name
    config = json.loads((ROOT / "submissions" / name / "config.json").read_text())
    manifest = json.loads((ROOT / "submissions" / name / "weights.json").read_text())
    weights = {
        entry["path"]: (ROOT / "submissions" / name / entry["path"]).read_bytes()
        for entry in manifest["files"]
    }
    write_submission(name, out, config, weights, "a command", manifest["requires"])
    found = kit("check", out, "--quick", "--json").json
    assert found["ok"], found["findings"]
    assert set(code_of(name)) >= {"model.py", "metadata", "requirements.txt"}
