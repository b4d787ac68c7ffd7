"""Validation as it is served: species left out in turn, judged in the detector's own boxes.

The frames are those that the detector's training held out; the species are fitted to the true
boxes of its other frames. A left-out species is not new to a detector of the one label "animal".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.anomaly.camera_traps import Box, Frame
from training.anomaly.species.features import Animals, check_species, read_animals
from training.anomaly.species.fit import Setting, anomalies, fit_space, numbers_of
from training.anomaly.species.validation import out_of_fold
from wildlife_anomaly.detector import Detection
from wildlife_anomaly.encoder import ServedEncoder
from wildlife_anomaly.scores import NOTHING, Array, Known, weighed
from wildlife_scoring.metrics import auroc

Lights = tuple[Animals, Animals]  # in colour; all, in grey
Rule = Callable[[Array, Array], float]  # evidence (n,), confidence (n,) of a frame's boxes
_KNOWN_BELOW = 0.95  # share of known frames below the threshold of the recall


@dataclass(frozen=True)
class Seen:
    """A frame's species, and for each of its boxes the confidence (n,) and evidence (n,)."""

    species: set[str]
    confidence: Array
    evidence: Array


def largest(threshold: float) -> Rule:
    """The largest evidence of the boxes that the detector is sure of; 0 without one."""

    def rule(evidence: Array, confidence: Array) -> float:
        return float(max(evidence[confidence >= threshold], default=0.0))

    return rule


def in_proportion(threshold: float) -> Rule:
    """The largest evidence in proportion to the detector's confidence, as submissions do."""

    def rule(evidence: Array, confidence: Array) -> float:
        sure = confidence >= threshold
        return float(max(weighed(evidence[sure], confidence[sure]), default=NOTHING))

    return rule


def detected(frames: Sequence[Frame], found: Sequence[Sequence[Detection]]) -> list[Frame]:
    """Return the frames with the detector's boxes in place of the annotators'."""
    return [
        replace(
            frame,
            boxes=tuple(Box(one.label, one.left, one.top, one.width, one.height) for one in boxes),
        )
        for frame, boxes in zip(frames, found, strict=True)
    ]


def judge(
    fitted: Lights, found: Lights, settings: Sequence[Setting], left_out: str
) -> tuple[list[int], Array]:
    """Return the frame's number and the mean evidence of each found box, by its frame's light."""
    day, night = found
    dark = night.of(~np.isin(night.frame, day.frame))
    numbers, evidence = [], [np.zeros(0)]
    for known, boxes in zip(fitted, (day, dark), strict=True):
        if len(boxes):
            numbers += boxes.frame.tolist()
            evidence.append(_evidence(known.of(known.species != left_out), boxes, settings))
    return numbers, np.concatenate(evidence)


def _evidence(known: Animals, boxes: Animals, settings: Sequence[Setting]) -> Array:
    """The mean over settings of (n,) anomalies, on the scale of known animals not fitted on."""
    rows = []
    _, numbers = numbers_of(known.species)
    for setting, scale in zip(settings, out_of_fold(known, settings), strict=True):
        space = fit_space(known.features[setting.features])
        vectors = Known(space(known.features[setting.features]), numbers)
        row = anomalies(setting, vectors, space(boxes.features[setting.features]))
        rows.append((row - scale.mean()) / max(float(scale.std()), 1e-9))
    return np.asarray(np.mean(rows, axis=0))


@dataclass(frozen=True)
class Validation:
    """Held-out frames with their true boxes and with detected ones, and what is fitted to."""

    frames: Sequence[Frame]
    found: Sequence[Sequence[Detection]]
    fitted: Lights
    true: Lights
    boxes: Lights

    @classmethod
    def read(
        cls,
        data: Path,
        parts: tuple[Sequence[Frame], Sequence[Frame]],
        found: Sequence[Sequence[Detection]],
        encoder: ServedEncoder,
    ) -> Validation:
        """Read the features; parts: frames to fit to, and held-out ones, whose boxes `found` is.

        Raises DataError.
        """
        fitted, held = parts
        check_species(fitted)
        seen = (fitted, held, detected(held, found))
        return cls(held, found, *(read_animals(data, part, encoder) for part in seen))

    def rounds(self, settings: Sequence[Setting], true: bool) -> dict[str, list[Seen]]:
        """Return what is seen of each held-out frame, by the species that is left out."""
        species = sorted(set(self.fitted[1].species.tolist()))
        return {name: self.seen(settings, true, name) for name in species}

    def seen(self, settings: Sequence[Setting], true: bool, left_out: str) -> list[Seen]:
        """Return what is seen of each held-out frame in its true or its detected boxes."""
        boxes = self.true if true else self.boxes
        sure = [
            np.ones(len(frame.boxes)) if true else np.array([one.score for one in found])
            for frame, found in zip(self.frames, self.found, strict=True)
        ]
        with_boxes = [at for at, one in enumerate(sure) if len(one)]
        numbers, evidence = judge(self.fitted, boxes, settings, left_out)
        places = np.array([with_boxes[number] for number in numbers], dtype=int)
        return [
            Seen({box.species for box in frame.boxes}, sure[at], evidence[places == at])
            for at, frame in enumerate(self.frames)
        ]


def measured(rounds: dict[str, list[Seen]], rule: Rule) -> tuple[float, float, float]:
    """Return mean and worst AUROC over the left-out species, and the mean recall at 95 % TNR.

    NaN where no left-out species is in the held-out frames.
    """
    areas, recalls = [], []
    for name, frames in rounds.items():
        scores = np.array([rule(one.evidence, one.confidence) for one in frames])
        new = np.array([name in one.species for one in frames])
        if new.any() and not new.all():
            areas.append(float(auroc(scores[new], scores[~new])))
            limit = np.quantile(scores[~new], _KNOWN_BELOW)
            recalls.append(float((scores[new] > limit).mean()))
    if not areas:
        return float("nan"), float("nan"), float("nan")
    return float(np.mean(areas)), min(areas), float(np.mean(recalls))
