"""From annotated animals to the species files of a submission."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from training.anomaly.species.choose import Choice, choose, say_table
from training.anomaly.species.features import FEWEST, Animals
from training.anomaly.species.fit import Setting, fit_space, fit_svms, numbers_of
from training.anomaly.species.validation import out_of_fold
from training.common.console import say
from wildlife_anomaly.scores import NOTHING, SVM, Known, OneClass, Part, calibrated
from wildlife_anomaly.species_files import DAY, NIGHT

ARRAYS, SVMS = "weights/species.npz", "weights/svms.joblib"
PROBES = 16  # training vectors with which a submission tries its SVMs


@dataclass(frozen=True)
class Fitted:
    """The content of the species' files by path, the part `species` of config.json, and more.

    no_detection: the score of a frame without animals.
    """

    files: dict[str, bytes]
    config: dict[str, Any]
    no_detection: float
    choice: Choice


def fit_species(day: Animals, night: Animals, mixed: bool) -> Fitted:
    """Choose settings by leaving species out in turn, fit day and night, and calibrate.

    mixed: choose a mix of measures, not the one-class SVMs alone.
    """
    if not _enough(day, night):
        say("too few animals in colour: day is judged by the grey crops, as night is")
        day = night
    choice = choose(day, mixed)
    say_table(choice)
    arrays: dict[str, NDArray[Any]] = {}
    svms: dict[str, list[OneClass]] = {}
    lights: dict[str, Any] = {}
    curve = _curve(choice)
    without = float(calibrated(np.array([NOTHING]), curve["offset"], curve["slope"])[0])
    for light, animals in ((DAY, day), (NIGHT, night)):
        parts = _parts(animals, choice.settings)
        lights[light] = {"parts": [asdict(part) for part in parts], **curve}
        _fit_light(light, animals, choice.settings, arrays, svms)
    config = {
        "names": numbers_of(day.species)[0],
        "arrays": ARRAYS,
        "svms": SVMS,
        "scikit_learn": sklearn.__version__,
        **lights,
    }
    return Fitted({ARRAYS: _npz(arrays), SVMS: _joblib(svms)}, config, without, choice)


def _enough(day: Animals, night: Animals) -> bool:
    """Whether each species has as many animals in colour as it needs."""
    return all((day.species == name).sum() >= FEWEST for name in set(night.species.tolist()))


def _parts(animals: Animals, settings: tuple[Setting, ...]) -> list[Part]:
    scores = out_of_fold(animals, settings)
    return [
        Part(one.features, one.measure, float(row.mean()), max(float(row.std()), 1e-9))
        for one, row in zip(settings, scores, strict=True)
    ]


def _curve(choice: Choice) -> dict[str, float]:
    """Offset and slope of the score: left-out species against known ones, equally many."""
    evidence = np.concatenate([one.scores.mean(axis=0) for one in choice.made])
    anomaly = np.concatenate([one.anomaly for one in choice.made])
    curve = LogisticRegression(class_weight="balanced").fit(evidence[:, None], anomaly)
    # A slope that is not positive would turn the ranking round; validation has then failed.
    return {
        "offset": float(curve.intercept_[0]),
        "slope": max(float(curve.coef_[0, 0]), 0.1),
    }


def _fit_light(
    light: str,
    animals: Animals,
    settings: tuple[Setting, ...],
    arrays: dict[str, NDArray[Any]],
    svms: dict[str, list[OneClass]],
) -> None:
    """Fit all measures to the animals of one light; fill the files' arrays and SVMs."""
    _, numbers = numbers_of(animals.species)
    arrays[f"{light}.species"] = numbers.astype(np.int16)
    for kind in sorted({one.features for one in settings}):
        own = [one for one in settings if one.features == kind]
        space = fit_space(animals.features[kind])
        vectors = space(animals.features[kind])
        arrays |= {f"{light}.{kind}.{name}": value for name, value in space.arrays().items()}
        arrays[f"{light}.{kind}.vectors"] = vectors.astype(np.float16)
        for one in own:
            if one.measure == SVM:
                fitted = fit_svms(Known(vectors, numbers), one.nu, one.gamma)
                probes = vectors[:: max(len(vectors) // PROBES, 1)][:PROBES].astype(np.float32)
                answers = [svm.decision_function(probes.astype(np.float64)) for svm in fitted]
                svms[f"{light} {kind}"] = fitted
                arrays[f"{light} {kind}.probes"] = probes
                arrays[f"{light} {kind}.answers"] = np.stack(answers, axis=1)


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # numpy's stubs know no **
    return stream.getvalue()


def _joblib(svms: Mapping[str, list[OneClass]]) -> bytes:
    stream = io.BytesIO()
    joblib.dump(dict(svms), stream, compress=3)
    return stream.getvalue()
