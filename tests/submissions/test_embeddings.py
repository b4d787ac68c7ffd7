"""Each submission that offers an embedding gives it to `kit predict --features`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.stored_scores import bundle_folder
from kit import submissions
from kit.predicting.references import ImageReference
from kit.predicting.serving import Server, Setup
from kit.repository import provided

OFFERING = [
    item
    for item in submissions.discover()
    if "def embed_batch(" in (item.path / "model.py").read_text(encoding="utf-8")
]


def missing_weights(item: submissions.Submission) -> list[str]:
    files = json.loads((item.path / "weights.json").read_text())["files"]
    return [one["path"] for one in files if not (item.path / one["path"]).is_file()]


def test_two_submissions_offer_one() -> None:
    assert len(OFFERING) >= 2


@pytest.mark.parametrize("item", OFFERING, ids=lambda item: item.name)
def test_an_embedding_has_a_row_for_each_image(
    item: submissions.Submission, tmp_path: Path
) -> None:
    if missing := missing_weights(item):
        pytest.skip(f"{item.name} lacks {missing}: make bases")
    folder = bundle_folder(item) / "input_data" / "development"
    paths = sorted(path for path in folder.iterdir() if path.suffix != ".csv")[:3]
    places = [ImageReference(path.name, str(path), -1, "").place() for path in paths]
    program = provided() / "ingestion_program"
    setup = Setup(item.path, program, "label", features=True, metadata_folder=folder, work=tmp_path)
    with Server(setup, tmp_path / "home", tmp_path / "log") as server:
        answers = [server.predict(places), server.predict(places[1:2])]
    assert answers[0].errors == [None] * 3
    rows = np.frombuffer(answers[0].features, np.float32).reshape(3, -1)
    alone = np.frombuffer(answers[1].features, np.float32)
    assert rows.shape[1] >= 8
    np.testing.assert_allclose(rows[1], alone, atol=1e-3 * float(np.abs(rows).max()))
