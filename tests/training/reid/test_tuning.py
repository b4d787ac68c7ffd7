"""`training/reid/embedding/tuning.py`: how much of a base network is tuned, in one table."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.base_networks import use_random_base
from tests.support.retrieval import draw_database
from training.common import log_blocks
from training.reid.embedding import swin, triplet, tuning
from training.reid.embedding.recipe import ARCFACE

pytestmark = pytest.mark.usefixtures("one_thread")


def test_each_number_of_tuned_stages_has_a_row_with_mean_and_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (swin, triplet):
        small = replace(module.PRESETS["imagenet"], classes_per_batch=3, samples_per_class=2)
        monkeypatch.setitem(module.PRESETS, "imagenet", small)
    (tmp_path / "bases").mkdir()
    use_random_base(monkeypatch, tmp_path / "bases")
    log = tmp_path / "LOG.md"
    log.write_text(
        "# Log\n<!-- tuning-some:begin -->\n<!-- tuning-some:end -->\n", encoding="utf-8"
    )
    monkeypatch.setattr(log_blocks, "LOG", log)
    data = draw_database(tmp_path / "data")
    small_run = ["--image-size", "32", "--epochs", "1", "--steps", "1", "--seeds", "2"]
    given = ["--data", str(data), "--tuned", "0", "2", *small_run, "--write", "some"]
    assert tuning.main(given) == 0
    block = log.read_text(encoding="utf-8").partition("begin -->\n")[2].partition("\n<!--")[0]
    rows = [line.strip("| ").split(" | ") for line in block.splitlines()[2:]]
    assert [cells[:3] for cells in rows] == [
        ["triplet_centroids", "batch-hard triplets", "0"],
        ["triplet_centroids", "batch-hard triplets", "2"],
        ["megadescriptor_cosine", "–", "0"],
        ["megadescriptor_cosine", "supervised contrastive", "2"],
    ]
    for _, _, _, rank1, score, difference, _ in rows:
        assert 0 <= float(rank1.split()[0]) <= 1
        assert 0 <= float(score.split()[0]) <= 1
        assert rank1.endswith(")")
        assert difference == "–" or " ± " in difference
    assert block in capsys.readouterr().out


def test_frozen_features_of_the_descriptor_are_not_trained() -> None:
    options = argparse.Namespace(epochs=4, tuned=[0, 3], losses=["arcface", "contrastive"])
    frozen, tuned, arcface = tuning.settings_of("megadescriptor_cosine", options)
    assert (frozen.epochs, tuned.epochs) == (0, 4)
    # The preset's own loss is not run twice.
    assert (arcface.loss, arcface.base) == (ARCFACE, tuned.base)
    # The triplet network has a linear layer of its own.
    assert next(tuning.settings_of("triplet_centroids", options)).epochs == 4


def test_a_missing_block_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "LOG.md"
    log.write_text("# Log\n", encoding="utf-8")
    monkeypatch.setattr(log_blocks, "LOG", log)
    assert tuning.main(["--data", str(tmp_path / "no data"), "--write", "some"]) == 1
    message = capsys.readouterr().err
    assert "expected <!-- tuning-some:begin -->" in message
    assert "put these two lines where the table of this command should stand" in message
