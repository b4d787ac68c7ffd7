"""The participant's code: how it is found and imported, and what each failure says."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.package_names import packages_of
from tests.support.ingestion import MEAN_GREY, Place, make_place, model_answering
from wildlife_ingestion.errors import IngestionError, ResultSubmission
from wildlife_ingestion.submission import (
    PACKAGE_OF_MODULE,
    find_model_file,
    read_prediction_kind,
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = make_place(tmp_path)
    place.images(5)
    return place


def test_no_model_file_says_what_is_there_instead(place: Place) -> None:
    (place.submission / "model.py").rename(place.submission / "Model.py")
    place.code("weights.npz", "")
    assert "no model.py at the root of the submission; found: Model.py, " in place.fail()


def test_a_zipped_parent_folder_is_pointed_at(place: Place) -> None:
    (place.submission / "model.py").unlink()
    place.code("my_entry/model.py", MEAN_GREY)
    place.code("__MACOSX/my_entry/model.py", "")
    message = place.fail()
    assert "model.py was found under my_entry/, expected at the root of the zip" in message


def test_a_missing_submission_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IngestionError, match="does not exist"):
        find_model_file(tmp_path / "nowhere")


def test_predictions_without_code_or_metadata_are_a_result_submission(tmp_path: Path) -> None:
    (tmp_path / "predictions.txt").write_text("a.png,0.1\n")
    with pytest.raises(ResultSubmission):
        find_model_file(tmp_path)


def test_predictions_in_a_folder_are_told_so(tmp_path: Path) -> None:
    for folder in ("my results", "__MACOSX/my results"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "predictions.txt").write_text("a.png,0.1\n")
    with pytest.raises(IngestionError, match=r"predictions\.txt was found under my results/, exp"):
        find_model_file(tmp_path)


FAILURES = {
    "syntax error": (
        "class Model:\n    def load(self:\n",
        "importing model.py: syntax error in model.py line 2: ",
    ),
    "error at import": ("1 / 0\n", "importing model.py raised ZeroDivisionError: division by zero"),
    "exit at import": ("import sys\nsys.exit(0)\n", "importing model.py called sys.exit(0)"),
    "package off the whitelist": (
        "import frobnicate.deep\n",
        "There is no frobnicate.py in the submission, frobnicate is not installed, and "
        "frobnicate is not on the whitelist.",
    ),
    "package on the whitelist": (
        "import nflows\n",
        "nflows is on the whitelist: add it to requirements.txt.",
    ),
    "no class": ("class Modle: pass\n", "no class named Model (classes found: Modle)."),
    "constructor raises": (
        "class Model:\n    def __init__(self): raise OSError('no weights')\n",
        "Model() raised OSError: no weights",
    ),
    "constructor with arguments": (
        "class Model:\n    def __init__(self, path): pass\n",
        "Model() raised TypeError: ",
    ),
    "no methods": ("class Model: pass\n", "has no method load and no method predict; expected"),
    "load raises": (
        "class Model:\n    def load(self): raise KeyError('w')\n    predict = load\n",
        "load() raised KeyError: 'w'",
    ),
    "load exits": (
        "import sys\nclass Model:\n    def load(self): sys.exit(0)\n    predict = load\n",
        "load() called sys.exit(0)",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_before_prediction_has_its_message(place: Place, failure: str) -> None:
    source, expected = FAILURES[failure]
    place.code("model.py", source)
    assert expected in place.fail()


def test_predict_that_raises_names_the_image_and_its_place(place: Place) -> None:
    place.code("model.py", model_answering("0.5 if name < 'p003' else [][7]"))
    message = place.fail()
    assert "predict raised IndexError: list index out of range, on p003.png (image 3 of 5)" in (
        message
    )


def test_the_traceback_begins_in_the_participants_code(place: Place) -> None:
    place.code("model.py", "import deep\n" + model_answering("deep.fall(image)"))
    place.code("deep.py", "def fall(image):\n    raise ValueError('deep down')\n")
    message = place.fail()
    lines = [line for line in message.splitlines() if line.startswith("  File ")]
    assert [Path(line.split('"')[1]).name for line in lines] == ["model.py", "deep.py"]
    assert message.index("Traceback") < message.index("ERROR: predict raised ValueError: deep down")


def test_predict_that_exits_with_success_is_a_failure(place: Place) -> None:
    place.code("model.py", model_answering("sys.exit(0)"))
    assert "predict called sys.exit(0), on p001.png (image 1 of 5)" in place.fail()


def test_preprocess_that_raises_in_a_thread_names_the_image(place: Place) -> None:
    place.code(
        "model.py",
        MEAN_GREY.replace("return float", "assert '4' not in image.filename[-7:]; return float"),
    )
    assert "preprocess raised AssertionError, on p004.png (image 4 of 5)" in place.fail()


def test_preprocess_that_exits_in_a_thread_is_a_failure(place: Place) -> None:
    place.code("model.py", MEAN_GREY.replace("return float", "raise SystemExit(0)\n        float"))
    assert "preprocess called sys.exit(0), on p001.png (image 1 of 5)" in place.fail()


def test_predict_batch_that_raises_names_its_images(place: Place) -> None:
    place.code("model.py", MEAN_GREY.replace("return prepared", "raise RuntimeError('shape')"))
    message = place.fail()
    assert "predict_batch raised RuntimeError: shape, on images 1 to 5 of 5" in message
    assert "INGESTION_ONE_BY_ONE=1 finds out which one" in message


@pytest.mark.parametrize("size", ["0", "'16'", "True", "2.5"])
def test_an_unusable_batch_size_is_an_error(place: Place, size: str) -> None:
    place.code("model.py", MEAN_GREY + f"\n    batch_size = {size}\n")
    assert f"Model.batch_size must be an int of at least 1, found {size}" in place.fail()


COMMON_NAMES = ["images", "pipeline", "packaging", "ingestion_images", "answers", "errors", "yaml"]


def test_the_submissions_own_modules_win_over_all_others(place: Place) -> None:
    for name in COMMON_NAMES:
        place.code(f"{name}.py", f"HERE = '{name}'\n")
    place.code("networks/__init__.py", "HERE = 'networks'\n")
    imports = "".join(f"import {name}\n" for name in [*COMMON_NAMES, "networks"])
    found = " + ".join(f"len({name}.HERE)" for name in [*COMMON_NAMES, "networks"])
    place.code("model.py", imports + model_answering(f"float({found})"))
    outcome = place.run()
    assert outcome.status == 0, outcome.err
    assert outcome.written[0][1] == f"{sum(map(len, [*COMMON_NAMES, 'networks'])):.4f}"


def test_a_module_named_like_one_of_pythons_own_is_noted(place: Place) -> None:
    place.code("queue.py", "")
    assert "NOTE: queue.py is hidden by Python's own module queue; rename it" in place.run().out


def test_our_folder_is_not_on_the_path_of_the_submission(place: Place) -> None:
    place.code("model.py", "import ingestion\n" + MEAN_GREY)
    assert "There is no ingestion.py in the submission" in place.fail()


def test_a_submission_may_spawn_processes(place: Place) -> None:
    place.code("work.py", "def double(x):\n    return 2.0 * x\n")
    place.code(
        "model.py",
        """
import multiprocessing
import work
class Model:
    def load(self):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            self.answer = pool.map(work.double, [4])[0]
    def predict(self, image):
        return self.answer
""",
    )
    assert place.run().written[0] == ["p001.png", "8.0000"]


def test_a_pickle_finds_the_classes_of_model(place: Place) -> None:
    source = model_answering(
        "float(type(pickle.loads(pickle.dumps(Part()))).__module__ == 'model')"
    )
    place.code("model.py", "import pickle\nclass Part: pass\n" + source)
    assert place.run().written[0] == ["p001.png", "1.0000"]


TRACKS = {
    "track: hybrid\n": "score",
    "description: x\ntrack: 'hybrid'  # theirs\n": "score",
    "track: reid\n": "label",
    'track: "reid"\n': "label",
    "description: a model\n": None,
    "track:\n": None,
    "": None,
}


@pytest.mark.parametrize("has_yaml", [True, False])
@pytest.mark.parametrize("text", TRACKS)
def test_the_track_says_what_to_answer_with_and_without_a_yaml_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, has_yaml: bool
) -> None:
    if not has_yaml:
        monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    (tmp_path / "metadata").write_text(text)
    assert read_prediction_kind(tmp_path) == TRACKS[text]


def test_metadata_yaml_comes_before_metadata(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("track: reid\n")
    (tmp_path / "metadata.yaml").write_text("track: hybrid\n")
    assert read_prediction_kind(tmp_path) == "score"


def test_a_submission_without_metadata_has_no_track(tmp_path: Path) -> None:
    assert read_prediction_kind(tmp_path) is None


def test_an_organisers_own_track_leaves_the_type_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "metadata").write_text("track: moths\n")
    assert read_prediction_kind(tmp_path) is None
    assert "'moths'" in capsys.readouterr().out


def test_metadata_that_is_not_yaml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "metadata").write_text("track: [hybrid\n")
    with pytest.raises(IngestionError, match="metadata is not YAML"):
        read_prediction_kind(tmp_path)


def test_modules_and_packages_are_those_that_the_check_knows() -> None:
    assert {name: packages_of(name)[0] for name in PACKAGE_OF_MODULE} == PACKAGE_OF_MODULE
