"""The tables of submissions and of their stored scores in the READMEs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from benchmarks import submissions_overview, submissions_table
from benchmarks.stored_scores import ROOT, readme_tables
from kit import bundles, submissions
from kit.regression.cases import Case
from kit.regression.store import Kept, write_stored
from kit.submissions import Submission
from tests.support.kit import make_submission


def test_the_readmes_tables_are_what_is_stored() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_tables() in readme, "write them again: make scores"


def test_the_table_of_the_submissions_is_what_their_folders_say() -> None:
    readme = submissions_table.README.read_text(encoding="utf-8")
    advice = "write it again: python -m benchmarks.submissions_table"
    assert submissions_table.submissions_table() in readme, advice


def case_of(name: str, track: str, team: Path) -> Case:
    """The final task of a track for a submission in a team's own repository."""
    folder = make_submission(team / "submissions" / name, metadata=f"track: {track}\n")
    bundle = bundles.read(ROOT / "sample_data" / track)
    return Case(Submission(name, folder), bundle, bundle.task("final"))


def test_each_track_has_a_table_with_its_own_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hybrid = ("challenge_score", "A_score_major_recall", "A_score_minor_recall", "mimic_recall")
    reid = ("geometric_mean", "BAKS", "BAUS", "cat_BAKS")
    made = [
        (case_of("poor", "reid", tmp_path), dict.fromkeys(reid, 0.1)),
        (case_of("good", "reid", tmp_path), dict.fromkeys(reid, 0.7)),
        (case_of("wings", "hybrid", tmp_path), dict.fromkeys(hybrid, 0.5)),
    ]
    monkeypatch.setattr("benchmarks.stored_scores.cases", lambda: [case for case, _ in made])
    for case, scores in made:
        write_stored(case.slot, Kept("a.jpg,0.5\n", scores))
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


def test_the_overview_has_the_stored_score_of_every_submission_in_its_interval() -> None:
    page = (ROOT / "docs/pages/submissions.md").read_text(encoding="utf-8")
    row = r"^\| \[(\w+)\]\(\S+\) \| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \|"
    rows = {name: numbers for name, *numbers in re.findall(row, page, re.MULTILINE)}
    assert set(rows) == {one.name for one in submissions.discover()}
    for name, numbers in rows.items():
        stored = json.loads((ROOT / f"tests/scores/{name}/final.json").read_text(encoding="utf-8"))
        first = next(iter(stored["scores"].values()))
        value, low, high = map(float, numbers)
        assert value == pytest.approx(first, abs=0.0006)
        assert low <= value <= high


def test_the_overview_asks_for_the_source_of_a_new_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sources.yaml").write_text("constant: {source: here, backbone: none}\n")
    monkeypatch.setattr(submissions_overview, "SOURCES", tmp_path / "sources.yaml")
    with pytest.raises(ValueError, match=r"add an entry for .*wing_pattern_sgd"):
        submissions_overview.track_table("hybrid")


def test_the_overview_names_the_published_network_that_a_submission_serves() -> None:
    told = yaml.safe_load(submissions_overview.SOURCES.read_text(encoding="utf-8"))
    assert set(told) == {one.name for one in submissions.discover()}
    for one in submissions.discover():
        for name in submissions_table.packaged_bytes(one.path):
            (lite,) = re.findall(r"efficientnet-(lite\d)", name)
            assert f"EfficientNet-{lite.capitalize()}" in told[one.name]["backbone"], one.name


def test_licences_of_code_and_weights_are_named_once(tmp_path: Path) -> None:
    assert submissions_overview.licence_of(tmp_path) == "Apache-2.0"
    files = [{"licence": name} for name in ("MIT", "Apache-2.0", "CC-BY-NC-4.0", "MIT")]
    (tmp_path / "weights.json").write_text(json.dumps({"format": 1, "files": files}))
    assert submissions_overview.licence_of(tmp_path) == "Apache-2.0, MIT, CC-BY-NC-4.0"
