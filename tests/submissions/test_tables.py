"""The tables of submissions and of their stored scores in the READMEs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import submissions_table
from benchmarks.stored_scores import ROOT, Case, readme_tables


def test_the_readmes_tables_are_what_is_stored() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_tables() in readme, "write them again: make scores"


def test_the_table_of_the_submissions_is_what_their_folders_say() -> None:
    readme = submissions_table.README.read_text(encoding="utf-8")
    advice = "write it again: python -m benchmarks.submissions_table"
    assert submissions_table.submissions_table() in readme, advice


def test_each_track_has_a_table_with_its_own_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hybrid = ("challenge_score", "A_score_major_recall", "A_score_minor_recall", "mimic_recall")
    reid = ("geometric_mean", "BAKS", "BAUS", "cat_BAKS")
    made = [
        (Case("poor", "reid", "final"), dict.fromkeys(reid, 0.1)),
        (Case("good", "reid", "final"), dict.fromkeys(reid, 0.7)),
        (Case("wings", "hybrid", "final"), dict.fromkeys(hybrid, 0.5)),
    ]
    monkeypatch.setattr("benchmarks.stored_scores.STORE", tmp_path)
    monkeypatch.setattr("benchmarks.stored_scores.cases", lambda: [case for case, _ in made])
    for case, scores in made:
        case.scores.parent.mkdir()
        case.scores.write_text(json.dumps({"scores": scores}))
    assert readme_tables().splitlines() == [
        "Track `hybrid`:",
        "",
        "| submission | task | challenge score | major recall | minor recall | mimic recall |",
        "|---|---|---:|---:|---:|---:|",
        "| [wings](submissions/wings/) | final | 0.5000 | 0.5000 | 0.5000 | 0.5000 |",
        "",
        "Track `reid`:",
        "",
        "| submission | task | score | BAKS (known) | BAUS (new) |",
        "|---|---|---:|---:|---:|",
        "| [good](submissions/good/) | final | 0.7000 | 0.7000 | 0.7000 |",
        "| [poor](submissions/poor/) | final | 0.1000 | 0.1000 | 0.1000 |",
    ]
