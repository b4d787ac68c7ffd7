"""Comparing the scores of bioclip_wings inside the training data: stand-ins, recalls, report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.hybrid.bioclip.images import Labels
from training.hybrid.comparisons.bioclip_scores import (
    CROSSES,
    FOLDS,
    Scored,
    as_mimic,
    rarer_subspecies,
    report,
    validation_crosses,
)

ROOT = Path(__file__).parents[3]


def labels_of(*counts: int) -> Labels:
    """Subspecies a, b, c, ... with so many images each, and two hybrids."""
    names = [chr(ord("a") + k) for k in range(len(counts))]
    own = np.repeat(np.arange(len(counts) + 1), [*counts, 2])
    blank = np.full(len(own), "")
    targets = np.eye(len(counts) + 1, dtype=np.float32)[own]
    paths = tuple(Path(str(k)) for k in range(len(own)))
    return Labels(paths, (*names, "hybrid"), own, targets, blank, blank, blank)


def grey_views(*levels: int) -> torch.Tensor:
    """An image of each level of grey: (n, 2, 3, 72, 48) with a white border."""
    views = torch.full((len(levels), 2, 3, 72, 48), 255, dtype=torch.uint8)
    views[..., 10:60, 8:40] = torch.tensor(levels, dtype=torch.uint8)[:, None, None, None, None]
    return views


def test_the_recall_of_others_is_above_all_but_a_twentieth_of_the_pure() -> None:
    scored = Scored(np.arange(100.0), {"a": np.array([94.0, 95.0, 200.0]), "b": np.zeros(2)})
    assert scored.recalls() == {"a": pytest.approx(2 / 3), "b": 0.0}


def test_subspecies_left_out_are_rare_and_others_in_each_fold() -> None:
    labels = labels_of(9, 3, 8, 4, 7, 5, 6, 2)
    left_out = [rarer_subspecies(labels, fold) for fold in range(FOLDS)]
    assert left_out == [["h", "d"], ["b", "f"]]


def test_validation_crosses_lie_between_their_parents_on_both_halves_alike() -> None:
    crossed = validation_crosses(labels_of(2, 2)[np.arange(6) < 4], grey_views(40, 40, 200, 200))
    assert crossed.shape == (CROSSES, 2, 3, 72, 48)
    assert torch.equal(crossed[:, 0], crossed[:, 1])
    inside = crossed[..., 12:58, 10:38]
    assert inside.min() >= 40
    assert inside.max() <= 200
    assert (crossed[..., :8, :] == 255).all()


@pytest.mark.parametrize("kind", range(3))
def test_a_mimic_is_changed_in_colour_and_stays_on_white(kind: int) -> None:
    views = grey_views(90)
    views[:, :, 0, 20:40, 15:30] = 220
    shifted = as_mimic(views, kind)
    assert (shifted.shape, shifted.dtype) == (views.shape, torch.uint8)
    assert (shifted[..., 0, :] == 255).all()
    assert (shifted.int() - views.int()).abs().float().mean() > 2
    assert torch.equal(shifted[:, 0], shifted[:, 1])  # both halves alike, as before


def test_the_report_puts_the_best_first_and_says_how_well_it_ranks() -> None:
    recalls = {"x": [0.2] * 5, "y": [0.8] * 5, "z": [0.5] * 5}
    text = report(recalls, {"development": {"x": 0.3, "y": 0.1, "z": 0.2}}, 1)
    lines = text.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == ["y", "z", "x"]
    assert lines[2].endswith("| 0.800 | 0.100 |")
    assert "Rank correlation of harmonic mean and development: -1.00 (3 scores)." in text
