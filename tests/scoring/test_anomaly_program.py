"""The anomaly track through the scoring program: good tables, bad ones, and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.scoring import Folders, Rows, make_folders, text_of
from wildlife_scoring.metrics import auroc
from wildlife_scoring.report.curves import roc_line
from wildlife_scoring.report.svg import POINTS

HEADER = ("filename", "anomaly", "species")
TRUTH: Rows = [
    ("a.jpg", "0", "fox"),
    ("b.jpg", "0", "fox"),
    ("c.jpg", "0", "deer"),
    ("d.jpg", "1", "deer"),  # a known species in an odd appearance
    ("e.jpg", "1", "wolf"),
]
ANSWERS: Rows = [
    ("a.jpg", "0.1"),
    ("b.jpg", "0.5"),
    ("c.jpg", "0.2"),
    ("d.jpg", "0.3"),
    ("e.jpg", "0.9"),
]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = make_folders(tmp_path)
    made.refer(TRUTH, HEADER)
    made.predict(ANSWERS)
    return made


def test_a_good_table_is_scored(folders: Folders) -> None:
    run = folders.run()
    assert run.status == 0, run.stderr
    assert run.scores == pytest.approx(
        {
            "auroc": 5 / 6,
            "average_precision": 1 / 2 + 1 / 2 * 2 / 3,
            "fpr_at_95_tpr": 1 / 3,
            "recall_at_95_tnr": 1 / 2,
        }
    )
    assert "anomaly track, 5 images: 2 anomalies, 3 normal ones" in run.stdout


def test_more_columns_of_the_reference_do_not_matter(folders: Folders) -> None:
    expected = folders.run().scores
    folders.refer([(*row, "ridge", "s1") for row in TRUTH], (*HEADER, "location", "sequence"))
    assert folders.run().scores == expected


@pytest.mark.parametrize("bad", ["2", "", "true", "0.0"])
def test_an_anomaly_that_is_not_0_or_1_is_named(folders: Folders, bad: str) -> None:
    folders.refer([("a.jpg", bad, "fox"), *TRUTH[1:]], HEADER)
    folders.refused("1 row with another anomaly", f"a.jpg: {bad}", "has to be 0 (normal)")


@pytest.mark.parametrize(
    ("kept", "counts"), [("0", "0 anomalies and 3"), ("1", "2 anomalies and 0")]
)
def test_a_table_of_one_class_is_refused(folders: Folders, kept: str, counts: str) -> None:
    rows = [row for row in TRUTH if row[1] == kept]
    folders.refer(rows, HEADER)
    folders.predict([row for row in ANSWERS if row[0] in {name for name, *_ in rows}])
    folders.refused("undefined metrics", counts, "complete the table")


def test_all_problems_of_both_tables_are_told_at_once(folders: Folders) -> None:
    folders.refer([("a.jpg", "x", ""), *TRUTH[1:]], HEADER)
    folders.predict([("a.jpg", "nan"), *ANSWERS[1:-1], ("z.jpg", "0.5")])
    folders.refused(
        "5 problems",
        "1 row with another anomaly",
        "1 row without species: 'a.jpg'",
        "1 of 5 scores not a finite number",
        "have no prediction (missing): 'e.jpg'",
        "1 unknown name",
    )


def test_the_report_shows_each_species_and_names_no_image(folders: Folders) -> None:
    report = folders.run().report
    text = text_of(report)
    assert "wolf 1.0000 anomaly 1 1 (100.0" in text
    assert "deer 0.6667 anomaly 1 0 (0.0" in text
    assert "fox 0.7500 normal 2 0 (0.0" in text
    assert text.index("deer 0.66") < text.index("wolf 1.00") < text.index("fox 0.75")
    assert "AUROC 0.833" in text
    assert not [name for name, *_ in TRUTH if name in report]
    for outside in ("http:", "https:", "src=", "<script", "<link", "@import", "url(", "href"):
        assert outside not in report


def test_the_worst_errors_are_named_on_request(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_NAME_ERRORS", "1")
    folders.refer([*TRUTH, ("<b>.jpg", "1", "<i>")], HEADER)
    folders.predict([*ANSWERS, ("<b>.jpg", "0.0")])
    report = folders.run().report
    errors = text_of(report).partition("The most costly errors")[2]
    assert errors.index("&lt;b&gt;.jpg") < errors.index("d.jpg")
    assert "e.jpg" not in errors
    assert "<b>.jpg" not in report
    assert "<i>" not in report.replace("<i style", "")


@pytest.mark.parametrize("value", ["0.5", "-1.7e308", "1e308"])
def test_constant_and_huge_scores_have_a_report(folders: Folders, value: str) -> None:
    folders.predict([(name, value) for name, _ in ANSWERS])
    run = folders.run()
    assert list(run.scores.values()) == [0.5, 0.4, 1, 0]
    assert "nan" not in text_of(run.report).lower().split()


def test_the_reports_size_is_bounded(folders: Folders) -> None:
    rows = [(f"{n}.jpg", str(n % 2), f"species {n % 500}") for n in range(30_000)]
    folders.refer(rows, HEADER)
    folders.predict(
        [(name, f"{n * 7919 % 30_011 / 30_011:.4f}") for n, (name, *_) in enumerate(rows)]
    )
    report = folders.run().report
    assert "Species (60 of 500)" in report
    assert len(report.encode()) < 300_000


def test_a_long_roc_curve_keeps_its_ends_and_its_shape() -> None:
    scores = np.random.default_rng(0).normal(size=20_000)
    positive = np.random.default_rng(1).random(20_000) < 0.01 + 0.5 * (scores > 0)
    fpr, tpr = roc_line(positive, scores)
    assert len(fpr) <= POINTS
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    area = np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2)
    assert area == pytest.approx(auroc(scores[positive], scores[~positive]), abs=1e-3)
