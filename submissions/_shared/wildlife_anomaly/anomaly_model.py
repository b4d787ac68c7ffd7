"""The common part of each `Model` of this track: detect, crop, encode, score.

The score is the log-odds of a probability. The rules, for all of them:

- The evidence against an animal counts in proportion to the detector's score of it.
- No detection: the probability `no_detection` of config.json, the limit for a score of 0.
- Several animals: the largest probability of them.
- A label of the detector that is no known species (nor "animal", which tells none apart): at least
  the detector's own score of it.
- Night (next to no colour): crops in grey are compared with grey crops of all training animals.
- A box whose features are not finite: the probability 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wildlife_anomaly.colour import colour_histograms
from wildlife_anomaly.crops import is_night, served_frame
from wildlife_anomaly.detector import Detection, Detector, Prepared
from wildlife_anomaly.encoder import ServedEncoder, read_encoder
from wildlife_anomaly.scores import Array, log_odds
from wildlife_anomaly.species_files import DAY, NIGHT, read_species
from wildlife_submission.manifest import check_weights
from wildlife_submission.served_network import served_batch_size

ANIMAL = "animal"  # the one label of a detector that does not tell species apart
ENCODED, COLOUR = "encoded", "colour"  # the kinds of features


@dataclass(frozen=True)
class Opened:
    """A frame, and what the detector takes of it."""

    frame: Image.Image
    prepared: Prepared
    night: bool


class AnomalyModel:
    """`load()` once; then `predict(image)`, or `preprocess` in threads and `predict_batch`.

    A subclass lies next to its files and says so by `folder`.
    """

    folder: Path

    def __init__(self) -> None:
        self._detector: Detector | None = None

    def load(self) -> None:
        """Read config.json and the files that it names.

        Raises FileNotFoundError for a missing file, with what weights.json says made it;
        ValueError or RuntimeError for a file that is damaged or of another network.
        """
        check_weights(self.folder)
        config: Any = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        detector = Detector(config["detector"])
        detector.read(self.folder)
        self._encoder = ServedEncoder(read_encoder(config["encoder"], self.folder))
        self._scores = read_species(self.folder, config["species"])
        self._labels = {ANIMAL, *config["species"]["names"]}
        self._without = float(config["no_detection"])
        self._detector = detector

    @property
    def batch_size(self) -> int:
        """How many images the ingestion program should hand to `predict_batch`."""
        return int(served_batch_size())

    def preprocess(self, image: Image.Image) -> Opened:
        """Read any PIL image as a frame of a camera. Thread-safe."""
        frame = served_frame(image)
        return Opened(frame, self._ready().prepare(frame), is_night(frame))

    def predict_batch(self, batch: list[Opened]) -> list[float]:
        """Return the log-odds of an anomaly for each frame, higher = more anomalous."""
        found = self._ready().detect_batch([opened.prepared for opened in batch])
        crops = [
            self._encoder.crops(opened.frame, [box_of(one) for one in detections], opened.night)
            for opened, detections in zip(batch, found, strict=True)
        ]
        if not crops:
            return []
        encoded = self._encoder.of_crops(np.concatenate(crops))
        ends = np.cumsum([len(one) for one in crops])[:-1]
        return [
            self._frame_score(opened.night, own, vectors, detections)
            for opened, own, vectors, detections in zip(
                batch, crops, np.split(encoded, ends), found, strict=True
            )
        ]

    def predict(self, image: Image.Image) -> float:
        """Return the log-odds of an anomaly, higher = more anomalous."""
        return self.predict_batch([self.preprocess(image)])[0]

    def _frame_score(
        self, night: bool, crops: Any, encoded: Array, detections: Sequence[Detection]
    ) -> float:
        if not detections:
            return log_odds(self._without)
        features = {ENCODED: np.nan_to_num(encoded), COLOUR: colour_histograms(crops)}
        confidence = np.array([one.score for one in detections])
        scores = self._scores[NIGHT if night else DAY](features, confidence)
        scores = np.where(np.isfinite(encoded).all(axis=1), scores, 1.0)
        return round(log_odds(frame_score(scores, detections, self._labels)), 6)

    def _ready(self) -> Detector:
        if self._detector is None:
            raise RuntimeError("Model.load() has to be called before predicting")
        return self._detector


def box_of(detection: Detection) -> tuple[float, float, float, float]:
    """Return the detection's box: left, top, width, height."""
    return detection.left, detection.top, detection.width, detection.height


def frame_score(scores: Array, detections: Sequence[Detection], known_labels: set[str]) -> float:
    """Return the largest score of a frame's animals (n,), unknown labels counting as anomalies."""
    return max(
        max(float(score), one.score if one.label not in known_labels else 0.0)
        for score, one in zip(scores, detections, strict=True)
    )
