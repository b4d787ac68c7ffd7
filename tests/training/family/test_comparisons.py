"""The comparison of settings, and the scores with phyla and without."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.families import TAXONOMY, draw_collection
from training.family import compare_settings, score_phyla
from training.family.collection import read_collection
from training.family.joint import MEMBERS
from training.family.measures import TITLES
from training.family.recipe import PRESETS
from wildlife_family.taxonomy import Taxonomy

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> compare_settings.Compared:
    """Features in which each family has a direction of its own."""
    folder = tmp_path_factory.mktemp("compared") / "train"
    draw_collection(folder, 10)
    collection = read_collection(folder)
    taxonomy = Taxonomy.of(collection.taxonomy)
    labels = np.searchsorted(np.array(taxonomy.families), collection.family).astype(np.intp)
    noise = np.random.default_rng(0).normal(0, 0.2, (30, 2, 6))
    features = (np.eye(3, 6)[labels][:, None] + noise).astype(np.float32)
    return compare_settings.Compared(collection, taxonomy, labels, features)


def test_every_row_is_measured(
    compared: compare_settings.Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        compare_settings, "member_features", lambda member, paths: compared.features[:, :1]
    )
    heads = {"published head": replace(compare_settings.PUBLISHED, units=8)}
    monkeypatch.setattr(compare_settings, "HEADS", heads)
    recipe = PRESETS["imagenet"]
    rows = {
        title: compare_settings.row_of(compared, method)
        for title, method in compare_settings.methods(compared, recipe, MEMBERS, scratch=False)
    }
    assert len(rows) == 3 + 1 + 2 + 1 + 2 + 1
    assert all(len(row) == len(TITLES) for row in rows.values())
    assert float(rows["nearest class mean"][0]) > 0.9
    masked = list(TITLES).index("masked_accuracy")
    assert all(row[masked] == "1.000" for row in rows.values())  # a phylum has one family here


def test_a_head_for_the_phyla_and_one_within_each(compared: compare_settings.Compared) -> None:
    taxonomy = Taxonomy(compared.taxonomy.families, ("Animalia", "Animalia", "Mollusca"))
    one = replace(compared, taxonomy=taxonomy)
    rows = np.arange(30)
    logits = one.hierarchical(compared.features[:, :1], rows[rows % 2 == 0], rows[rows % 2 == 1])
    assert np.exp(logits).sum(axis=1) == pytest.approx(1)
    labels = compared.labels[1::2]
    assert ((logits[:, 2] > np.logaddexp(logits[:, 0], logits[:, 1])) == (labels == 2)).all()
    assert ((logits[:, 1] > logits[:, 0]) == (labels == 1))[labels < 2].all()


def test_a_remembered_method_fits_once_for_each_fold(compared: compare_settings.Compared) -> None:
    calls: list[int] = []

    def method(fit: NDArray[np.intp], seen: NDArray[np.intp]) -> NDArray[np.float64]:
        calls.append(len(fit))
        return np.zeros((len(seen), 3))

    named = compare_settings.remembered(method)
    for _ in range(2):
        compare_settings.row_of(compared, named)
    assert len(calls) == compare_settings.FOLDS


def test_no_image_is_named_by_a_method_that_saw_it(compared: compare_settings.Compared) -> None:
    seen: list[int] = []

    def method(fit: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        assert not set(fit.tolist()) & set(rows.tolist())
        seen.extend(rows.tolist())
        return np.zeros((len(rows), 3))

    compare_settings.row_of(compared, method)
    assert sorted(seen) == list(range(30))


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """A submission that names the only family of a phylum, else always the first family."""
    folder = tmp_path / "submission"
    folder.mkdir()
    known = {name: phylum for name, phylum in TAXONOMY.items() if name != "Octopodidae"}
    (folder / "config.json").write_text(json.dumps({"taxonomy": known}))
    (folder / "metadata").write_text("description: for a test\ntrack: family\n")
    (folder / "requirements.txt").write_text("")
    (folder / "model.py").write_text(
        "class Model:\n"
        "    def load(self):\n        pass\n"
        "    def predict(self, image, metadata=None):\n"
        "        phylum = (metadata or {}).get('phylum')\n"
        "        return 'Bufonidae' if phylum == 'Chordata' else 'Apidae'\n"
    )
    return folder


def test_scores_with_phyla_and_without(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_collection(tmp_path / "dev", 2)
    command = [str(submission), "--images", str(tmp_path / "dev" / "images")]
    assert score_phyla.main([*command, "--reference", str(tmp_path / "dev" / "train.csv")]) == 0
    said = capsys.readouterr().out
    assert "not in the taxonomy, so always wrong: Octopodidae (2 images)" in said
    lines = {line.split(" | ")[0]: line for line in said.splitlines()}
    assert "| 0.333 |" in lines["| without phyla"]
    assert "| 0.667 |" in lines["| with phyla"]


def test_all_that_is_missing_is_named(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_collection(tmp_path / "dev", 2)
    for name in ("Apidae_0.jpg", "Bufonidae_1.jpg"):
        (tmp_path / "dev" / "images" / name).unlink()
    reference = ["--reference", str(tmp_path / "dev" / "train.csv")]
    command = ["--images", str(tmp_path / "dev" / "images"), *reference]
    assert score_phyla.main([str(submission), *command]) == 1
    said = capsys.readouterr().err
    assert "Apidae_0.jpg" in said
    assert "Bufonidae_1.jpg" in said
    assert score_phyla.main([str(tmp_path), *reference, "--images", str(tmp_path / "dev/images")])
