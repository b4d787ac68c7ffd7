"""Validation in the detector's boxes: evidence, rules of a frame, the table, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.anomaly_data import camera_traps
from training.anomaly.camera_traps import Box, Frame, read_camera_traps
from training.anomaly.compare_served import held_out, main, rows_of
from training.anomaly.species.detected import (
    Seen,
    Validation,
    detected,
    in_proportion,
    largest,
    measured,
)
from training.anomaly.species.features import Animals
from training.common.errors import FolderError
from wildlife_anomaly.detector import Detection

SPECIES = ("fox", "hare", "crane")


def seen(species: str, *boxes: tuple[float, float]) -> Seen:
    """A frame with (confidence, evidence) of each box."""
    sure, evidence = (np.array([box[at] for box in boxes], dtype=float) for at in (0, 1))
    return Seen({species} - {""}, sure, evidence)


def test_a_doubtful_box_is_left_out_or_counts_for_less() -> None:
    evidence, confidence = np.array([1.0, 9.0]), np.array([0.8, 0.2])
    assert largest(0.5)(evidence, confidence) == 1
    assert largest(0.1)(evidence, confidence) == 9
    assert largest(0.9)(evidence, confidence) == 0
    assert in_proportion(0.1)(evidence, confidence) == pytest.approx(-1 + 0.2 * 10)
    assert in_proportion(0.9)(evidence, confidence) == -1


def test_measured_by_hand() -> None:
    frames = [seen("fox", (1, 2)), seen("hare", (1, 1), (0.9, 0)), seen("", (0.1, 9)), seen("")]
    area, worst, recall = measured({"fox": frames, "hare": frames, "lynx": frames}, largest(0.5))
    # The fox is above the three others; the hare is above two of three.
    assert area == pytest.approx((1 + 2 / 3) / 2)
    assert worst == pytest.approx(2 / 3)
    assert recall == 0.5
    assert all(np.isnan(measured({"lynx": frames}, largest(0.5))))


def blobs(rng: np.random.Generator, species: list[str], frames: list[int]) -> Animals:
    """Animals whose features lie around a point of their species."""
    places = {name: 4 * np.eye(4)[at] for at, name in enumerate((*SPECIES, "elsewhere"))}
    features = np.array([places[name] + rng.normal(0, 0.3, 4) for name in species])
    return Animals(
        {"encoded": features},
        np.array(species),
        np.array([f"s{number % 6}" for number in frames]),
        np.array(frames),
    )


def test_a_left_out_species_is_found_in_detected_boxes() -> None:
    rng = np.random.default_rng(0)
    known = blobs(rng, [name for name in SPECIES for _ in range(12)], list(range(36)))
    shown = [SPECIES[at % 3] for at in range(9)]
    box = (0.0, 0.0, 9.0, 9.0)
    frames = [Frame(f"{at}", 32, 32, "", "", (Box(name, *box),)) for at, name in enumerate(shown)]
    found = [[Detection(*box, 0.9, "animal")] for _ in shown]
    held = blobs(rng, shown, list(range(9)))
    day = held.of(held.frame < 5)  # the other frames are dark
    one = Validation(frames, found, (known, known), (day, held), (day, held))
    rows = rows_of(one, 0.5)
    assert [row[1] for row in rows[:5]] == ["true", *["detected"] * 4]
    assert all(float(cell) > 0.9 for row in rows for cell in row[3:5])
    assert detected(frames, found)[0].boxes == (Box("animal", *box),)


def test_a_detector_of_other_data_is_refused(tmp_path: Path) -> None:
    data = camera_traps(tmp_path / "train")
    frames = read_camera_traps(data)
    with pytest.raises(FolderError, match="expected a report of train_detector"):
        held_out(tmp_path, frames)
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"held_out_files": ["nowhere.jpg"]}))
    with pytest.raises(FolderError, match="held-out frames that the data lacks"):
        held_out(tmp_path, frames)
    report.write_text(json.dumps({"held_out_files": [frames[0].file_name]}))
    inside, held = held_out(tmp_path, frames)
    assert held == frames[:1]
    assert inside == frames[1:]
    assert main(["--data", str(data), "--detector", str(tmp_path)]) == 1
