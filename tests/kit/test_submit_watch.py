"""`kit submit --watch`: waiting, and the platform's scores next to the local ones."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kit.remote.reconcile import reconcile
from kit.remote.watching import Outcome
from tests.support.platform_commands import Commands, is_whole, write_run
from tests.support.platform_server import drop, status
from tests.support.platform_state import FakePlatform
from tests.support.remote_answers import competition, sent


@pytest.fixture
def digest(commands: Commands) -> str:
    """The sha256 of the zip that is submitted."""
    commands("pack", commands.submission, "--out", "x.zip")
    return hashlib.sha256(Path("x.zip").read_bytes()).hexdigest()


def causes(answer: Any) -> str:
    return " ".join(cause for one in answer.json["comparisons"] for cause in one["causes"])


def test_equal_scores_are_said_to_be_equal(
    commands: Commands, digest: str, platform: FakePlatform
) -> None:
    write_run("r1", digest)
    answer = commands.submit("--watch")
    assert answer.status == 0, answer.err
    assert "Equal in every digit" in answer.text
    assert "Likely cause" not in answer.text
    assert not Path("runs/submissions", str(platform.own[0].number)).exists()


def test_scores_that_come_after_the_status_are_waited_for(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.late_looks = 3
    answer = commands.submit("--watch", "--json")
    assert answer.status == 0
    assert answer.json["outcome"]["parts"][0]["scores"] == {"challenge_score": 1, "accuracy": 1}


def test_a_finished_submission_without_a_score_is_no_success(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.late_looks = 10**6
    answer = commands.submit("--watch", "--json")
    assert answer.status == 1
    assert answer.json["outcome"]["missing"] == ["challenge_score", "accuracy"]
    assert "the platform stored no score" in causes(answer)
    assert answer.json["logs"]["files"]


def test_a_difference_fetches_the_logs_and_names_likely_causes(
    commands: Commands, digest: str, platform: FakePlatform
) -> None:
    write_run("r1", digest)
    platform.scores["accuracy"] = "0.9000000000"
    answer = commands.submit("--watch", "--json")
    assert answer.status == 0  # another score is no failure
    (comparison,) = answer.json["comparisons"]
    assert not comparison["equal"]
    cells = {cell["key"]: cell["difference"] for cell in comparison["cells"]}
    assert cells == {"challenge_score": 0, "accuracy": pytest.approx(-0.1)}
    assert "the organiser's data may differ" in causes(answer)
    assert "codalab/codalab-legacy:py37" in causes(answer)
    folder = Path(answer.json["logs"]["folder"])
    assert (folder / "scoring_stderr.txt").is_file()


def test_the_last_digit_that_the_server_stores_counts(
    commands: Commands, digest: str, platform: FakePlatform
) -> None:
    write_run("r1", digest)
    platform.scores["accuracy"] = "0.9999999999"
    answer = commands.submit("--watch", "--json")
    assert not answer.json["comparisons"][0]["equal"]
    assert "versions, threads or rounding" in causes(answer)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"bundle": "Sample"}, "the local run was on the bundle Sample"),
        ({"task": {"index": 1, "name": "Final"}}, "the local run was on Final"),
    ],
)
def test_other_data_and_tasks_are_named(
    changed: dict[str, Any], words: str, commands: Commands, digest: str, platform: FakePlatform
) -> None:
    write_run("r1", digest, **changed)
    platform.scores["accuracy"] = "0.5"
    assert words in causes(commands.submit("--watch", "--json"))


def test_without_a_local_run_there_is_nothing_to_compare(
    commands: Commands, platform: FakePlatform
) -> None:
    answer = commands.submit("--watch", "--json")
    assert answer.status == 0
    assert answer.json["comparisons"][0]["run"] is None
    assert "no local run of this very zip" in causes(answer)


@pytest.mark.parametrize("end", ["Failed", "Cancelled"])
def test_a_submission_that_fails_or_is_cancelled(
    end: str, commands: Commands, digest: str, platform: FakePlatform
) -> None:
    write_run("r1", digest, steps=[{"name": "prediction", "seconds": 590.0}])
    platform.steps = ["Submitting", "Running", end]
    answer = commands.submit("--watch")
    assert answer.status == 1
    assert f"Status: {end}" in answer.text
    expected = {"Failed": "time: the local run took 590 s", "Cancelled": "counts as submitted"}[end]
    assert expected in answer.text
    assert platform.count("GET", "cancel_submission") == 0


def test_a_failed_child_is_seen_although_its_parent_finished(
    commands: Commands, platform: FakePlatform
) -> None:
    """The platform calls a parent Finished as soon as all children have ended."""
    platform.tasks = {1: "one", 2: "two"}
    platform.child_scores = {"one": dict(platform.scores)}
    platform.child_steps = {"two": ["Submitting", "Failed"]}
    answer = commands.submit("--watch", "--json")
    assert answer.status == 1
    assert answer.json["outcome"]["status"] == "Finished"
    assert [part["status"] for part in answer.json["outcome"]["parts"]] == ["Finished", "Failed"]
    assert "it failed on the platform" in causes(answer)


def test_each_task_is_compared_with_its_own_run(
    commands: Commands, digest: str, platform: FakePlatform
) -> None:
    write_run("r1", digest, task={"index": 0, "name": "one"})
    write_run("r2", digest, task={"index": 1, "name": "two"}, started="2026-11-27T11:00:00+00:00")
    platform.tasks = {1: "one", 2: "two"}
    platform.child_scores = {"one": dict(platform.scores), "two": dict(platform.scores)}
    answer = commands.submit("--watch", "--json")
    assert answer.status == 0
    assert [one["run"] for one in answer.json["comparisons"]] == ["runs/r1", "runs/r2"]
    assert all(one["equal"] for one in answer.json["comparisons"])


def test_a_slow_platform_is_left_alone_when_the_time_is_up(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.steps = ["Running"]
    answer = commands.submit("--watch", "--timeout", "600")
    assert answer.status == 1
    assert "It has not ended yet" in answer.text
    assert 600 <= commands.time.now < 700
    assert max(commands.time.waits) <= 60
    assert platform.count("GET", "cancel_submission") == 0
    platform.own[0].steps = ["Finished"]
    again = commands.submit("--watch")
    assert again.status == 0, again.err  # waits for the same submission
    assert len(platform.own) == 1


def test_a_submission_without_watching_can_be_waited_for_later(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    assert commands.submit("--watch").status == 0
    assert len(platform.own) == len(platform.uploads) == 1


def test_drops_while_waiting_are_waited_out(commands: Commands, platform: FakePlatform) -> None:
    platform.fault("GET", r"/submissions/\d+/$", *([drop] * 12), status(502), status(429))
    answer = commands.submit("--watch")
    assert answer.status == 0, answer.err
    assert len(platform.own) == 1


def test_a_network_that_stays_away_while_waiting_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("GET", r"/submissions/\d+/$", *([drop] * 1000))
    answer = commands.submit("--watch", "--timeout", "300")
    assert answer.status == 1
    assert "submission 500 was made; what became of it is not known" in answer.text
    assert "the same command with --watch waits for it" in answer.text
    platform.faults.clear()
    assert commands.submit("--watch").status == 0
    is_whole(platform)


def test_a_log_gets_a_line_for_each_change_and_one_every_few_minutes(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.steps = ["Submitting", *["Running"] * 20, "Scoring", "Finished"]
    answer = commands.submit("--watch")
    assert answer.status == 0
    assert "\x1b" not in answer.err
    assert "\r" not in answer.err
    lines = [line.split("  ", 1)[1] for line in answer.err.splitlines()]
    said = [line.split(",")[0] for line in lines]
    assert list(dict.fromkeys(said)) == [
        "Submitting", "Running", "still Running", "Scoring", "Finished",
    ]  # fmt: skip
    assert lines[0] == "Submitting, after 0 s"
    assert said.count("still Running") == 2  # in a quarter of an hour
    assert not commands.submit("--watch", "--json").err


def test_a_finished_submission_without_any_score_is_no_success_on_a_hidden_leaderboard(
    commands: Commands, platform: FakePlatform
) -> None:
    """Its columns are unknown then, but the user's own scores are not hidden."""

    def hidden(handler: Any, usual: Any) -> Any:
        code, content, headers = usual()
        return code, {**content, "leaderboards": []}, headers

    platform.fault("GET", "/competitions/", *([hidden] * 3))
    platform.late_looks = 10**6
    answer = commands.submit("--watch", "--json")
    assert answer.status == 1
    assert answer.json["outcome"]["missing"] == ["any score"]
    platform.own[0].late_looks = 0
    again = commands.submit("--watch", "--json")
    assert again.status == 0
    assert again.json["outcome"]["missing"] == []


def test_hidden_logs_are_a_note(commands: Commands, platform: FakePlatform) -> None:
    platform.hidden, platform.steps = {"all"}, ["Submitting", "Failed"]
    answer = commands.submit("--watch")
    assert answer.status == 1
    assert "no logs: " in answer.text
    assert "the organiser hides logs" in answer.text


def test_a_column_that_only_one_side_has_is_no_equality() -> None:
    """Without a value on both sides nothing was compared."""
    part = sent(scores={"a": Decimal("0.5")})
    run = {
        "ok": True, "task": {"name": "T"}, "bundle": "B", "folder": "r", "digests": {},
        "leaderboard": [{"key": "b", "value": 0.5}], "mode": "container", "steps": [],
    }  # fmt: skip
    (comparison,) = reconcile(Outcome(part, (), ()), competition(), 600, [run])
    assert not comparison.equal
    assert any("has no value for b" in cause for cause in comparison.causes)
