"""The submissions of the anomaly track, made end to end from a small folder of frames."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from PIL import Image

from tests.support.anomaly_data import camera_traps, draw_frame
from tests.support.detectors import TINY
from tests.support.retrieval import load_model
from training.anomaly.simclr_ocsvm import main
from training.anomaly.train_simclr import main as train
from training.common.atomic import write_all
from training.common.base_network import round_to_half
from wildlife_anomaly.anomaly_model import AnomalyModel
from wildlife_anomaly.detector import Detection, Detector
from wildlife_anomaly.scores import log_odds
from wildlife_anomaly.species_files import read_species

OPTIONS = ["--preset", "small", "--image-size", "32", "--epochs", "1", "--batch", "12"]


@pytest.fixture(scope="module")
def submission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    data = camera_traps(folder / "train")
    settings = {**TINY, "labels": ["animal"], "canvas": [128, 64]}
    weights = round_to_half(Detector(settings).network, {})
    write_all(
        folder / "detector",
        {settings["weights"]: weights, "detector.json": json.dumps(settings).encode()},
    )
    encoder = ["--data", str(data), "--out", str(folder / "encoder"), *OPTIONS]
    assert train(encoder) == 0
    given = ["--detector", str(folder / "detector"), "--encoder", str(folder / "encoder")]
    assert main(["--data", str(data), "--out", str(folder / "out"), *OPTIONS, *given]) == 0
    return folder / "out"


@pytest.fixture
def model(submission: Path) -> AnomalyModel:
    class Here(AnomalyModel):
        folder = submission

    made = Here()
    made.load()
    return made


def with_detections(model: AnomalyModel, found: list[Detection]) -> AnomalyModel:
    """Let the detector find the same in every frame."""
    detector: Any = model._detector
    detector.detect_batch = lambda images: [list(found) for _ in images]
    return model


def box(left: float, top: float, label: str = "animal") -> Detection:
    return Detection(left, top, 26.0, 18.0, 0.8, label)


def test_the_folder_is_a_submission_that_runs(submission: Path) -> None:
    made = load_model(submission)
    score = made.predict(draw_frame(["fox"], 99)[0])
    assert isinstance(score, float)
    assert -30 <= score <= 30
    manifest = json.loads((submission / "weights.json").read_text())
    files = {entry["path"] for entry in manifest["files"]}
    assert {"weights/svms.joblib", "weights/species.npz", "weights/encoder.safetensors"} <= files


def test_a_frame_without_detections_is_the_limit_of_an_unsure_one(
    model: AnomalyModel, submission: Path
) -> None:
    config = json.loads((submission / "config.json").read_text())
    frame = draw_frame([], 5)[0]
    assert with_detections(model, []).predict(frame) == pytest.approx(
        log_odds(config["no_detection"]), abs=1e-6
    )
    assert 0 < config["no_detection"] < 0.5
    unsure = replace(box(8, 30), score=1e-9)
    assert with_detections(model, [unsure]).predict(frame) == pytest.approx(
        log_odds(config["no_detection"]), abs=1e-3
    )


def test_several_animals_count_as_the_most_anomalous(model: AnomalyModel) -> None:
    frame, boxes = draw_frame(["fox", "hare"], 7)
    places = [box(one.left, one.top) for one in boxes]
    alone = [with_detections(model, [place]).predict(frame) for place in places]
    assert with_detections(model, places).predict(frame) == pytest.approx(max(alone), abs=1e-3)


def test_a_label_of_no_species_is_at_least_as_anomalous_as_the_detector_is_sure(
    model: AnomalyModel,
) -> None:
    frame, boxes = draw_frame(["fox"], 8)
    place = box(boxes[0].left, boxes[0].top, "person")
    assert with_detections(model, [place]).predict(frame) >= log_odds(0.8) - 1e-6


def test_night_is_judged_by_grey_crops(model: AnomalyModel) -> None:
    frame, boxes = draw_frame(["fox"], 9, night=True)
    with_detections(model, [box(boxes[0].left, boxes[0].top)])
    opened = model.preprocess(frame)
    assert opened.night
    assert not model.preprocess(draw_frame(["fox"], 9)[0]).night
    tinted = np.asarray(frame).astype(int) + np.array([2, 0, 3])
    tinted_frame = Image.fromarray(np.clip(tinted, 0, 255).astype(np.uint8))
    assert model.predict(tinted_frame) == pytest.approx(model.predict(frame), abs=0.3)


def test_a_batch_gives_the_scores_of_single_frames(model: AnomalyModel) -> None:
    frames = [draw_frame(["fox", "hare"], 11)[0], draw_frame(["crane"], 12)[0]]
    with_detections(model, [box(8, 30), box(50, 30)])
    batch = model.predict_batch([model.preprocess(frame) for frame in frames])
    assert batch == pytest.approx([model.predict(frame) for frame in frames], abs=1e-3)
    assert model.predict_batch([]) == []


def test_svms_that_answer_differently_name_the_version(submission: Path, tmp_path: Path) -> None:
    config = json.loads((submission / "config.json").read_text())["species"]
    for name in (config["arrays"], config["svms"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((submission / name).read_bytes())
    svms = joblib.load(tmp_path / config["svms"])
    for ones in svms.values():
        ones[0]._gamma *= 3
    stream = io.BytesIO()
    joblib.dump(svms, stream)
    (tmp_path / config["svms"]).write_bytes(stream.getvalue())
    other = {**config, "scikit_learn": "0.0.1"}
    with pytest.raises(ValueError, match=r"made with 0\.0\.1; the SVMs of day encoded") as caught:
        read_species(tmp_path, other)
    assert "fit them again" in str(caught.value)
    (tmp_path / config["svms"]).write_bytes(b"no pickle")
    with pytest.raises(ValueError, match=r"Install scikit-learn==0\.0\.1"):
        read_species(tmp_path, other)


def test_before_load_a_message_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"Model\.load\(\) has to be called"):
        AnomalyModel().preprocess(Image.new("RGB", (8, 8)))


def test_one_species_alone_ends_with_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = camera_traps(tmp_path / "train", species=("fox",), sequences=4)
    assert main(["--data", str(data), "--out", str(tmp_path / "out"), *OPTIONS]) == 1
    assert "at least 2 species, found fox" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
