"""analyse.py: what a report shows of one run, or of several compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.scoring import ANSWERS, HYBRID, PROGRAM, TRUTH, Rows, write_rows
from wildlife_scoring.analysis import ranked
from wildlife_scoring.analysis.content import analyse_folder
from wildlife_scoring.analysis.ranked import Cut, View, kept_rows
from wildlife_scoring.anomaly.metrics import evaluate
from wildlife_scoring.bootstrap.pairs import pairs
from wildlife_scoring.problems import ScoringError

REID = ("filename", "identity", "dataset", "new_identity")
REID_TRUTH: Rows = [
    ("a.jpg", "cat_1", "cat", "false"),
    ("b.jpg", "cat_1", "cat", "false"),
    ("c.jpg", "cat_2", "cat", "false"),
    ("d.jpg", "cat_9", "cat", "true"),
    ("e.jpg", "fox_1", "fox", "false"),
    ("f.jpg", "fox_9", "fox", "true"),
]
REID_ANSWERS: Rows = [
    ("a.jpg", "cat_1"),
    ("b.jpg", "cat_2"),
    ("c.jpg", "new_individual"),
    ("d.jpg", "cat_1"),
    ("e.jpg", "fox_1"),
    ("f.jpg", "new_individual"),
]
FAMILY = ("filename", "family", "phylum")
FAMILY_TRUTH: Rows = [
    ("a.jpg", "Canidae", "Chordata"),
    ("b.jpg", "Canidae", "Chordata"),
    ("c.jpg", "Felidae", "Chordata"),
    ("d.jpg", "Apidae", "Arthropoda"),
]


def lay_out(folder: Path, header: tuple[str, ...], truth: Rows, *runs: Rows) -> Path:
    """The folder that analyse.py reads."""
    (folder / "ref").mkdir(parents=True)
    write_rows(folder / "ref/ref.csv", [header, *truth])
    for number, rows in enumerate(runs):
        place = folder / "runs" / str(number)
        place.mkdir(parents=True)
        write_rows(place / "predictions.txt", rows)
    return folder


def changed(scores: dict[str, str]) -> Rows:
    """`ANSWERS` with other scores for some images."""
    return [(name, scores.get(name, score)) for name, score in ANSWERS]


def detail(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = analyse_folder(folder, resamples=50)["detail"]
    return found


def by_first(table: dict[str, Any]) -> dict[str, list[Any]]:
    """The rows of a table by their first cell."""
    return {row[0]: row[1:] for row in table["rows"]}


def test_groups_are_counted_at_the_leaderboards_threshold(tmp_path: Path) -> None:
    answers = changed({"major 10.jpg": "0.05", "mimic 00.jpg": "0.9"})
    found = detail(lay_out(tmp_path, HYBRID, TRUTH, answers))
    rows = by_first(found["tables"][0])
    area, hybrids, others, images, median = rows["major"]
    assert (area, hybrids, others, images) == (0.5, [1, 2], [0, 2], 4)
    assert median == pytest.approx(0.1)
    assert rows["mimic"][1] == [0, 2]  # the false alarm lifts the mimic's own threshold
    assert [cut["name"] for cut in found["cuts"]] == ["Species A", "Mimic"]
    assert found["cuts"][0]["threshold"] == 0.1
    assert found["cuts"][1]["threshold"] == 0.9


def test_errors_stand_first_the_worst_at_the_front(tmp_path: Path) -> None:
    answers = changed({"major 10.jpg": "0.05", "minor 10.jpg": "0.02"})
    found = detail(lay_out(tmp_path, HYBRID, TRUTH, answers))
    names = [found["rows"]["name"][at] for at in found["show"]]
    assert names[:2] == ["minor 10.jpg", "major 10.jpg"]
    assert sorted(names) == sorted(name for name, *_ in TRUTH)


def test_another_column_of_the_reference_gets_a_table(tmp_path: Path) -> None:
    truth = [(*row, f"wing {number % 2}", f"id {number}") for number, row in enumerate(TRUTH)]
    header = (*HYBRID, "subspecies", "specimen")
    found = detail(lay_out(tmp_path, header, truth, ANSWERS))
    titles = [table["title"] for table in found["tables"]]
    assert titles == ["By group", "By subspecies"]  # a value for each image says nothing
    assert by_first(found["tables"][1])["wing 0"][1:4] == [[3, 3], [0, 3], 6]


def test_ties_are_counted_also_at_the_threshold(tmp_path: Path) -> None:
    found = detail(lay_out(tmp_path, HYBRID, TRUTH, ANSWERS))["ties"]
    assert (found["tied"], found["distinct"], found["largest"]) == (12, 2, 6)
    assert found["table"]["rows"] == [["Species A", 0.1, 0, 4], ["Mimic", 0.1, 0, 2]]


def test_calibration_needs_scores_from_0_to_1(tmp_path: Path) -> None:
    inside = detail(lay_out(tmp_path / "inside", HYBRID, TRUTH, ANSWERS))["calibration"]
    assert len(inside["figures"]) == 2
    # Scores 0.1 and 0.8 for shares 0 and 1: distances 0.1 and 0.2, of half the images each.
    assert "Expected calibration error 0.1500" in inside["figures"][0]["text"]
    beyond = [(name, f"{float(score) + 1}") for name, score in ANSWERS]
    outside = detail(lay_out(tmp_path / "outside", HYBRID, TRUTH, beyond))["calibration"]
    assert outside["figures"] == []
    assert "no probabilities" in outside["text"]


def test_a_species_is_compared_with_the_other_class(tmp_path: Path) -> None:
    truth: Rows = [
        ("a.jpg", "1", "wolf"),
        ("b.jpg", "1", "wolf"),
        ("c.jpg", "0", "fox"),
        ("d.jpg", "0", "hare"),
    ]
    answers = [("a.jpg", "0.9"), ("b.jpg", "0.2"), ("c.jpg", "0.1"), ("d.jpg", "0.5")]
    found = detail(lay_out(tmp_path, ("filename", "anomaly", "species"), truth, answers))
    rows = by_first(found["tables"][0])
    assert rows["wolf"][:3] == [0.75, [1, 2], None]
    assert rows["hare"][:3] == [0.5, None, [0, 1]]
    at = evaluate([1, 1, 0, 0], [0.9, 0.2, 0.1, 0.5]).at_tnr
    assert [cut["threshold"] for cut in found["cuts"]] == [at]


def test_a_large_table_is_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranked, "MOST_ROWS", 100)
    rng = np.random.default_rng(0)
    scores, positive = rng.random(1000), np.arange(1000) % 4 == 0
    group = np.arange(1000) % 2
    names = [str(row) for row in range(1000)]
    cut = Cut("all", [0, 1], 0.5, "")
    view = View(names, ["a", "b"], group, positive, scores, [cut], "Group", ("p", "n"))
    kept = kept_rows(view)
    assert len(kept) == 100
    assert np.all(np.diff(kept) > 0)
    for chosen in (positive, ~positive):
        share = np.mean(scores[chosen] > 0.5)
        assert np.mean(scores[kept][chosen[kept]] > 0.5) == pytest.approx(share, abs=0.02)


def test_wrong_names_are_sorted_into_their_kinds(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, REID, REID_TRUTH, REID_ANSWERS)
    found = detail(folder)
    kinds = dict(zip(found["errors"]["name"], found["errors"]["kind"], strict=True))
    named = {name: found["kinds"][kind] for name, kind in kinds.items()}
    assert named == {
        "b.jpg": "known: another name",
        "c.jpg": "known: called new",
        "d.jpg": "new: given a name",
    }
    individuals = by_first(found["tables"][1])
    assert individuals["cat_1"] == [[1, 2], "known", "cat", "cat_2 (1)"]
    assert individuals["fox_9"] == [[1, 1], "new", "fox", None]
    assert by_first(found["tables"][0])["fox"][:3] == [1.0, 1.0, 1.0]
    assert found["ties"] is None


def test_candidates_stand_next_to_wrong_images(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, REID, REID_TRUTH, REID_ANSWERS)
    rows = [("filename", "rank", "identity", "score")]
    for number, name in enumerate("abcdef"):
        rows += [
            (f"{name}.jpg", "1", "cat_2", f"0.{number + 3}"),
            (f"{name}.jpg", "2", "cat_1", "0.1"),
        ]
    write_rows(folder / "runs/0/candidates.csv", rows)
    found = detail(folder)
    assert found["errors"]["name"] == ["d.jpg", "c.jpg", "b.jpg"]  # the surest first
    assert found["errors"]["candidates"][0] == [("cat_2", 0.6), ("cat_1", 0.1)]
    assert len(found["calibration"]["figures"]) == 2
    assert found["ties"]["tied"] == 0


def test_families_and_phyla_are_counted(tmp_path: Path) -> None:
    answers = [("a.jpg", "Canidae"), ("b.jpg", "Felidae"), ("c.jpg", "Apidae"), ("d.jpg", "Nobody")]
    found = detail(lay_out(tmp_path, FAMILY, FAMILY_TRUTH, answers))
    named = {
        name: found["kinds"][kind]
        for name, kind in zip(found["errors"]["name"], found["errors"]["kind"], strict=True)
    }
    assert named == {
        "b.jpg": "within the phylum",
        "c.jpg": "across phyla",
        "d.jpg": "not in the reference",
    }
    families = by_first(found["tables"][0])
    assert families["Canidae"] == [pytest.approx(2 / 3), 0.5, 1.0, 2, "Chordata", "Felidae (1)"]
    phyla = by_first(found["tables"][1])
    assert phyla["Chordata"] == [[1, 3], [1, 3], [1, 3], [0, 3]]


def test_scores_have_intervals_around_them(tmp_path: Path) -> None:
    answers = changed({"major 10.jpg": "0.05"})
    found = analyse_folder(lay_out(tmp_path, HYBRID, TRUTH, answers), resamples=400)
    assert found["resampled"] == {"resamples": 400, "level": 0.95, "column": "", "units": 12}
    scores = {one["key"]: one for one in found["runs"][0]["scores"]}
    recall = scores["A_score_major_recall"]
    assert recall["value"] == 0.5
    assert recall["low"] <= 0.5 <= recall["high"]
    assert recall["low"] < recall["high"]


def random_scores(seed: int, help_: float) -> Rows:
    rng = np.random.default_rng(seed)
    return [(name, f"{rng.random() + help_ * int(stat):.4f}") for name, stat, _ in MANY]


MANY: Rows = [
    (f"{group} {number}.jpg", str(number % 2), group)
    for group in ("major", "minor", "mimic")
    for number in range(60)
]


def test_a_better_submission_is_separable_and_an_equal_one_is_not(tmp_path: Path) -> None:
    weak, good = random_scores(1, 0.2), random_scores(2, 0.9)
    folder = lay_out(tmp_path, HYBRID, MANY, weak, good, weak)
    found = analyse_folder(folder, resamples=300)["comparison"]
    first = found["keys"][0]
    assert first["key"] == "challenge_score"
    pair = {(one["first"], one["second"]): one for one in first["pairs"]}
    assert set(pair) == {(0, 1), (0, 2), (1, 2)}
    assert pair[0, 1]["all_low"] > 0
    assert pair[1, 2]["all_high"] < 0
    assert pair[0, 2] == {"first": 0, "second": 2} | dict.fromkeys(
        ("value", "low", "high", "all_low", "all_high", "error"), 0.0
    )
    assert pair[0, 1]["value"] == -pair[1, 2]["value"]
    assert found["disputed"]["all"] > 0
    assert len(found["disputed"]["name"]) == len(found["disputed"]["credit"]) <= 240


def test_intervals_for_all_pairs_together_are_wider() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(4000, 4)) + np.array([0.0, 0.1, 0.2, 0.3])
    values = np.array([0.0, 0.1, 0.2, 0.3])
    found = pairs(values, drawn)
    for one in found:
        assert one.all_low < one.low < one.value < one.high < one.all_high
        assert one.error == pytest.approx(2**0.5, rel=0.05)
    # Tukey's range for four groups at 5 %: 3.63 standard deviations of one mean.
    half = (found[0].all_high - found[0].all_low) / 2
    assert half == pytest.approx(3.63, abs=0.15)


def test_a_test_set_that_is_too_small_to_resample_is_named(tmp_path: Path) -> None:
    truth = [row for row in TRUTH if row[0].endswith("0.jpg")]
    answers = [row for row in ANSWERS if row[0].endswith("0.jpg")]
    folder = lay_out(tmp_path, HYBRID, truth, answers, answers)
    with pytest.raises(ScoringError, match="so small that every resample"):
        analyse_folder(folder, resamples=1)


@pytest.mark.process
def test_the_program_prints_json_and_its_status_says_what_happened(tmp_path: Path) -> None:
    program = str(PROGRAM.with_name("analyse.py"))
    folder = lay_out(tmp_path / "good", HYBRID, TRUTH, ANSWERS)
    done = subprocess.run(
        [sys.executable, program, str(folder), "20"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["images"] == 12
    broken = lay_out(tmp_path / "bad", HYBRID, TRUTH, ANSWERS[1:])
    failed = subprocess.run([sys.executable, program, str(broken)], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "no score was written: 1 problem" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert subprocess.run([sys.executable, program], capture_output=True).returncode == 2
