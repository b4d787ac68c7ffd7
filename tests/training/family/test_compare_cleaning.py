"""What cleaning does to the test score: which images are learned from, and the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.families import COLUMNS, TAXONOMY, draw_collection, write_rows
from training.common.tables import write_table
from training.family import compare_cleaning, features
from training.family.collection import read_collection
from training.family.compare_cleaning import NOTHING, REJECTED, TRUE, Outcome, Sample
from training.family.filters.frame import Filter, Flags, Given
from training.family.heads.recipe import HeadRecipe
from training.family.heads.trainer import Labelled
from training.family.split import split_off

pytestmark = pytest.mark.usefixtures("one_thread")

HEAD = HeadRecipe(units=8, epochs=12, batch=8, learning_rate=0.05)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Three families of 20 with a direction each; the table gives every third image to the next."""
    rows = draw_collection(tmp_path, 20)
    collection = read_collection(tmp_path)
    shown = np.repeat(np.arange(3), 20)
    wrong = np.arange(len(rows)) % 3 == 0
    labels = np.where(wrong, (shown + 1) % 3, shown).astype(np.intp)
    family = np.array(list(TAXONOMY))[labels]
    rng = np.random.default_rng(0)
    seen = (np.eye(3, 6)[shown] + rng.normal(0, 0.1, (60, 6))).astype(np.float32)[:, None]
    test = Labelled(np.eye(3, 6, dtype=np.float32)[:, None], np.arange(3))
    dirt = np.where(wrong, "mislabelled", "")
    return Sample(replace(collection, family=family), dirt, Labelled(seen, labels), test)


def knowing(sample: Sample, name: str = "knows") -> Filter:
    """A filter that removes exactly the true dirt."""
    names = set(sample.collection.filenames[sample.dirt != ""].tolist())

    def flag(given: Given) -> Flags:
        return np.array([one in names for one in given.collection.filenames.tolist()])

    return Filter(name, True, flag)


def test_each_row_learns_from_what_its_filters_leave_and_never_from_what_is_set_aside(
    sample: Sample,
) -> None:
    given = Given(sample.collection, lambda _: np.zeros((0, 0), dtype=np.float32))
    filters = [knowing(sample), knowing(sample, REJECTED)]
    found = compare_cleaning.outcomes(sample, given, filters, replace(HEAD, seed=1))
    assert list(found) == [
        NOTHING, "knows", REJECTED, "all filters", f"all but {REJECTED}", TRUE
    ]  # fmt: skip
    aside = split_off(sample.collection.family, 1)
    assert found[NOTHING].learned.tolist() == (~aside).tolist()
    assert found[TRUE].learned.tolist() == (~aside & (sample.dirt == "")).tolist()
    for name in ("knows", "all filters"):
        assert found[name].learned.tolist() == found[TRUE].learned.tolist()
        assert found[name].aside == found[TRUE].aside
    assert found[TRUE].right.all()


def test_the_table_has_gains_over_nothing_removed(sample: Sample) -> None:
    given = Given(sample.collection, lambda _: np.zeros((0, 0), dtype=np.float32))
    text = compare_cleaning.compare(sample, given, [knowing(sample)], 2, HEAD)
    rows = {line.split(" | ")[0]: line.split(" | ") for line in text.splitlines()}
    assert rows["| " + TRUE][2] == "0"
    assert int(rows["| " + NOTHING][2]) > 10
    assert "Mean (range) of 2 trainings; 3 test images." in text


def test_a_row_by_hand() -> None:
    dirt = np.array(["map", "", "", ""])
    all_but_last, clean = np.array([True, True, True, False]), np.array([False, True, True, False])
    before = [Outcome(all_but_last, 0.5, np.array([True, False, False, False]))] * 2
    after = [
        Outcome(clean, 0.75, np.array([True, True, False, False])),
        Outcome(clean, 0.25, np.array([True, True, True, False])),
    ]
    # Images gain 0, 1, 0.5, 0: mean 0.375, std 0.415; 1.96 x 0.415 / 2 = 0.406.
    assert compare_cleaning.row_of(after, before, dirt) == [
        "2", "0", "0.500", "0.625 (0.500 to 0.750)", "+0.375 ± 0.406"
    ]  # fmt: skip
    assert compare_cleaning.row_of(before, before, dirt)[-1] == ""


class MeanColour(nn.Module):
    """A tower: the mean colour of each view."""

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (n, 3) of pixels (n, 3, h, w)."""
        return torch.as_tensor(pixels.mean(dim=(2, 3)))


def test_the_sample_is_read_with_its_hidden_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "DEFAULT_FOLDER", tmp_path / "features")
    settings = {"mean": [0.5] * 3, "std": [0.5] * 3}
    monkeypatch.setattr(compare_cleaning, "start_tower", lambda _: (MeanColour(), settings))
    rows = draw_collection(tmp_path / "train", 2)
    write_rows(tmp_path / "train", [[*row, "map" if row is rows[3] else ""] for row in rows],
               (*COLUMNS, "dirt"))  # fmt: skip
    for task in compare_cleaning.TASKS:
        images = tmp_path / "input_data" / task
        images.parent.mkdir(exist_ok=True)
        images.symlink_to(tmp_path / "train/images")
        shown = [dict(zip(COLUMNS, row, strict=True)) for row in rows[:3]]
        (tmp_path / "reference_data" / task).mkdir(parents=True)
        write_table(tmp_path / "reference_data" / task / "ref.csv", COLUMNS, shown)
    found = compare_cleaning.read_sample(tmp_path, 16)
    assert found.dirt.tolist() == ["", "", "", "map", "", ""]
    assert found.train.features.shape == (6, 3, 3)
    assert found.test.features.shape == (6, 1, 3)
    assert found.test.labels.tolist() == [0, 0, 1] * 2
    assert np.array_equal(found.test.features[:3, 0], found.train.features[:3, 0])
