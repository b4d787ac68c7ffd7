"""Two files of predictions for one reference: metrics, groups, and what each image earned."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.repository import ROOT
from wildlife_scoring.bootstrap.comparison import compare_folder, group
from wildlife_scoring.bootstrap.credits import CREDITS, TRUTH, pairs_in_order
from wildlife_scoring.metrics import auroc
from wildlife_scoring.problems import ScoringError
from wildlife_scoring.tracks import TRACKS

STORED = ROOT / "tests" / "scores"
PROGRAM = ROOT / "scoring_program" / "compare.py"


def make_folder(root: Path, reference: str, stored: str, new: str, metadata: str = "") -> Path:
    """The folder that the program reads."""
    for name, text in (
        ("ref/ref.csv", reference),
        ("stored/predictions.txt", stored),
        ("res/predictions.txt", new),
        ("metadata.csv", metadata),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if text:
            (root / name).write_text(text, encoding="utf-8")
    return root


def test_every_track_of_the_registry_says_what_an_image_earns() -> None:
    assert set(CREDITS) == set(TRUTH) == set(TRACKS)
    assert all(TRUTH[name] in track.columns for name, track in TRACKS.items())


@pytest.mark.parametrize(
    ("track", "stored", "new"),
    [
        ("hybrid", "wing_pattern_sgd", "constant"),
        ("reid", "triplet_centroids", "always_new"),
        ("anomaly", "simclr_ocsvm", "constant_anomaly"),
        ("family", "efficientnet_families", "constant_family"),
    ],
)
def test_the_metrics_are_the_stored_scores_and_a_trivial_submission_is_worse(
    tmp_path: Path, track: str, stored: str, new: str
) -> None:
    (reference,) = (ROOT / "sample_data" / track / "reference_data/final").glob("*.csv")
    texts = [(STORED / name / "final.predictions.txt").read_text() for name in (stored, new)]
    found = compare_folder(make_folder(tmp_path, reference.read_text(), *texts), resamples=200)
    assert found["track"] == track
    for which, name in (("stored", stored), ("new", new)):
        scores = json.loads((STORED / name / "final.json").read_text())["scores"]
        values = {row["key"]: row[which] for row in found["metrics"]}
        assert values == pytest.approx(scores, abs=1e-9)
    first = found["metrics"][0]
    assert first["high"] < 0
    assert first["below"] == 1.0
    lost = found["changed"][0]
    assert lost["credit_stored"] > lost["credit_new"]


ANOMALY = "filename,anomaly,species,Sequence\n" + "".join(
    f"{n}.jpg,{int(n > 3)},fox,{'' if n == 7 else n // 2}\n" for n in range(8)
)


def rows(scores: Sequence[float]) -> str:
    return "".join(f"{n}.jpg,{score}\n" for n, score in enumerate(scores))


def test_images_of_one_sequence_are_drawn_together(tmp_path: Path) -> None:
    scores = rows([0, 1, 2, 3, 4, 5, 6, 7])
    found = compare_folder(make_folder(tmp_path, ANOMALY, scores, scores), resamples=50)
    # Eight images in four sequences, one of them without a name and so on its own.
    assert (found["grouped_by"], found["units"]) == ("Sequence", 5)
    assert found["changed"] == []
    assert {row["below"] for row in found["metrics"]} == {0.0}
    assert {row["above"] for row in found["metrics"]} == {0.0}


def test_the_column_may_stand_in_the_metadata_of_the_images(tmp_path: Path) -> None:
    plain = "filename,anomaly,species\na.jpg,0,fox\nb.jpg,1,fox\nc.jpg,1,fox\n"
    metadata = "filename,individual\na.jpg,tom\nc.jpg,tom\nelsewhere.jpg,tim\n"
    make_folder(tmp_path, plain, "x", "x", metadata)
    names = ["a.jpg", "b.jpg", "c.jpg"]
    found = group(tmp_path / "ref/ref.csv", tmp_path / "metadata.csv", names)
    assert found.column == "individual"
    assert found.units.count == 2
    assert found.units.code[0] == found.units.code[2] != found.units.code[1]
    alone = group(tmp_path / "ref/ref.csv", tmp_path / "nothing.csv", names)
    assert (alone.column, alone.units.count) == ("", 3)


def test_the_images_that_lost_most_come_first(tmp_path: Path) -> None:
    before, after = [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, -1, 2.5, 6, 7.5]
    found = compare_folder(make_folder(tmp_path, ANOMALY, rows(before), rows(after)), 50)
    changed = [
        (row["filename"], row["credit_stored"], row["credit_new"]) for row in found["changed"]
    ]
    assert changed == [("4.jpg", 1.0, 0.0), ("5.jpg", 1.0, 0.75), ("7.jpg", 1.0, 1.0)]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=40))
def test_the_mean_credit_of_the_positives_is_the_auroc(table: list[tuple[bool, int]]) -> None:
    positive = np.array([one for one, _ in table])
    scores = np.array([float(score) for _, score in table])
    found = pairs_in_order(positive, scores)
    if positive.all() or not positive.any():
        assert not found.any()
        return
    pairs = [
        (found_p > found_n) + (found_p == found_n) / 2
        for found_p in scores[positive]
        for found_n in scores[~positive]
    ]
    assert found[positive].mean() == pytest.approx(np.mean(pairs))
    assert found[~positive].mean() == pytest.approx(np.mean(pairs))
    assert auroc(scores[positive], scores[~positive]) == pytest.approx(np.mean(pairs))


def test_problems_of_both_files_are_told(tmp_path: Path) -> None:
    good = rows([0, 1, 2, 3, 4, 5, 6, 7])
    folder = make_folder(tmp_path, ANOMALY, "0.jpg,nan\n", good)
    with pytest.raises(ScoringError, match="7 of the 8 images") as caught:
        compare_folder(folder)
    assert "stored" in str(caught.value)
    assert "not a finite number" in str(caught.value)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(PROGRAM), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.mark.process
def test_the_program_prints_json_and_has_exit_statuses(tmp_path: Path) -> None:
    good = rows([0, 1, 2, 3, 4, 5, 6, 7])
    folder = make_folder(tmp_path, ANOMALY, good, good)
    ended = run(folder, "20")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["format"] == 1
    assert run(tmp_path / "nothing").returncode == 1
    assert run(folder, "many").returncode == 2
