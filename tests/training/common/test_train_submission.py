"""`python -m training NAME`: a submission and the networks that it takes, in one command."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.__main__ import TRAINED, main
from training.common import train_submission

SCRIPT = """
import sys
from pathlib import Path
Path(sys.argv[sys.argv.index("--out") + 1], "given.txt").write_text(" ".join(sys.argv[1:]))
"""


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose training scripts write down what they are given."""
    folder = tmp_path / "training" / "reid"
    folder.mkdir(parents=True)
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("", encoding="utf-8")
    for name in ("wildfusion", "megadescriptor_cosine"):
        (folder / f"{name}.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(train_submission, "ROOT", tmp_path)
    return tmp_path


def test_the_networks_that_it_takes_are_trained_first_on_the_same_images(
    scripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = scripts / "data", scripts / "trained"
    given = ["--data", str(data), "--out", str(out), "--preset", "imagenet", "--seed", "3"]
    assert main(["wildfusion", *given]) == 0
    descriptor = out / "megadescriptor_cosine"
    told = (descriptor / "given.txt").read_text(encoding="utf-8")
    assert told == f"--data {data} --out {descriptor} --preset imagenet --seed 3"
    told = (out / "wildfusion/given.txt").read_text(encoding="utf-8")
    assert told == f"--data {data} --out {out / 'wildfusion'} --descriptor {descriptor}"
    assert f"kit run {out / 'wildfusion'}" in capsys.readouterr().out


def test_nothing_of_the_shipped_artifacts_is_in_the_folder(scripts: Path) -> None:
    out = scripts / "trained"
    assert main(["megadescriptor_cosine", "--data", str(scripts), "--out", str(out)]) == 0
    names = {path.name for path in (out / "megadescriptor_cosine").iterdir()}
    assert "model.py" in names
    assert not names & {"weights", "weights.json", "config.json", "README.md"}


def test_what_is_finished_is_not_trained_again(
    scripts: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(scripts), "--out", str(scripts / "trained")]
    assert main(["megadescriptor_cosine", *given]) == 0
    (scripts / "training/reid/megadescriptor_cosine.py").write_text("raise SystemExit('again')")
    (scripts / "training/reid/wildfusion.py").write_text("raise SystemExit('no pairs')")
    assert main(["wildfusion", *given]) == 1
    message = capfd.readouterr().err
    assert "no pairs" in message
    assert "training.reid.wildfusion ended with status 1" in message
    assert "again" not in message


def test_options_that_a_script_does_not_take_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["wing_pattern_sgd", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*given, "--preset", "imagenet"]) == 1
    assert "the training of wing_pattern_sgd has no presets" in capsys.readouterr().err
    assert main([*given, "--seed", "1"]) == 1
    assert "--seed 1: the training of wing_pattern_sgd draws nothing" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_unknown_submission_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["no_such", "--data", ".", "--out", "."])
    assert "wildfusion" in capsys.readouterr().err
    assert "constant" not in TRAINED
