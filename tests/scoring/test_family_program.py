"""The family track through the scoring program: good tables, bad ones, candidates, the report."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.scoring import Folders, Rows, make_folders, text_of, write_rows
from wildlife_scoring.family.calibration import calibration
from wildlife_scoring.family.confusion import Pair
from wildlife_scoring.family.matrix import TITLED, matrix_chart

HEADER = ("filename", "family", "phylum")
TRUTH: Rows = [
    ("a.jpg", "Canidae", "Chordata"),
    ("b.jpg", "Canidae", "Chordata"),
    ("c.jpg", "Felidae", "Chordata"),
    ("d.jpg", "Apidae", "Arthropoda"),
    ("e.jpg", "Apidae", "Arthropoda"),
]
ANSWERS: Rows = [
    ("a.jpg", "Canidae"),
    ("b.jpg", "Felidae"),
    ("c.jpg", "Apidae"),
    ("d.jpg", "Apidae"),
    ("e.jpg", "Formicidae"),
]
LISTS: Rows = [
    ("a.jpg", "1", "Canidae", "0.9"),
    ("b.jpg", "1", "Felidae", "0.6"),
    ("b.jpg", "2", "Canidae", "0.3"),
    ("c.jpg", "1", "Apidae", "0.4"),
    ("d.jpg", "1", "Apidae", "0.7"),
    ("e.jpg", "1", "Formicidae", "0.5"),
]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = make_folders(tmp_path)
    made.refer(TRUTH, HEADER)
    made.predict(ANSWERS)
    return made


def list_candidates(folders: Folders, rows: Rows) -> None:
    path = folders.predictions.with_name("candidates.csv")
    write_rows(path, [("filename", "rank", "identity", "score"), *rows])


def test_a_good_table_is_scored(folders: Folders) -> None:
    run = folders.run()
    assert run.status == 0, run.stderr
    assert run.scores == pytest.approx(
        {
            "accuracy": 2 / 5,
            "balanced_accuracy": (1 / 2 + 0 + 1 / 2) / 3,
            "f1_micro": 4 / 9,
            "f1_macro": (2 / 3 + 0 + 2 / 4) / 3,
            "f1_weighted": (2 * 2 / 3 + 0 + 2 * 2 / 4) / 5,
        }
    )
    assert "5 images of 3 families in 2 phyla" in run.stdout
    assert "note: 1 label named a family that is not in the reference" in run.stdout


def test_a_spelling_that_differs_in_capitals_is_noted_and_wrong(folders: Folders) -> None:
    folders.predict([("a.jpg", "canidae "), *ANSWERS[1:]])
    run = folders.run()
    assert run.scores["accuracy"] == 1 / 5
    assert "differ from a family in spaces or capitals only" in run.stdout


def test_all_problems_of_both_tables_are_told_at_once(folders: Folders) -> None:
    more = [("x.jpg", "Apidae", "Chordata"), ("y.jpg", "", "Chordata"), ("z.jpg", "Apidae", "")]
    folders.refer([*TRUTH, *more], HEADER)
    folders.predict([("a.jpg", " "), *ANSWERS[1:], ("x.jpg", "Apidae"), ("y.jpg", "Apidae")])
    folders.refused(
        "5 problems",
        "1 row without family: 'y.jpg'",
        "1 row without phylum: 'z.jpg'",
        "1 of 3 families in more than one phylum: 'Apidae (Arthropoda, Chordata)'",
        "1 of 7 labels empty: 'a.jpg'",
        "have no prediction (missing): 'z.jpg'",
    )


def test_the_report_counts_errors_within_and_across_phyla(folders: Folders) -> None:
    report = folders.run().report
    text = text_of(report)
    assert "33.3 % of the errors cross phyla" in text
    assert "Chordata 3 1 (33.3 %) 1 (33.3 %) 1 (33.3 %) 0 (0.0 %)" in text
    assert "Arthropoda 2 1 (50.0 %) 0 (0.0 %) 0 (0.0 %) 1 (50.0 %)" in text
    assert "Canidae \u2192 Felidae: 1 of 2" in text
    assert "Felidae \u2192 Apidae 1 (100.0 %) Chordata \u2192 Arthropoda" in text
    assert "explain_batch" in report  # how to get what is missing
    assert not [name for name, *_ in TRUTH if name in report]
    for outside in ("http:", "https:", "src=", "<script", "<link", "@import", "url(", "href"):
        assert outside not in report


def test_the_rows_of_the_family_table_know_their_place_in_each_order(folders: Folders) -> None:
    rows = re.findall(
        r'<div role="row" style="([^"]+)"><span role="cell">(\w+)', folders.run().report
    )
    assert [name for _, name in rows] == ["Apidae", "Canidae", "Felidae"]
    # lowest F1: Felidae 0, Apidae 1/2, Canidae 2/3; equal ones stand by F1 too
    assert rows[0][0] == "--o0:1;--o1:0;--o2:0;--o3:0;--o4:1;--o5:1"
    assert rows[1][0] == "--o0:2;--o1:1;--o2:2;--o3:1;--o4:2;--o5:2"
    assert rows[2][0] == "--o0:0;--o1:2;--o2:1;--o3:2;--o4:0;--o5:0"


def test_candidates_fill_the_report_and_leave_the_scores(folders: Folders) -> None:
    expected = folders.run().scores
    list_candidates(folders, LISTS)
    run = folders.run()
    assert run.scores == expected
    text = text_of(run.report)
    assert "top-1 0.4000 top-3 0.6000 top-5 0.6000" in text
    error = (0.1 + 0.6 + 0.4 + 0.3 + 0.5) / 5  # each probability has a bin of its own
    assert f"Expected calibration error {error:.4f}" in text
    assert "explain_batch" not in run.report


def test_scores_that_are_no_probabilities_have_no_calibration(folders: Folders) -> None:
    list_candidates(folders, [*LISTS[:2], ("b.jpg", "2", "Canidae", "0.6"), *LISTS[3:]])
    text = text_of(folders.run().report)
    assert "No calibration" in text
    assert "top-5 0.6000" in text


def test_unusable_and_missing_candidates_are_noted(folders: Folders) -> None:
    list_candidates(folders, [("a.jpg", "1", "", "0.5")])
    assert "candidates.csv was left out" in folders.run().stdout
    list_candidates(folders, LISTS[:-1])
    assert "1 image had no candidate in candidates.csv" in folders.run().stdout


def test_images_are_named_on_request_the_surest_first(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORING_NAME_ERRORS", "1")
    list_candidates(folders, LISTS)
    errors = text_of(folders.run().report).partition("Images that are named wrong")[2]
    assert re.findall(r"\w\.jpg", errors) == ["b.jpg", "e.jpg", "c.jpg"]


def test_names_from_outside_are_escaped(folders: Folders) -> None:
    folders.refer([("a.jpg", "<b>", "<u>"), ("b.jpg", "z", "<u>")], HEADER)
    folders.predict([("a.jpg", "<s>"), ("b.jpg", "<b>")])
    report = folders.run().report
    for tag in ("<b>&", "<s>", "<u>"):
        assert tag not in report
    assert "&lt;b&gt;" in report


@pytest.mark.parametrize("families", [202, 900])
def test_the_size_of_the_report_is_bounded(folders: Folders, families: int) -> None:
    rng = np.random.default_rng(0)
    names = [f"Family {n:03d}" for n in range(families)]
    truth = [n % families for n in range(20_000)]
    given = np.where(rng.random(20_000) < 0.5, truth, rng.integers(0, families, 20_000)).tolist()
    rows = [(f"{n}.jpg", names[t], f"Phylum {t % 5}") for n, t in enumerate(truth)]
    folders.refer(rows, HEADER)
    folders.predict([(f"{n}.jpg", names[g]) for n, g in enumerate(given)])
    report = folders.run().report
    assert len(report.encode()) < 1_500_000
    assert ("Confusion matrix of the phyla" in report) == (families > 400)


def test_a_matrix_draws_every_pair_and_titles_the_frequent_ones() -> None:
    names = [f"f{n}" for n in range(60)]
    pairs = [Pair(true, other, 1) for true in names for other in names]
    chart = matrix_chart("m", dict.fromkeys(names, "p"), pairs, dict.fromkeys(names, 60))
    assert chart.count("<title>") == TITLED
    assert chart.count("h12v12h-12Z") == 3600


def test_a_perfect_calibration_has_no_error_and_certain_errors_the_largest() -> None:
    right = np.array([True, False, True, True])
    assert calibration(np.full(4, 0.75), right).error == 0
    assert calibration(np.ones(3), np.zeros(3, dtype=np.bool_)).error == 1
    found = calibration(np.array([0.05, 0.06, 1.0]), np.array([False, True, True]))
    assert found.images.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (found.accuracy[0], found.accuracy[-1]) == (0.5, 1)
    assert math.isnan(found.accuracy[4])
    assert found.error == pytest.approx((2 * (0.5 - 0.055) + 0) / 3)
