"""A threshold that never, or always, says new is a failure with advice; no artifact is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.retrieval import draw_database, draw_descriptor
from training.common.errors import TrainingError
from training.reid.embedding import descriptors
from training.reid.matching import pairs, sift
from training.reid.open_set_ensemble import __main__ as ensemble
from training.reid.open_set_ensemble.evidence import Weights
from training.reid.open_set_ensemble.weights import Examples, choose, on_scale_of
from training.reid.thresholds.choose import (
    Predictions,
    Threshold,
    best_threshold,
    print_thresholds,
    refuse_constant,
)
from wildlife_reid.evidence import EVIDENCE
from wildlife_reid.triplet import TripletNetwork

pytestmark = pytest.mark.usefixtures("one_thread")


def chosen(known: list[float], new: list[float], right: bool = True) -> Threshold:
    """The threshold of one split; each query is an individual of its own."""
    names = np.array([f"k{n}" for n in range(len(known))] + [f"n{n}" for n in range(len(new))])
    nearest = np.where(np.arange(len(names)) < len(known) * right, names, "somebody")
    is_new = np.arange(len(names)) >= len(known)
    return best_threshold([Predictions(names, nearest, np.array(known + new), is_new)])


def test_scores_that_differ_are_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    one = chosen([0.8, 0.9, 0.3], [0.1, 0.2])
    assert (one.baks, one.baus) == (1, 1)
    assert (one.known_called_new, one.new_called_new) == (0, 1)
    print_thresholds({"newt": one})
    assert "newt: threshold" in capsys.readouterr().out


def test_never_and_always_new_are_said_of_all_datasets_with_advice() -> None:
    good = chosen([0.8, 0.9], [0.1, 0.2])
    never = replace(good, value=-1.0, new_called_new=0.0, baus=0.0, baks=0.122, rank1=0.122)
    always = replace(good, value=2.0, known_called_new=1.0, baks=0.0)
    with pytest.raises(TrainingError) as caught:
        refuse_constant({"lynx": never, "newt": good, "owl": always})
    text = str(caught.value)
    assert "it was not written" in text
    assert "lynx: never new at the threshold -1.0000" in text
    assert "BAKS 0.122, BAUS 0.000" in text
    assert "owl: always new at the threshold 2.0000" in text
    assert "newt:" not in text
    assert text.splitlines()[-1].startswith("  what helps: more individuals")


def test_equal_scores_tell_nothing_apart() -> None:
    """At the only threshold of equal scores, everybody is known."""
    with pytest.raises(TrainingError, match="newt: never new"):
        print_thresholds({"newt": chosen([0.5, 0.5], [0.5, 0.5])})


def test_the_folds_scores_are_brought_to_the_scale_of_the_written_weights() -> None:
    """Weights of a fold with another intercept and factor would put the threshold elsewhere."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(500, len(EVIDENCE)))
    made = {"newt": Examples(table, table[:, 0] > 1, np.arange(500) % 5)}
    whole = {"newt": Weights(rng.normal(size=len(EVIDENCE)), -3.0)}
    part = {"newt": Weights(4 * whole["newt"].weights, 2.0)}
    found = on_scale_of(whole, part, made)["newt"]
    assert found.score(table) == pytest.approx(whole["newt"].score(table))
    silent = {"newt": Weights(np.zeros(len(EVIDENCE)), 7.0)}
    mean = whole["newt"].score(table).mean()
    assert on_scale_of(whole, silent, made)["newt"].score(table) == pytest.approx(mean)


def test_the_written_weights_are_asked_too_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Thresholds that suit the weights of the folds may lie beside all scores of the others."""
    shift = {"fish": -1e9, "frog": 1e9}

    def beside(*given: Any) -> tuple[str, Mapping[str, Weights], dict[str, Threshold]]:
        name, weights, thresholds = choose(*given)
        moved = {n: replace(one, value=one.value + shift[n]) for n, one in thresholds.items()}
        return name, weights, moved

    monkeypatch.setattr("training.reid.open_set_ensemble.__main__.choose", beside)
    monkeypatch.setattr(pairs, "RUNS", tmp_path / "runs")
    for module in (sift, descriptors):
        monkeypatch.setattr(module, "DEFAULT_FOLDER", tmp_path / "features")
    triplet = draw_descriptor(tmp_path / "triplet", TripletNetwork)
    swin, data = draw_descriptor(tmp_path / "swin"), draw_database(tmp_path / "data")
    networks = ["--triplet", str(triplet), "--swin", str(swin)]
    assert ensemble.main(["--data", str(data), "--out", str(tmp_path / "out"), *networks]) == 1
    error = capsys.readouterr().err
    assert "fish: never new" in error
    assert "frog: always new" in error
    assert not (tmp_path / "out").exists()
