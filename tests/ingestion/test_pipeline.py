"""Reading ahead: order, bounded memory, work in threads, and whose error it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.ingestion import PROGRAM, make_place
from wildlife_ingestion.errors import Interrupted
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.pipeline import BatchFailed, Predicted, predict_in_order, window_of
from wildlife_ingestion.plan import Plan, make_plan


def images(number: int) -> list[InputImage]:
    return [InputImage(Path(f"{place}.png"), place) for place in range(1, number + 1)]


def plan(
    prepare: Callable[[InputImage], Any],
    answer: Callable[[list[Any]], Any] = list,
    batch_size: int = 4,
    threads: int = 2,
) -> Plan:
    return Plan(prepare, answer, batch_size, threads, "a fake")


def run(number: int, *arguments: Any, **options: Any) -> list[Predicted]:
    return list(predict_in_order(images(number), plan(*arguments, **options)))


@pytest.mark.parametrize("number", [1, 3, 4, 5, 8, 41])
def test_answers_come_in_order_whatever_the_threads_do(number: int) -> None:
    def slow_when_odd(image: InputImage) -> int:
        time.sleep(0.002 * (image.place % 3))
        return image.place

    batches = run(number, slow_when_odd)
    assert [x for batch in batches for x in batch.predictions] == list(range(1, number + 1))
    assert [p.place for batch in batches for p in batch.images] == list(range(1, number + 1))
    assert [len(batch.images) for batch in batches[:-1]] == [4] * (len(batches) - 1)


class Counted:
    """A prepared image that knows how many of its kind are alive."""

    lock = threading.Lock()
    alive = most = 0

    def __init__(self, _image: InputImage) -> None:
        with Counted.lock:
            Counted.alive += 1
            Counted.most = max(Counted.most, Counted.alive)

    def __del__(self) -> None:
        with Counted.lock:
            Counted.alive -= 1


@pytest.mark.parametrize("number", [40, 400])
def test_no_more_images_are_in_flight_however_many_there_are(number: int) -> None:
    Counted.alive = Counted.most = 0

    def slow_answer(prepared: list[Any]) -> list[float]:
        time.sleep(0.001)  # time for the threads to run ahead as far as they may
        return [0.5] * len(prepared)

    fake = plan(Counted, slow_answer)
    assert sum(len(b.images) for b in predict_in_order(images(number), fake)) == number
    assert fake.batch_size <= Counted.most <= window_of(fake) == 10
    assert Counted.alive == 0


def test_images_are_prepared_while_the_model_answers() -> None:
    first_answer_begun = threading.Event()
    prepared_during_answer = threading.Event()

    def prepare(image: InputImage) -> Any:
        if image.place == 6:  # of the second batch
            assert first_answer_begun.wait(5)
            prepared_during_answer.set()
        return image.place

    def answer(prepared: list[Any]) -> list[Any]:
        first_answer_begun.set()
        assert prepared_during_answer.wait(5)
        return prepared

    assert len(run(8, prepare, answer)) == 2


def test_images_are_prepared_in_several_threads_and_answered_in_the_main_one() -> None:
    both = threading.Barrier(2, timeout=5)

    def answer(prepared: list[Any]) -> list[Any]:
        assert threading.current_thread() is threading.main_thread()
        return prepared

    def prepare(image: InputImage) -> Any:
        if image.place <= 2:
            both.wait()
        return threading.current_thread().name

    (batch,) = run(4, prepare, answer)
    assert len(set(batch.predictions)) == 2


def fail_at(place: int | None) -> Callable[[InputImage], int]:
    def prepare(image: InputImage) -> Any:
        if image.place == place:
            raise ValueError("bad")
        return image.place

    return prepare


def test_an_error_in_prepare_names_its_image_after_the_answers_before_it() -> None:
    predicted = predict_in_order(images(12), plan(fail_at(6)))
    assert next(predicted).predictions == [1, 2, 3, 4]
    with pytest.raises(BatchFailed) as caught:
        next(predicted)
    assert [image.place for image in caught.value.images] == [6]
    assert not caught.value.in_model


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(0), MemoryError()])
def test_an_error_in_answer_names_the_batch(error: BaseException) -> None:
    def answer(prepared: list[Any]) -> list[Any]:
        if 5 in prepared:
            raise error
        return prepared

    with pytest.raises(BatchFailed) as caught:
        run(12, fail_at(None), answer)
    assert [image.place for image in caught.value.images] == [5, 6, 7, 8]
    assert caught.value.error is error
    assert caught.value.in_model


def test_an_interruption_is_no_error_of_the_submission() -> None:
    def answer(prepared: list[Any]) -> list[Any]:
        raise Interrupted(2)

    with pytest.raises(Interrupted):
        run(4, fail_at(None), answer)


def test_the_threads_do_not_run_on_after_an_error() -> None:
    begun = []

    def prepare(image: InputImage) -> Any:
        begun.append(image.place)
        if image.place == 1:
            raise ValueError
        time.sleep(0.02)

    with pytest.raises(BatchFailed):
        run(100, prepare)
    time.sleep(0.06)
    assert len(begun) <= 4


def model(**methods: Any) -> SimpleNamespace:
    return SimpleNamespace(predict=lambda image: 0.5, **methods)


BOTH = {"preprocess": lambda image: image, "predict_batch": lambda items: items}


def test_batches_need_both_methods(tmp_path: Path) -> None:
    sizes = [
        make_plan(model(**{name: BOTH[name] for name in names}), [], tmp_path, False).batch_size
        for names in ([], ["preprocess"], ["predict_batch"], ["preprocess", "predict_batch"])
    ]
    assert sizes == [1, 1, 1, 16]


def test_one_by_one_can_be_forced(tmp_path: Path) -> None:
    assert make_plan(model(**BOTH), [], tmp_path, one_by_one=True).batch_size == 1


def test_threads_are_the_usable_processors_up_to_eight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for usable, threads in [(1, 1), (2, 2), (64, 8)]:
        monkeypatch.setattr("os.sched_getaffinity", lambda _, n=usable: set(range(n)))
        assert make_plan(model(**BOTH), [], tmp_path, False).threads == threads
    assert make_plan(model(), [], tmp_path, False).threads == 1


def test_another_program_can_import_the_plan_and_call_a_model_without_side_effects(
    tmp_path: Path,
) -> None:
    make_place(tmp_path).image("a.png", level=51)
    (tmp_path / "input_data" / "metadata.csv").write_text("filename,place\na.png,Texel\n")
    code = """
import signal, sys
from pathlib import Path
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
path = list(sys.path)
from wildlife_ingestion.images import InputImage
from wildlife_ingestion.plan import make_plan
class Model:
    def preprocess(self, image, metadata=None):
        return metadata["place"]
    def predict_batch(self, prepared):
        return prepared
    def predict(self, image, metadata=None):
        return self.predict_batch([self.preprocess(image, metadata)])[0]
folder = Path(sys.argv[1])
images = [InputImage(folder / "a.png", 1)]
found = []
for one_by_one in (False, True):
    plan = make_plan(Model(), images, folder, one_by_one)
    found += plan.answer([plan.prepare(image) for image in images])
after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
print(found, before == after, sys.path == path)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "input_data")]
    environment = os.environ | {"PYTHONPATH": str(PROGRAM)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout == "['Texel', 'Texel'] True True\n"
    assert done.stderr == ""


class TakesMetadata:
    def predict(self, image: object, metadata: dict[str, str] | None = None) -> float:
        return 0.5


class BatchesTakeMetadata(TakesMetadata):
    def preprocess(self, image: object, metadata: dict[str, str] | None = None) -> object:
        return image

    def predict_batch(self, prepared: list[object]) -> list[float]:
        return [0.5 for _ in prepared]


@pytest.mark.parametrize("model", [TakesMetadata(), BatchesTakeMetadata()])
def test_a_model_that_takes_metadata_and_gets_none_is_told(model: object, tmp_path: Path) -> None:
    lacking = make_plan(model, images(1), tmp_path, one_by_one=False)
    assert "the input holds no metadata.csv" in lacking.note
    (tmp_path / "metadata.csv").write_text("filename\n1.png\n")
    assert make_plan(model, images(1), tmp_path, one_by_one=False).note == ""


def test_a_model_without_metadata_is_told_nothing(tmp_path: Path) -> None:
    model = SimpleNamespace(predict=lambda image: 0.5)
    assert make_plan(model, images(1), tmp_path, one_by_one=False).note == ""
