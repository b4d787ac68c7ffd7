"""`kit predict`: rows, errors that are rows, resuming, refusing other digests."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.collections import BATCHED, LABELS, batched, make_images, png, rows_of
from tests.support.kit import Kit, make_submission, write_tree, zipped

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return make_images(tmp_path / "images")


def test_every_image_has_a_row_and_an_unreadable_one_an_error(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    answer = kit(
        "predict", batched(tmp_path / "s"), images, "--out", "out", "--shard-size", "4", "--json"
    )
    assert answer.status == 0, answer.err
    summary = answer.json
    assert (summary["images"], summary["predicted"], summary["errors"]) == (11, 9, 2)
    assert summary["complete"]
    assert summary["shards"] == {"total": 3, "of_part": 3, "before": 0, "now": 3}
    rows = rows_of(Path("out"))
    names = [f"{number:02}.png" for number in range(8)]
    assert [row["filename"] for row in rows] == [*names, "bad.jpg", "sub/deep.png", "torn.png"]
    assert [row["prediction"] for row in rows[:8]] == [(10 + n) / 100 for n in range(8)]
    errors = {row["filename"]: row["error"] for row in rows if row["error"]}
    assert errors.keys() == {"bad.jpg", "torn.png"}
    assert "no known image format" in errors["bad.jpg"]
    assert "cannot be decoded" in errors["torn.png"]
    assert json.loads(Path("out/summary.json").read_text()) == summary
    assert "loading" in Path("out/logs/part-1-of-1.log").read_text()


def test_the_model_is_loaded_once_for_all_shards(kit: Kit, images: Path, tmp_path: Path) -> None:
    kit("predict", batched(tmp_path / "s"), images, "--out", "out", "--shard-size", "2")
    assert Path("out/logs/part-1-of-1.log").read_text().count("loading") == 1


def test_a_submission_that_fails_on_one_image_has_an_error_there(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    submission = make_submission(tmp_path / "s", LABELS, metadata="track: reid\n")
    assert kit("predict", submission, images, "--out", "out").status == 0
    rows = {row["filename"]: row for row in rows_of(Path("out"))}
    assert rows["03.png"]["error"] == "predict raised ValueError: thirteen"
    assert rows["03.png"]["prediction"] is None
    assert rows["04.png"]["prediction"] == "wide 14"
    assert "cannot be decoded" in rows["torn.png"]["error"]


FAILS_IN_BATCH = BATCHED.replace(
    "return [float",
    "assert all(p.shape[1] != 13 for p in batch), 'thirteen'\n        return [float",
)
NOT_FINITE = BATCHED.replace("return [float(pixels.shape[1]) / 100", "return [float('nan')")


def test_a_batch_that_fails_costs_only_the_guilty_image(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    submission = batched(tmp_path / "s", FAILS_IN_BATCH)
    assert kit("predict", submission, images, "--out", "out").status == 0
    rows = {row["filename"]: row for row in rows_of(Path("out"))}
    assert rows["03.png"]["error"] == "predict raised AssertionError: thirteen"
    assert rows["02.png"]["prediction"] == 0.12


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (NOT_FINITE, "not finite"),
        (BATCHED.replace("batch_size = 4", "batch_size = 0"), "batch_size must be an int"),
        (BATCHED.replace('print("loading", flush=True)', "1 / 0"), "ZeroDivisionError"),
        (BATCHED.replace("[float(pixels.shape[1]) / 100", "[int(pixels.shape[1])"), "int 10"),
        ("import no_such_thing", "no_such_thing"),
    ],
    ids=["nan", "batch size", "load", "type", "import"],
)
def test_a_submission_that_always_fails_ends_the_run(
    model: str, told: str, kit: Kit, images: Path, tmp_path: Path
) -> None:
    answer = kit("predict", batched(tmp_path / "s", model), images, "--out", "out")
    assert answer.status == 1
    assert told in answer.err
    assert not list(Path("out").glob("shards/*"))


DIES = BATCHED.replace(
    "def predict_batch(self, batch):",
    """def predict_batch(self, batch):
        import os, pathlib
        mark = pathlib.Path(MARK)
        if len(mark.read_bytes()) < 1:
            mark.write_bytes(b"x")
            os.kill(os.getpid(), 9)""",
)


FAILS_OFTEN = BATCHED.replace(
    "return [float", "assert all(p.shape[1] < 14 for p in batch), 'broken'\n        return [float"
)


def test_a_submission_that_fails_mostly_ends_the_run_with_what_is_done(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    order = ("predict", batched(tmp_path / "s", FAILS_OFTEN), images, "--out", "out")
    answer = kit(*order, "--shard-size", "4")
    assert answer.status == 1
    assert "failed on 4 of 4 readable images of shard 1" in answer.err
    assert [row["prediction"] for row in rows_of(Path("out"))] == [0.1, 0.11, 0.12, 0.13]


def test_a_process_that_was_killed_is_started_again(kit: Kit, images: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    submission = batched(tmp_path / "s", DIES.replace("MARK", repr(str(mark))))
    answer = kit("predict", submission, images, "--out", "out", "--json")
    assert answer.status == 0, answer.err
    assert answer.json["predicted"] == 9
    assert Path("out/logs/part-1-of-1.log").read_text().count("loading") == 2


def test_a_process_that_was_killed_while_it_loaded_is_started_again(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    dies = f"""def load(self):
        import os, pathlib
        mark = pathlib.Path({str(mark)!r})
        if not mark.read_bytes():
            mark.write_bytes(b"x")
            os.kill(os.getpid(), 9)"""
    submission = batched(tmp_path / "s", BATCHED.replace("def load(self):", dies))
    answer = kit("predict", submission, images, "--out", "out", "--json")
    assert answer.status == 0, answer.err
    assert answer.json["predicted"] == 9


def test_a_process_that_dies_each_time_ends_the_run(kit: Kit, images: Path, tmp_path: Path) -> None:
    dies = BATCHED.replace("return [float", "__import__('os')._exit(7)\n        return [float")
    answer = kit("predict", batched(tmp_path / "s", dies), images, "--out", "out")
    assert answer.status == 1
    assert "status 7" in answer.err


def test_the_same_command_resumes_and_does_what_is_damaged_again(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    order = ("predict", batched(tmp_path / "s"), images, "--out", "out", "--shard-size", "4")
    kit(*order)
    before = rows_of(Path("out"))
    half = Path("out/shards/shard-000001.parquet")
    half.write_bytes(half.read_bytes()[:100])
    Path("out/shards/shard-000002.parquet").unlink()
    with Path("out/journal/part-1-of-1.jsonl").open("a") as stream:
        stream.write('{"key": "torn')
    answer = kit(*order, "--json")
    assert answer.json["shards"] == {"total": 3, "of_part": 3, "before": 1, "now": 2}
    assert rows_of(Path("out")) == before
    assert kit(*order, "--json").json["shards"]["now"] == 0


@pytest.mark.process
def test_a_driver_that_is_killed_leaves_nothing_running_and_resumes(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    slow = BATCHED.replace("return [float", "import time; time.sleep(0.2)\n        return [float")
    slow = slow.replace('print("loading"', 'print("process", __import__("os").getpid()')
    order = ["predict", str(batched(tmp_path / "s", slow)), str(images), "--out", "out"]
    order += ["--shard-size", "1"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    driver = subprocess.Popen(
        [sys.executable, "-m", "kit", *order], env=os.environ | {"TMPDIR": str(temporary)}
    )
    wait_for(lambda: len(list(Path("out").glob("shards/*.parquet"))) >= 2)
    driver.kill()
    driver.wait()
    (told,) = re.findall(r"^process (\d+)$", Path("out/logs/part-1-of-1.log").read_text(), re.M)
    number = int(told)
    wait_for(lambda: not is_running(number))
    assert not list(temporary.iterdir())
    summary = kit(*order, "--json").json
    assert summary["complete"]
    assert summary["shards"]["before"] >= 1
    assert len(rows_of(Path("out"))) == 11
    assert not list(Path("out").rglob("*.tmp"))


def wait_for(condition: object, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda images, s: (images / "00.png").unlink(), "1 image vanished: 00.png"),
        (lambda images, s: (images / "new.png").write_bytes(png(9)), "1 image new: new.png"),
        (lambda images, s: (images / "01.png").write_bytes(b"x"), "1 image changed: 01.png"),
        (lambda images, s: (s / "model.py").write_text(BATCHED + "#"), "the submission's files"),
        (lambda images, s: (images / "metadata.csv").write_text("filename\n"), "metadata.csv"),
    ],
    ids=["vanished", "new", "changed", "submission", "metadata"],
)
def test_other_digests_are_refused(
    change: object, told: str, kit: Kit, images: Path, tmp_path: Path
) -> None:
    submission = batched(tmp_path / "s")
    kit("predict", submission, images, "--out", "out")
    change(images, submission)  # type: ignore[operator]
    answer = kit("predict", submission, images, "--out", "out")
    assert answer.status == 1
    assert "what decides the rows has changed" in answer.err
    assert told in answer.err


def test_an_image_that_vanishes_after_the_listing_is_a_row(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    removes = BATCHED.replace(
        "def load(self):",
        f"def load(self):\n        __import__('os').unlink({str(images / '05.png')!r})",
    )
    assert kit("predict", batched(tmp_path / "s", removes), images, "--out", "out").status == 0
    rows = {row["filename"]: row for row in rows_of(Path("out"))}
    assert rows["05.png"]["error"] == "cannot be read (No such file or directory)"


def test_features_are_rows_of_fixed_width(kit: Kit, images: Path, tmp_path: Path) -> None:
    answer = kit("predict", batched(tmp_path / "s"), images, "--out", "out", "--features")
    assert answer.status == 0, answer.err
    rows = {row["filename"]: row for row in rows_of(Path("out"))}
    assert rows["02.png"]["features"] == [12.0, 8.0, 1.0]
    assert rows["bad.jpg"]["features"] is None


def test_a_submission_without_an_embedding_is_told_so(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    submission = make_submission(tmp_path / "s", LABELS)
    answer = kit("predict", submission, images, "--out", "out", "--features")
    assert answer.status == 1
    assert "embed_batch" in answer.err


def test_modules_of_the_submission_are_its_own_whatever_their_names(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    names = ("answers", "caller", "images", "loading", "server", "listing")
    model = "".join(f"import {name}\n" for name in names)
    model += f"assert all(part.mine for part in ({', '.join(names)}))\n{BATCHED}"
    own = {f"{name}.py": "mine = True\n" for name in names}
    submission = make_submission(tmp_path / "s", model, **own)
    assert kit("predict", submission, images, "--out", "out").status == 0


def test_no_module_of_the_kit_is_lent_to_the_submission(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    submission = batched(tmp_path / "s", f"import serving\n{BATCHED}")
    answer = kit("predict", submission, images, "--out", "out")
    assert answer.status == 1
    assert "No module named 'serving'" in answer.err


def test_predictions_without_a_model_are_told_so(kit: Kit, images: Path, tmp_path: Path) -> None:
    results = write_tree(tmp_path / "results", {"predictions.txt": "a.png,1\n"})
    answer = kit("predict", results, images, "--out", "out")
    assert answer.status == 1
    assert "holds predictions and no model" in answer.err


def test_a_zip_predicts_too(kit: Kit, images: Path, tmp_path: Path) -> None:
    assert kit("predict", zipped(batched(tmp_path / "s")), images, "--out", "out").status == 0
    assert len(rows_of(Path("out"))) == 11


def test_a_row_of_metadata_reaches_the_submission(kit: Kit, images: Path, tmp_path: Path) -> None:
    model = """
    class Model:
        def load(self): pass
        def predict(self, image, metadata=None): return float(metadata["weight"])
    """
    names = sorted(path.name for path in images.glob("0*.png"))[1:]
    lines = ["filename,weight", *(f"{name},{n}" for n, name in enumerate(names))]
    (images / "metadata.csv").write_text("\n".join(lines) + "\n")
    kit("predict", make_submission(tmp_path / "s", model), images, "--out", "out")
    rows = {row["filename"]: row for row in rows_of(Path("out"))}
    assert rows["02.png"]["prediction"] == 1.0
    assert rows["00.png"]["error"] == "no row in metadata.csv"


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "1/0", "x/y"])
def test_a_part_that_does_not_exist_is_a_usage_error(part: str, kit: Kit, images: Path) -> None:
    answer = kit("predict", "s", images, "--out", "out", "--shard", part)
    assert answer.status == 2
    assert "expected K/N" in answer.text


def test_without_pyarrow_one_message_names_the_extra(
    kit: Kit, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = kit("predict", batched(tmp_path / "s"), images, "--out", "out")
    assert answer.status == 2
    assert "pip install '.[predict]'" in answer.err
    assert not Path("out").exists()


def test_without_ray_one_message_names_the_extra(
    kit: Kit, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    answer = kit("predict", batched(tmp_path / "s"), images, "--out", "out", "--engine", "ray")
    assert answer.status == 2
    assert "pip install '.[predict,ray]'" in answer.err


def test_an_address_is_for_ray_alone(kit: Kit, images: Path) -> None:
    answer = kit("predict", "s", images, "--out", "out", "--address", "auto")
    assert answer.status == 2
    assert "--engine ray" in answer.err


def test_a_folder_that_holds_something_else_is_left_alone(
    kit: Kit, images: Path, tmp_path: Path
) -> None:
    answer = kit("predict", batched(tmp_path / "s"), images, "--out", images)
    assert answer.status == 2
    assert "expected a new or empty folder" in answer.err


@pytest.mark.process
def test_control_c_ends_with_130(images: Path, tmp_path: Path, in_empty_folder: Path) -> None:
    slow = BATCHED.replace("return [float", "import time; time.sleep(30)\n        return [float")
    order = ["predict", str(batched(tmp_path / "s", slow)), str(images), "--out", "out"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "kit", *order], stderr=subprocess.PIPE, text=True
    )
    log = Path("out/logs/part-1-of-1.log")
    wait_for(lambda: log.exists() and "loading" in log.read_text())
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=20)
    assert driver.returncode == 130
    assert "interrupted" in err
