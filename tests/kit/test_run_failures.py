"""`kit run` where something fails: time limits, full disks, interruptions, wrong usage."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.kit import ROOT, Kit, make_bundle, make_submission, write_tree, zipped

pytestmark = pytest.mark.process


def test_the_time_limit_kills_the_whole_process_group(kit: Kit, tmp_path: Path) -> None:
    model = """
        import subprocess, sys, time
        class Model:
            def load(self):
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                print("CHILD", child.pid, flush=True)
                time.sleep(600)
    """
    slow = make_submission(tmp_path / "slow", model=model)
    bundle = make_bundle(tmp_path / "b", limit_s=2)
    answer = kit("run", slow, "--bundle", bundle, "--out", "here")
    assert answer.status == 1
    assert "the time limit of 2 s was exceeded" in answer.text
    child = int(Path("here/logs/prediction_ingestion_stdout.txt").read_text().split()[1])
    assert not is_alive(child)


def is_alive(pid: int) -> bool:
    """Whether a process still runs; a killed one may stay a zombie where nobody waits for it."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True


def test_the_phase_sets_the_limit_and_the_option_overrides_it(
    kit: Kit, bundle: Path, submission: Path
) -> None:
    record = kit("run", submission, "--bundle", bundle, "--json").json
    assert [step["limit_seconds"] for step in record["steps"]] == [30, 30]
    record = kit("run", submission, "--bundle", bundle, "--time-limit", "5", "--json").json
    assert [step["limit_seconds"] for step in record["steps"]] == [5, 5]


def test_a_failing_prediction_stops_the_run_and_names_the_platforms_way(
    kit: Kit, bundle: Path, tmp_path: Path
) -> None:
    broken = make_submission(tmp_path / "broken", model="raise RuntimeError('not today')\n")
    answer = kit("run", broken, "--bundle", bundle, "--out", "here")
    assert answer.status == 1
    assert "not today" in answer.text
    assert "On the platform: Failed" in answer.text
    assert "the platform ignores that and scores what is there" in answer.text
    assert not Path("here/scores.json").exists()
    assert json.loads(Path("here/run.json").read_text())["ok"] is False


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{}", "scores without the leaderboard's keys challenge_score, accuracy"),
        ('{"challenge_score": NaN, "accuracy": 1}', "expected a finite number, found nan"),
        ('{"challenge_score": "abc", "accuracy": 1}', "expected a number, found 'abc'"),
        ('{"challenge_score": [1], "accuracy": 1}', "expected a number, found [1]"),
        ('{"challenge_score": 1, "accuracy": 1, "x": NaN}', "a key without a column: Out of range"),
        ('{"challenge_score": 1e11, "accuracy": 1}', "does not fit the platform's field"),
        ("[1, 2]", "expected names with numbers, found list"),
        ('{"challenge_score":', "cannot be decoded"),
    ],
)
def test_scores_that_the_platform_cannot_show_fail(
    kit: Kit, tmp_path: Path, submission: Path, written: str, message: str
) -> None:
    scoring = f"import sys\nopen(sys.argv[2] + '/scores.json', 'w').write({written!r})\n"
    bundle = make_bundle(tmp_path / "b", scoring=scoring)
    answer = kit("run", submission, "--bundle", bundle)
    assert answer.status == 1
    assert message in answer.text


def test_scores_txt_is_read_where_there_is_no_json(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    scoring = "import sys\nopen(sys.argv[2] + '/scores.txt', 'w').write('{}')\n"
    text = "challenge_score: 1e-3\\naccuracy: 0.5\\n"
    bundle = make_bundle(tmp_path / "good", scoring=scoring.format(text))
    answer = kit("run", submission, "--bundle", bundle, "--json")
    assert answer.json["scores"] == {"challenge_score": 0.001, "accuracy": 0.5}
    bundle = make_bundle(tmp_path / "bad", scoring=scoring.format("challenge_score:1.0"))
    assert "without a space is one string" in kit("run", submission, "--bundle", bundle).text


def test_no_scores_file_is_named(kit: Kit, tmp_path: Path, submission: Path) -> None:
    bundle = make_bundle(tmp_path / "b", scoring="pass\n")
    answer = kit("run", submission, "--bundle", bundle)
    assert answer.status == 1
    assert "expected the scoring program to write scores.json or scores.txt, found nothing" in (
        answer.text
    )


def test_interrupting_leaves_no_process_and_a_record(
    bundle: Path, tmp_path: Path, in_empty_folder: Path
) -> None:
    model = """
        import os, time
        class Model:
            def load(self):
                print("PID", os.getpid(), flush=True)
                time.sleep(600)
    """
    slow = make_submission(tmp_path / "slow", model=model)
    arguments = [sys.executable, "-m", "kit", "run", str(slow), "--bundle", str(bundle)]
    process = subprocess.Popen(
        [*arguments, "--out", "here"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    log = Path("here/logs/prediction_ingestion_stdout.txt")
    for _ in range(500):
        if log.is_file() and log.read_text().endswith("\n"):
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not is_alive(int(log.read_text().split()[1]))
    assert json.loads(Path("here/run.json").read_text())["failure"] == "interrupted"
    assert not list(Path("here").glob(".stage-*"))


def test_a_full_disk_is_one_message(
    kit: Kit, bundle: Path, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("shutil.copyfileobj", full)
    answer = kit("run", submission, "--bundle", bundle, "--out", "here")
    assert answer.status == 1
    assert "program.zip: the zip cannot be written: No space left on device; " in answer.text
    assert "bytes are free there To do: free some space there" in answer.text
    assert [path.name for path in Path("here").iterdir() if path.name != "logs"] == ["run.json"]


def test_a_read_only_output_is_one_message(
    kit: Kit, bundle: Path, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path.mkdir

    def read_only(path: Path, *arguments: Any, **options: Any) -> None:
        if path.name == "here":
            raise OSError(30, "Read-only file system", str(path))
        made(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", read_only)
    answer = kit("run", submission, "--bundle", bundle, "--out", "here")
    assert answer.status == 1
    assert answer.err.strip() == "kit: here: cannot be read or written: Read-only file system"
    assert not Path("here").exists()


def test_no_room_for_temporary_files_is_one_message(
    kit: Kit, bundle: Path, submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(bundle)
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: ["/no/such/folder"])
    answer = kit("run", submission, "--bundle", archive)
    assert answer.status == 1
    assert "No usable temporary directory" in answer.text
    assert "Traceback" not in answer.text
    assert not Path("runs").exists()


def test_an_output_folder_with_something_in_it_is_left_alone(
    kit: Kit, bundle: Path, submission: Path
) -> None:
    write_tree(Path("here"), {"thesis.tex": "mine"})
    answer = kit("run", submission, "--bundle", bundle, "--out", "here")
    assert answer.status == 2
    assert "expected a new or empty folder" in answer.text
    assert [path.name for path in Path("here").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "nobody: expected a folder, a zip, or the name of a submission"),
        (["constant", "--bundle", "nowhere"], "expected a bundle (a folder or a zip)"),
        (["constant", "--task", "Nope"], "which are 0 (Development), 1 (Final)"),
        (["constant", "--time-limit", "-3"], "not in the range"),
    ],
)
def test_wrong_usage_is_status_2(kit: Kit, arguments: list[str], message: str) -> None:
    answer = kit("run", *arguments)
    assert answer.status == 2
    assert message in answer.text


@pytest.mark.parametrize("name", ["sub/model.py", "../model.py", "/model.py", "C:/model.py"])
def test_a_zip_with_a_bad_layout_is_refused(kit: Kit, bundle: Path, name: str) -> None:
    with zipfile.ZipFile("bad.zip", "w") as archive:
        archive.writestr(name, "class Model: pass")
        archive.writestr("metadata", "track: hybrid")
    answer = kit("run", "bad.zip", "--bundle", bundle)
    assert answer.status == 1
    expected = "sub/, expected at the root" if name == "sub/model.py" else "lead out of the folder"
    assert expected in answer.text


def test_a_traceback_leads_to_the_users_own_files(kit: Kit, tmp_path: Path) -> None:
    model = "class Model:\n    def load(self):\n        raise ValueError('no weights')\n"
    submission = make_submission(tmp_path / "s", model=model)
    bundle = make_bundle(tmp_path / "b")
    for what in (submission, zipped(submission)):
        answer = kit("run", what, "--bundle", bundle, "--out", f"run-{what.suffix}")
        assert f'File "{what}/model.py", line 3, in load' in answer.text
        assert f'File "{bundle}/ingestion_program/ingestion.py"' in answer.text
        assert ".stage-" not in answer.text
        logs = "".join(path.read_text() for path in Path(f"run-{what.suffix}").rglob("*.txt"))
        assert ".stage-" not in logs


def test_after_the_time_limit_the_images_so_far_and_resume_are_named(
    kit: Kit, tmp_path: Path
) -> None:
    model = """
        import time
        class Model:
            def load(self): pass
            def predict(self, image):
                time.sleep(60 if "3.png" in image.filename else 0)
                return 0.5
    """
    slow = make_submission(tmp_path / "slow", model=model)
    bundle = make_bundle(tmp_path / "b", limit_s=3)
    shutil.rmtree(bundle / "ingestion_program")
    (bundle / "ingestion_program").symlink_to(ROOT / "ingestion_program")
    answer = kit("run", slow, "--bundle", bundle, "--out", "runs/late")
    assert "the time limit of 3 s was exceeded after 3 images; `kit run --resume late`" in (
        answer.text
    )


def test_thousands_of_notes_are_counted(kit: Kit, bundle: Path, submission: Path) -> None:
    write_tree(submission, {f"notes/{number}.bin": "x" for number in range(1000)})
    write_tree(submission, {"weights.json": '{"format": 1, "files": []}'})
    answer = kit("run", submission, "--bundle", bundle, "--json")
    assert len(answer.json["notes"]) < 10
    assert answer.json["notes"][-1].startswith("... and 99")
    assert answer.json["notes"][-1].endswith(" more such notes")
