"""`kit run --resume`: a run that was cut off is resumed, and only if nothing has changed."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support.kit import ROOT, Kit, make_bundle, make_submission, write_tree

pytestmark = pytest.mark.process

SLOW = """
import time
class Model:
    def load(self):
        pass
    def predict(self, image):
        time.sleep(0.02)
        return image.size[0] / 1000
"""


@pytest.fixture
def long_bundle(tmp_path: Path) -> Path:
    """A bundle with sixty images, our ingestion program and a third party's scoring."""
    folder = make_bundle(tmp_path / "long", scoring="")
    shutil.rmtree(folder / "ingestion_program")
    shutil.copytree(ROOT / "ingestion_program", folder / "ingestion_program")
    write_tree(
        folder,
        {
            "scoring_program/scoring.py": """
                import json, sys
                from pathlib import Path
                rows = Path(sys.argv[1], "res", "predictions.txt").read_text().split()
                scores = {"challenge_score": len(rows), "accuracy": 1}
                Path(sys.argv[2], "scores.json").write_text(json.dumps(scores))
            """
        },
    )
    for number in range(60):
        Image.new("L", (10 + number, 4)).save(folder / f"input_data/p{number:02}.png")
    return folder


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    return make_submission(tmp_path / "slow", model=SLOW)


def test_a_time_out_can_be_resumed_to_the_same_bytes(
    kit: Kit, long_bundle: Path, slow: Path
) -> None:
    assert kit("run", slow, "--bundle", long_bundle, "--out", "whole").status == 0
    # On a busy machine the model may not be there yet after the first of these limits.
    for limit in ("0.9", "1.3", "1.8", "2.5", "3.4", "4.6", "6.2"):
        shutil.rmtree("cut", ignore_errors=True)
        cut = kit("run", slow, "--bundle", long_bundle, "--out", "cut", "--time-limit", limit)
        if re.search(r"after [1-9]\d* images; `kit run --resume", cut.text):
            break
    assert cut.status == 1
    assert Path("cut/journal.txt").is_file()
    assert not Path("cut/predictions.txt").exists()
    answer = kit("run", "--resume", "cut", "--json")
    assert answer.status == 0, answer.text
    assert "resumed: the time of what was cut off" in answer.json["notes"][0]
    assert Path("cut/predictions.txt").read_bytes() == Path("whole/predictions.txt").read_bytes()
    assert not Path("cut/journal.txt").exists()
    assert "were predicted before" in Path("cut/logs/prediction_ingestion_stdout.txt").read_text()


def test_a_kit_that_was_killed_can_be_resumed(kit: Kit, long_bundle: Path, slow: Path) -> None:
    arguments = ["run", str(slow), "--bundle", str(long_bundle), "--out", "runs/killed"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kit", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(1000):
        journals = list(Path("runs/killed").glob(".stage-*/prediction/output/.predictions.journal"))
        if journals and journals[0].read_bytes().count(b"\n") > 10:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert json.loads(Path("runs/killed/run.json").read_text())["failure"] == "not finished"
    answer = kit("run", "--resume", "killed", "--json")
    assert answer.status == 0, answer.text
    assert answer.json["scores"]["challenge_score"] == 64
    assert not list(Path("runs/killed").glob(".stage-*"))


def cut_off(kit: Kit, bundle: Path, submission: Path) -> None:
    answer = kit("run", submission, "--bundle", bundle, "--out", "cut", "--time-limit", "0.9")
    assert answer.status == 1


@pytest.mark.parametrize("changed", ["submission", "input_data", "ingestion_program"])
def test_it_refuses_when_a_digest_has_changed(
    kit: Kit, long_bundle: Path, slow: Path, changed: str
) -> None:
    cut_off(kit, long_bundle, slow)
    before = Path("cut/run.json").read_bytes(), Path("cut/journal.txt").read_bytes()
    if changed == "submission":
        (slow / "model.py").write_text(SLOW + "# changed\n")
    elif changed == "input_data":
        Image.new("L", (5, 5)).save(long_bundle / "input_data/p00.png")
    else:
        (long_bundle / "ingestion_program/ingestion.py").write_text("# changed\n")
    answer = kit("run", "--resume", "cut")
    assert answer.status == 1
    assert "what decides the predictions has changed" in answer.text
    assert f"- {changed}: " in answer.err
    assert (Path("cut/run.json").read_bytes(), Path("cut/journal.txt").read_bytes()) == before


def test_a_finished_run_has_nothing_to_resume(
    kit: Kit, long_bundle: Path, submission: Path
) -> None:
    assert kit("run", submission, "--bundle", long_bundle, "--out", "done").status == 0
    answer = kit("run", "--resume", "done")
    assert answer.status == 2
    assert "nothing to resume" in answer.text
    assert json.loads(Path("done/run.json").read_text())["ok"]


def test_wrong_uses_of_resume_are_refused(kit: Kit, submission: Path) -> None:
    assert "expected the record of a run" in kit("run", "--resume", "nowhere").text
    both = kit("run", submission, "--resume", "x")
    assert both.status == 2
    assert "the rest is recorded" in both.text
    assert kit("run").status == 2


def test_two_runs_at_once_do_not_disturb_each_other(
    long_bundle: Path, slow: Path, in_empty_folder: Path
) -> None:
    command = [sys.executable, "-m", "kit", "run", str(slow), "--bundle", str(long_bundle)]
    both = [
        subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    records = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert [record["ok"] for record in records] == [True, True]
    folders = {record["folder"] for record in records}
    assert len(folders) == 2
    assert len({Path(folder, "predictions.txt").read_bytes() for folder in folders}) == 1
