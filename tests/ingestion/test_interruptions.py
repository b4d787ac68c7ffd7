"""Ctrl-C, SIGTERM and a full disk: a message, the right status, nothing half-written."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ingestion import PROGRAM, Place, make_place, model_answering
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.predictions_file import PredictionsFile

pytestmark = pytest.mark.process

IMAGES = [InputImage(Path("a.png"), 1), InputImage(Path("b.png"), 2)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = make_place(tmp_path)
    place.images(3)
    return place


def signalled(place: Place, number: int, wait_for: str) -> tuple[int, str]:
    """Sends the signal once the program has printed `wait_for`; returns status and stderr."""
    process = subprocess.Popen(
        place.command(),
        env=place.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if wait_for in line:
                process.send_signal(number)
                break
        _, err = process.communicate(timeout=20)
    return process.returncode, err


SLEEPS = "(print('ASLEEP', flush=True), __import__('time').sleep(30), 0.5)[2]"
SWALLOWS = """
import time
class Model:
    def load(self): pass
    def predict(self, image):
        try:
            print('ASLEEP', flush=True)
            time.sleep(30)
        except:
            return 0.5
"""
IN_A_THREAD = """
import threading, time
class Model:
    def load(self): pass
    def preprocess(self, image):
        print('ASLEEP', flush=True)
        time.sleep(30)
    def predict_batch(self, prepared): return [0.5] * len(prepared)
    def predict(self, image): return 0.5
"""
IN_LOAD = """
import time
class Model:
    def load(self):
        print('ASLEEP', flush=True)
        time.sleep(30)
    def predict(self, image): return 0.5
"""


@pytest.mark.parametrize(
    "model",
    [model_answering(SLEEPS), SWALLOWS, IN_A_THREAD, IN_LOAD],
    ids=["in predict", "swallowed by a bare except", "while a thread preprocesses", "in load"],
)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_at_once_with_nothing_left(
    place: Place, model: str, number: int, status: int
) -> None:
    place.code("model.py", model)
    ended, err = signalled(place, number, "ASLEEP")
    assert ended == status
    assert f"interrupted by signal {int(number)}; no predictions written" in err
    assert "Traceback" not in err
    assert place.left_behind() == []


FULL = """
import errno, os
def refuse(descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
os.fsync = refuse
"""


def test_a_full_disk_ends_the_run_with_nothing_left(place: Place) -> None:
    place.code("model.py", FULL + model_answering("0.5"))
    assert "predictions cannot be written" in (message := place.fail())
    assert "the disk is full" in message
    assert "Traceback" not in message


WRITE_MUCH = """
import resource, signal, sys
from pathlib import Path
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.predictions_file import PredictionsFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with PredictionsFile(Path(sys.argv[2])) as file:
        for _ in range(10_000):
            file.write([InputImage(Path("a.png"), 1)], ["0.5000"])
except IngestionError as error:
    sys.exit(str(error))
"""


def test_a_disk_that_refuses_while_rows_are_written_leaves_nothing(tmp_path: Path) -> None:
    # In a process of its own: the limit would hold for the test runner's output too.
    ended = subprocess.run(
        [sys.executable, "-c", WRITE_MUCH, str(PROGRAM), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(IngestionError, match="cannot be written"),
        PredictionsFile(tmp_path / "file"),
    ):
        pass


def test_rows_are_on_the_disk_before_the_file_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def record(descriptor: int) -> None:
        seen.append((os.fstat(descriptor).st_size, sorted(p.name for p in tmp_path.iterdir())))

    monkeypatch.setattr(os, "fsync", record)
    with PredictionsFile(tmp_path) as file:
        file.write(IMAGES, ["0.5000", "label, with comma"])
        assert file.finish() == tmp_path / "predictions.txt"
    text = 'a.png,0.5000\nb.png,"label, with comma"\n'
    assert seen == [(len(text), [".predictions.txt.partial"])]
    assert (tmp_path / "predictions.txt").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["predictions.txt"]


def test_a_refused_rename_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(IngestionError, match="the disk is full"), PredictionsFile(tmp_path) as file:
        file.finish()
    assert list(tmp_path.iterdir()) == []
