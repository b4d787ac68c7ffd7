"""`pytest --kit-scores` in a small repository of a team."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.regression.store import Kept, Slot, write_stored
from tests.support.kit import ROOT, make_bundle, make_submission


def run_pytest(folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plug-in, which an installed kit brings by itself."""
    plugin = ("-p", "kit.pytest_plugin", "-p", "no:cacheprovider")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *map(str, options)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # the others take long to load
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A checkout with two submissions and a bundle; one submission has stored scores."""
    folder = tmp_path / "team"
    for name in ("ingestion_program", "scoring_program"):
        folder.mkdir(exist_ok=True)
        (folder / name).symlink_to(ROOT / name)
    make_submission(folder / "submissions/wide")
    make_submission(folder / "submissions/young")
    make_bundle(folder / "bundle")
    slot = Slot(folder / "scores/wide/bundle/only-task.json")
    predictions = "0.png,0.2000\n1.png,0.8000\n2.png,0.3000\n3.png,0.8000\n"
    write_stored(slot, Kept(predictions, {"challenge_score": 1.0, "accuracy": 1.0}))
    return folder


@pytest.mark.process
def test_each_submission_and_task_is_a_test(repository: Path) -> None:
    options = ("--kit-scores", "--kit-bundle", repository / "bundle")
    found = run_pytest(repository, "-v", *options)
    assert "kit-scores::wide-Only task PASSED" in found.stdout, found.stdout + found.stderr
    assert "kit-scores::young-Only task FAILED" in found.stdout
    assert "To do: kit compare --update young" in found.stdout
    assert "Traceback" not in found.stdout
    assert found.returncode == 1

    (repository / "submissions/wide/model.py").write_text(
        "class Model:\n    def load(self): pass\n    def predict(self, image): return 0.0\n"
    )
    worse = run_pytest(repository, *options, "-k", "wide")
    assert worse.returncode == 1
    assert "wide on Third party, Only task: worse" in worse.stdout
    assert "Challenge_score: 1.0000 -> 0.5000" in worse.stdout
    assert "1 deselected" in worse.stdout


@pytest.mark.process
def test_without_the_option_nothing_is_collected(repository: Path) -> None:
    found = run_pytest(repository)
    assert found.returncode == 5, found.stdout  # no tests


def test_the_plug_in_is_registered_and_light() -> None:
    code = (
        "import sys, kit.pytest_plugin\n"
        "sys.exit(any(name.startswith('kit.regression') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    entry = '[project.entry-points.pytest11]\n"kit.pytest_plugin" = "kit.pytest_plugin"'
    assert entry in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
