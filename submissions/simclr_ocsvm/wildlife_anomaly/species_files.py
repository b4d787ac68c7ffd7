"""The species of a submission, as its files hold them: spaces, training vectors, SVMs, scales.

weights/species.npz: for each of "day" and "night" and each kind of features the space and the
training crops' vectors. weights/svms.joblib: {"day features": [OneClassSVM of each species]}.
Both hold probes too: vectors and what the SVMs answered, when they were fitted, to each of them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from wildlife_anomaly.scores import (
    Array,
    Known,
    OneClass,
    Part,
    Space,
    agreement,
    calibrated,
    fused,
    weighed,
)

DAY, NIGHT = "day", "night"
_CLOSE = 1e-4  # difference of a probe's decision function that rounding may bring
Arrays = Mapping[str, NDArray[Any]]


class SpeciesScore:
    """Features of crops -> a score in 0..1, for one light.

    settings: `parts` (features, measure, centre, scale), `offset` and `slope` of config.json.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        spaces: Mapping[str, Space],
        known: Mapping[str, Known],
        svms: Mapping[str, list[OneClass]],
    ) -> None:
        self.parts = [Part(**part) for part in settings["parts"]]
        self._offset, self._slope = float(settings["offset"]), float(settings["slope"])
        self._spaces = spaces
        self._measures = {
            part.name: agreement(part.measure, known[part.features], svms.get(part.features, []))
            for part in self.parts
        }

    def __call__(self, features: Mapping[str, Array], confidence: Array) -> Array:
        """Return (n,) in 0..1 for features (n, d) by their kind.

        confidence: the detector's, (n,) in 0..1; evidence counts in proportion to it.
        """
        vectors = {name: space(features[name]) for name, space in self._spaces.items()}
        agreements = {p.name: self._measures[p.name](vectors[p.features]) for p in self.parts}
        evidence = weighed(fused(self.parts, agreements), confidence)
        return calibrated(evidence, self._offset, self._slope)


def read_species(folder: Path, settings: Mapping[str, Any]) -> dict[str, SpeciesScore]:
    """Return the score for "day" and "night" of a submission's folder.

    settings: `arrays` and `svms`, the paths of both files, and `day` and `night`.

    Raises FileNotFoundError, or ValueError where a file is damaged, does not fit the settings, or
    holds SVMs of another scikit-learn that answer differently here.
    """
    with np.load(folder / str(settings["arrays"]), allow_pickle=False) as file:
        arrays = dict(file)
    svms = _read_svms(folder / str(settings["svms"]), arrays, str(settings["scikit_learn"]))
    return {light: _score_of(light, settings, arrays, svms) for light in (DAY, NIGHT)}


def _score_of(
    light: str, settings: Mapping[str, Any], arrays: Arrays, svms: Mapping[str, list[OneClass]]
) -> SpeciesScore:
    kinds = {str(part["features"]) for part in settings[light]["parts"]}
    spaces, known = {}, {}
    for kind in kinds:
        one = {name: arrays[f"{light}.{kind}.{name}"].astype(np.float64) for name in
               ("mean", "scale", "axes", "vectors")}  # fmt: skip
        known[kind] = Known(one.pop("vectors"), arrays[f"{light}.species"].astype(np.int64))
        spaces[kind] = Space(**one)
    own = {kind: svms[f"{light} {kind}"] for kind in kinds if f"{light} {kind}" in svms}
    return SpeciesScore(settings[light], spaces, known, own)


def _read_svms(path: Path, arrays: Arrays, made_with: str) -> dict[str, list[OneClass]]:
    """Read the SVMs, and try each on its probes: what counts is what they answer here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of any other version
            svms: dict[str, list[OneClass]] = joblib.load(path)
        wrong = [name for name, ones in svms.items() if not _as_fitted(name, ones, arrays)]
    except FileNotFoundError:
        raise
    except Exception as error:  # a pickle of other classes fails in a dozen ways
        raise ValueError(_other_version(path, made_with, repr(error))) from error
    if wrong:
        answer = f"the SVMs of {', '.join(sorted(wrong))} answer differently than when fitted"
        raise ValueError(_other_version(path, made_with, answer))
    return svms


def _as_fitted(name: str, svms: list[OneClass], arrays: Arrays) -> bool:
    probes = arrays[f"{name}.probes"].astype(np.float64)
    answers = np.stack([svm.decision_function(probes) for svm in svms], axis=1)
    return bool(np.allclose(answers, arrays[f"{name}.answers"], atol=_CLOSE))


def _other_version(path: Path, made_with: str, found: str) -> str:
    import sklearn

    return (
        f"{path}: expected SVMs that scikit-learn {sklearn.__version__} can use, made with "
        f"{made_with}; {found}. Install scikit-learn=={made_with}, as requirements.txt says, or "
        "fit them again (weights.json names the command)"
    )
