"""The platform's verdict next to the strict one: what it would show for the same output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kit import INGESTION, Kit, competition_yaml, make_bundle, make_submission


def platform(
    kit: Kit, bundle: Path, submission: Path, *options: str
) -> tuple[bool, dict[str, Any]]:
    record = kit("run", submission, "--bundle", bundle, "--json", *options).json
    return record["ok"], record["platform"]


def with_scores(folder: Path, written: str, name: str = "scores.json") -> Path:
    scoring = f"import sys\nopen(sys.argv[2] + '/{name}', 'w').write({written!r})\n"
    return make_bundle(folder, scoring=scoring)


def test_a_good_run_is_finished_on_both_sides(kit: Kit, bundle: Path, submission: Path) -> None:
    ok, verdict = platform(kit, bundle, submission)
    assert ok
    assert verdict["status"] == "Finished"
    assert verdict["board"] == {"challenge_score": "1.000", "accuracy": "1.000"}


def test_a_crashed_prediction_is_scored_all_the_same(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    bundle = make_bundle(tmp_path / "b", ingestion=INGESTION + "raise SystemExit(3)\n")
    ok, verdict = platform(kit, bundle, submission, "--out", "here")
    assert not ok
    assert verdict["status"] == "Finished"
    assert verdict["board"]["accuracy"] == "1.000"
    assert "ended with exit status 3: the platform ignores that" in verdict["notes"][0]
    assert not Path("here/scores.json").exists()
    assert json.loads(Path("here/run.json").read_text())["scores"] == {}


def test_a_crashed_prediction_hides_behind_the_scoring_error(
    kit: Kit, bundle: Path, tmp_path: Path
) -> None:
    broken = make_submission(tmp_path / "broken", model="raise RuntimeError('not today')\n")
    ok, verdict = platform(kit, bundle, broken)
    assert not ok
    assert verdict["status"] == "Failed"
    assert verdict["message"] == "Child task failed or non-zero return code"
    assert verdict["log"] == "scoring_stderr.txt"
    assert "prediction_ingestion_stderr.txt" in verdict["notes"][0]


def test_a_time_out_fails_without_scoring(kit: Kit, tmp_path: Path) -> None:
    slow = make_submission(tmp_path / "slow", model="import time\ntime.sleep(60)\n")
    bundle = make_bundle(tmp_path / "b")
    path = bundle / "competition.yaml"
    content = yaml.safe_load(path.read_text())
    content["phases"][0]["execution_time_limit"] = 1
    path.write_text(yaml.safe_dump(content))
    ok, verdict = platform(kit, bundle, slow)
    assert not ok
    assert verdict["status"] == "Failed"
    assert verdict["message"] == "Execution Time Limit exceeded. Limit was 1 seconds"


def test_a_limit_below_the_phases_tells_nothing_of_the_platform(
    kit: Kit, bundle: Path, tmp_path: Path
) -> None:
    slow = make_submission(tmp_path / "slow", model="import time\ntime.sleep(60)\n")
    ok, verdict = platform(kit, bundle, slow, "--time-limit", "0.5")
    assert not ok
    assert verdict["status"] == "unknown"
    assert "the limit of 0.5 s is this run's own" in verdict["message"]


def test_a_metadata_file_in_the_output_fails(kit: Kit, tmp_path: Path, submission: Path) -> None:
    bundle = make_bundle(tmp_path / "b", ingestion=INGESTION + "(output / 'metadata').touch()\n")
    _, verdict = platform(kit, bundle, submission)
    assert verdict["status"] == "Failed"
    assert "already contains a metadata file" in verdict["message"]


@pytest.mark.parametrize(
    ("written", "status", "message"),
    [
        ("{", "Failed", "Could not decode scores json properly"),
        ('{"challenge_score": NaN}', "Failed", "Out of range float values"),
        ('{"accuracy": 1}', "Finished", "servers before May 2026 put n/a on top of the board"),
        ('{"accuracy": 1, "extra": 2}', "Finished", "silently skipped, not columns"),
        ('{"challenge_score": "abc", "accuracy": 1}', "Finished", "keys after it are lost"),
        ('{"challenge_score": 1e10, "accuracy": 1}', "Finished", "is refused by the server"),
        ("[1]", "Finished", "scores are list, not a mapping"),
        (
            '{"challenge_score": 0.12345, "accuracy": 1}',
            "Finished",
            "ranks by ten decimals",
        ),
    ],
)
def test_scores_are_shown_as_the_server_stores_them(
    kit: Kit, tmp_path: Path, submission: Path, written: str, status: str, message: str
) -> None:
    _, verdict = platform(kit, with_scores(tmp_path / "b", written), submission)
    assert verdict["status"] == status
    assert message in verdict["message"] + " ".join(verdict["notes"])


def test_keys_before_a_bad_one_stay_on_the_board(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    bundle = with_scores(tmp_path / "b", '{"accuracy": 0.5, "challenge_score": null}')
    _, verdict = platform(kit, bundle, submission)
    assert verdict["board"] == {"challenge_score": "n/a", "accuracy": "0.500"}


def test_true_counts_as_one_and_numeric_text_as_a_number(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    text = "challenge_score: 1e-1\naccuracy: true\n"
    _, verdict = platform(kit, with_scores(tmp_path / "b", text, "scores.txt"), submission)
    assert verdict["board"] == {"challenge_score": "0.100", "accuracy": "1.000"}


def test_no_scores_file_is_the_platforms_own_message(
    kit: Kit, tmp_path: Path, submission: Path
) -> None:
    _, verdict = platform(kit, make_bundle(tmp_path / "b", scoring="pass\n"), submission)
    assert verdict["message"].startswith("Could not find scores file")


def test_a_column_that_ranks_smaller_first_is_noted(
    kit: Kit, bundle: Path, submission: Path
) -> None:
    content = competition_yaml()
    content["leaderboards"][0]["columns"][1]["sorting"] = "asc"
    (bundle / "competition.yaml").write_text(yaml.safe_dump(content))
    _, verdict = platform(kit, bundle, submission)
    assert "accuracy: the board ranks smaller values first" in verdict["notes"]
