"""The journal: an interrupted run is resumed and ends in the same bytes."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.ingestion import Place, make_place
from wildlife_ingestion.errors import IngestionError
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.journal import FILE_NAME, Journal

pytestmark = pytest.mark.process

KEY = "the-key-of-this-run"
KILLS = 50
FIRST_BATCH = 3

# Slow enough to be hit anywhere, in batches of three, with a trace of what was asked of it.
SLOW = """
import os, time
class Model:
    batch_size = 3
    def load(self):
        time.sleep(0.01)
    def preprocess(self, image):
        return image.convert("L").resize((4, 4)).tobytes()
    def predict_batch(self, prepared):
        time.sleep(0.004)
        return [sum(item) / 4096 for item in prepared]
    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = make_place(tmp_path, SLOW)
    made.images(40)
    made.image('odd, "name"\nwith a line break.png', 77)
    return made


def journal(place: Place) -> Path:
    """The journal's path; it is begun as the local runner does, if it is not there."""
    path = place.output / FILE_NAME
    if not path.exists():
        path.write_text(f"{KEY}\n")
    return path


def test_where_none_was_begun_there_is_no_journal(place: Place) -> None:
    place.run()
    assert place.left_behind() == ["predictions.txt"]


def test_a_finished_run_leaves_only_its_predictions(place: Place) -> None:
    journal(place)
    place.run()
    assert place.left_behind() == ["predictions.txt"]


def test_killed_at_fifty_random_moments_it_ends_in_the_same_bytes(place: Place) -> None:
    start = time.perf_counter()
    place.run()
    whole = time.perf_counter() - start  # adapted below: a busy machine takes longer
    expected = (place.output / "predictions.txt").read_bytes()
    (place.output / "predictions.txt").unlink()
    chance = random.Random(7)
    seen, restarts = [0], 0
    for _ in range(KILLS):
        journal(place)
        process = subprocess.Popen(
            place.command(),
            env=place.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=chance.uniform(0.1, 1.1) * whole)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if (place.output / "predictions.txt").is_file():
            # It got through; begin again, so that every kill has something to hit.
            assert (place.output / "predictions.txt").read_bytes() == expected
            (place.output / "predictions.txt").unlink()
            restarts += 1
            seen.append(0)
            whole *= 0.9
        else:
            lines = journal(place).read_bytes().count(b"\n")
            assert lines >= seen[-1], "a predicted image was lost"
            seen.append(lines)
            whole *= 1.1 if lines <= FIRST_BATCH else 1
    outcome = place.run()
    assert outcome.status == 0
    assert (place.output / "predictions.txt").read_bytes() == expected
    assert max(seen) > FIRST_BATCH, "no kill came after the first batch"


def test_a_batch_that_was_torn_is_answered_again(place: Place) -> None:
    place.run()
    whole = (place.output / "predictions.txt").read_bytes()
    (place.output / "predictions.txt").unlink()
    for size in (0, 1, 40, 77, len(whole) // 2, len(whole)):
        journal(place).write_bytes(KEY.encode() + b"\n" + whole[:size])
        outcome = place.run()
        assert outcome.status == 0, outcome
        assert (place.output / "predictions.txt").read_bytes() == whole, size
        assert place.left_behind() == ["predictions.txt"]


def test_a_failing_run_keeps_its_journal(place: Place) -> None:
    place.code("model.py", SLOW.replace("time.sleep(0.004)", "assert len(prepared) == 3"))
    journal(place)
    assert place.run().status == 1
    assert place.left_behind() == [FILE_NAME]
    assert journal(place).read_text().startswith(f"{KEY}\n")
    place.code("model.py", SLOW)
    outcome = place.run()
    assert "39 of 41 were predicted before" in outcome.out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    begun = tmp_path / FILE_NAME
    begun.write_text(f"{KEY}\n")
    return begun


def test_only_whole_batches_are_taken_over(path: Path) -> None:
    images = [InputImage(path.with_name(f"{number}.png"), number + 1) for number in range(10)]
    first = Journal(path)
    assert first.resume(images, 4) == []
    first.write(images[:4], ["a"] * 4)
    first.write(images[4:6], ["b"] * 2)
    first.close()
    again = Journal(path)
    assert again.resume(images, 4) == ["a"] * 4
    again.close()
    renamed = [InputImage(path.with_name("other.png"), 1), *images[1:]]
    third = Journal(path)
    assert third.resume(renamed, 1) == []
    third.close()
    assert path.read_text() == f"{KEY}\n"


def test_a_complete_journal_is_taken_over_with_its_short_last_batch(path: Path) -> None:
    images = [InputImage(path.with_name(f"{number}.png"), number + 1) for number in range(5)]
    first = Journal(path)
    first.resume(images, 2)
    first.write(images, ["a"] * 5)
    first.close()
    again = Journal(path)
    assert again.resume(images, 2) == ["a"] * 5
    again.close()
    assert path.read_bytes().count(b"\n") == 6


def test_killed_after_its_last_batch_it_predicts_nothing_again(place: Place) -> None:
    place.run()
    whole = (place.output / "predictions.txt").read_bytes()
    (place.output / "predictions.txt").unlink()
    journal(place).write_bytes(KEY.encode() + b"\n" + whole)
    outcome = place.run()
    assert outcome.status == 0
    assert "41 of 41 were predicted before" in outcome.out
    assert (place.output / "predictions.txt").read_bytes() == whole


def test_a_full_disk_is_one_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(IngestionError, match="cannot be written: the disk is full, "):
        Journal(path).resume([], 1)
