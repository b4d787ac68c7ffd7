"""The skeleton of the re-identification Models, with the smallest method: one number an image."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wildlife_reid.open_set import Gallery, gallery_bytes, of_dataset
from wildlife_reid.retrieval_model import (
    Arrays,
    PreparedImage,
    RetrievalModel,
    Rows,
    Scores,
)

CAT = {"dataset": "cat"}
SOURCE = "python -m training.reid.something --preset large (metadata.csv sha256 0123)"


@dataclass(frozen=True)
class Query(PreparedImage):
    brightness: float


class ByBrightness(RetrievalModel[Query]):
    """Compares the mean brightness of two images."""

    def read(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        self.scored: list[list[list[int]]] = []
        self.brightness = arrays["brightness"].astype(np.float64) * config["factor"]
        self.check_rows(brightness=len(self.brightness))

    def prepare(self, image: Image.Image, row: Mapping[str, str]) -> Query:
        return Query(self.dataset_of(row), float(np.asarray(image.convert("L")).mean()))

    def scores_of_batch(self, batch: Sequence[Query], rows: Sequence[Rows]) -> list[Scores]:
        self.scored.append([own.tolist() for own in rows])
        return [
            -np.abs(self.brightness[own] - query.brightness)
            for query, own in zip(batch, rows, strict=True)
        ]


def grey(level: int) -> Image.Image:
    return Image.new("L", (4, 4), level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A submission with three cats of brightness 10, 20, 20 and a turtle of 200."""
    labels = Gallery(np.array(["a", "b", "c", "t"]), np.array(["cat", "cat", "cat", "turtle"]))
    content = gallery_bytes(labels, {"brightness": np.array([10, 20, 20, 200])})
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "gallery.npz").write_bytes(content)
    config = {
        "gallery": "weights/gallery.npz", "factor": 1, "thresholds": {"cat": -5, "turtle": -20},
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    entry = {"path": "weights/gallery.npz", "licence": "Apache-2.0", "source": SOURCE}
    (tmp_path / "weights.json").write_text(json.dumps({"format": 1, "files": [entry]}))
    return tmp_path


def model_of(folder: Path) -> ByBrightness:
    model = type("Model", (ByBrightness,), {"folder": folder})()
    assert isinstance(model, ByBrightness)
    return model


@pytest.fixture
def model(folder: Path) -> ByBrightness:
    loaded = model_of(folder)
    loaded.load()
    return loaded


def test_it_names_the_most_similar_individual_or_a_new_one(model: ByBrightness) -> None:
    assert model.predict(grey(11), CAT) == "a"
    assert model.predict(grey(20), CAT) == "b"  # the first row among equals
    assert model.predict(grey(200), CAT) == "new_individual"
    assert model.predict(grey(185), {"dataset": "turtle"}) == "t"


@pytest.mark.parametrize("metadata", [None, {}, {"dataset": ""}, {"dataset": "bird"}])
def test_without_a_known_dataset_all_rows_are_candidates(
    model: ByBrightness, metadata: dict[str, str] | None
) -> None:
    assert model.predict(grey(199), metadata) == "t"
    assert model.scored == [[[0, 1, 2, 3]]]


def test_only_rows_of_the_dataset_are_scored(model: ByBrightness) -> None:
    model.predict(grey(20), CAT)
    assert model.scored == [[[0, 1, 2]]]


def test_a_batch_answers_as_single_images_do_and_is_explained_without_a_second_look(
    model: ByBrightness,
) -> None:
    images, rows = [grey(10), grey(100), grey(200)], [CAT, CAT, None]
    batch = [model.preprocess(image, row) for image, row in zip(images, rows, strict=True)]
    answers = model.predict_batch(batch)
    assert answers == ["a", "new_individual", "t"]
    # One call for all of them, each with the rows of its own dataset.
    assert model.scored == [[[0, 1, 2], [0, 1, 2], [0, 1, 2, 3]]]
    seen = len(model.scored)
    explained = model.explain_batch(batch)
    assert len(model.scored) == seen
    assert explained[0] == [("a", 0.0), ("b", -10.0), ("c", -10.0)]
    assert explained[2][0] == ("t", 0.0)
    assert model.explain_batch(list(batch)) == explained  # another list is scored again
    assert len(model.scored) == 2 * seen
    assert answers == [model.predict(image, row) for image, row in zip(images, rows, strict=True)]


def test_a_score_that_is_not_finite_never_wins(
    model: ByBrightness, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = np.array([math.nan, math.inf, -1.0])
    monkeypatch.setattr(model, "scores_of_batch", lambda batch, rows: [given])
    assert model.predict(grey(0), CAT) == "c"


def test_an_empty_gallery_calls_everything_new(folder: Path) -> None:
    nobody = Gallery(np.array([], dtype=np.str_), np.array([], dtype=np.str_))
    path = folder / "weights" / "gallery.npz"
    path.write_bytes(gallery_bytes(nobody, {"brightness": np.zeros(0)}))
    model = model_of(folder)
    model.load()
    assert model.predict(grey(10), CAT) == "new_individual"
    assert model.scored == []


def test_predicting_before_loading_says_so(folder: Path) -> None:
    model = model_of(folder)
    asked: list[Callable[[], object]] = [
        lambda: model.preprocess(grey(1)),
        lambda: model.predict(grey(1)),
        lambda: model.predict_batch([]),
        lambda: model.explain_batch([]),
    ]
    for ask in asked:
        with pytest.raises(RuntimeError, match=r"Model\.load\(\) has to be called"):
            ask()


def test_a_missing_file_is_named_with_the_source_in_the_manifest(folder: Path) -> None:
    (folder / "weights" / "gallery.npz").unlink()
    with pytest.raises(FileNotFoundError) as told:
        model_of(folder).load()
    assert f"weights/gallery.npz: made by {SOURCE}" in str(told.value)
    (folder / "weights.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"gallery\.npz"):
        model_of(folder).load()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"factor": None}, "TypeError"),
        ({"thresholds": {"cat": 1}}, "expected a threshold for each dataset"),
    ],
)
def test_settings_that_do_not_fit_are_said(
    folder: Path, change: dict[str, object], said: str
) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises((ValueError, TypeError)) as told:
        model_of(folder).load()
    assert said in repr(told.value)


@pytest.mark.parametrize("damage", ["cut", "not a zip", "an array is missing", "rows"])
def test_a_damaged_gallery_is_named_with_the_source(folder: Path, damage: str) -> None:
    path = folder / "weights" / "gallery.npz"
    labels = Gallery(np.array(["a"]), np.array(["cat"]))
    path.write_bytes(
        {
            "cut": path.read_bytes()[:200],
            "not a zip": b"PK",
            "an array is missing": gallery_bytes(labels, {}),
            "rows": gallery_bytes(labels, {"brightness": np.zeros(2)}),
        }[damage]
    )
    with pytest.raises(ValueError, match=r"gallery\.npz is damaged or does not fit") as told:
        model_of(folder).load()
    assert SOURCE in str(told.value)


def test_a_table_by_dataset_falls_back_on_the_pooled_entry() -> None:
    table = {"": 1, "cat": 2}
    assert [of_dataset(table, name) for name in ("cat", "bird", "", None)] == [2, 1, 1, 1]
    with pytest.raises(KeyError):
        of_dataset({"cat": 2}, "bird")
