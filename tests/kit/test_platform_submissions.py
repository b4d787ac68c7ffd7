"""`kit submissions`, `kit fetch-logs`, and the platform's scores in `kit leaderboard`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from kit.standings import history
from tests.support.platform_commands import Commands, write_run
from tests.support.platform_server import drop, status
from tests.support.platform_state import COMPETITION, FakePlatform

LIST = ("submissions", "--competition", str(COMPETITION))


def test_the_users_own_submissions_are_listed(commands: Commands, platform: FakePlatform) -> None:
    assert "No submission of yours yet" in commands(*LIST).text
    assert commands.submit("--watch").status == 0
    assert commands.submit("--force").status == 0
    platform.own[1].owner = "bob"
    answer = commands(*LIST, "--json")
    assert answer.status == 0
    (only,) = answer.json["submissions"]
    assert only["id"] == platform.own[0].number
    assert only["scores"] == {"challenge_score": 1, "accuracy": 1}
    shown = commands(*LIST).text
    assert "Finished" in shown
    assert "challenge_score 1, accuracy 1" in shown


def test_each_task_of_a_submission_is_listed_below_it(
    commands: Commands, platform: FakePlatform
) -> None:
    """The platform calls it finished although one of them failed."""
    platform.tasks = {1: "one", 2: "two"}
    platform.steps, platform.child_steps = ["Finished"], {"two": ["Failed"]}
    platform.child_scores = {"one": {"accuracy": "0.5"}}
    assert commands.submit().status == 0
    (only,) = commands(*LIST, "--json").json["submissions"]
    assert only["id"] == 500
    assert [(part["task"], part["status"]) for part in only["parts"]] == [
        ("one", "Finished"), ("two", "Failed"),
    ]  # fmt: skip
    shown = commands(*LIST).text
    assert "501 Finished one accuracy 0.5" in shown
    assert "502 Failed two" in shown


def test_scores_that_were_not_waited_for_get_into_the_history(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    assert [one["status"] for one in history.read_platform(Path("runs"))] == ["Submitting"]
    platform.own[0].steps = ["Finished"]
    assert commands(*LIST).status == 0
    (record,) = history.read_platform(Path("runs"))
    assert record["parts"][0]["scores"] == {"challenge_score": 1, "accuracy": 1}


def test_scores_of_several_tasks_get_into_the_history_too(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.tasks = {1: "one", 2: "two"}
    platform.child_scores = {"one": {"accuracy": "0.5"}, "two": {"accuracy": "0.25"}}
    assert commands.submit().status == 0
    for work in platform.works.values():
        work.steps = ["Finished"]
    assert commands(*LIST).status == 0
    (record,) = history.read_platform(Path("runs"))
    assert [part["scores"]["accuracy"] for part in record["parts"]] == [0.5, 0.25]


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e30", "high", None, [1]])
def test_a_score_that_no_server_can_store_is_one_message(
    score: object, commands: Commands, platform: FakePlatform
) -> None:
    platform.scores["accuracy"] = score  # type: ignore[assignment]
    platform.steps = ["Finished"]
    answer = commands.submit("--watch")
    assert answer.status == 1
    assert "expected the answer of a Codabench server" in answer.text


def test_logs_and_results_are_fetched_whole(commands: Commands, platform: FakePlatform) -> None:
    assert commands.submit("--watch").status == 0
    answer = commands("fetch-logs", "500", "--out", "there", "--json")
    assert answer.status == 0
    assert answer.json["files"] == [
        "detailed_results.html", "prediction_ingestion_stdout.txt", "prediction_output.zip",
        "scoring_output.zip", "scoring_stderr.txt", "submission.json",
    ]  # fmt: skip
    assert not answer.json["absent"]
    assert Path("there/scoring_stderr.txt").read_bytes() == b"log scoring_stderr\x1b[2J"
    assert json.loads(Path("there/submission.json").read_text())["status"] == "Finished"
    assert not platform.tokens_at_storage


def test_the_logs_of_every_child_are_fetched(commands: Commands, platform: FakePlatform) -> None:
    platform.tasks = {1: "one", 2: "two"}
    assert commands.submit().status == 0
    answer = commands("fetch-logs", "500", "--json")
    assert answer.status == 0
    assert {"501/scoring_stderr.txt", "502/scoring_stderr.txt"} <= set(answer.json["files"])


def test_hidden_logs_are_refused(commands: Commands, platform: FakePlatform) -> None:
    assert commands.submit().status == 0
    platform.hidden = {"all"}
    answer = commands("fetch-logs", "500")
    assert answer.status == 1
    assert "the organiser hides logs and results" in answer.text
    assert not Path("runs/submissions/500").exists()


def test_hidden_parts_are_named_and_the_rest_is_fetched(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    platform.hidden = {"prediction_result"}
    answer = commands("fetch-logs", "500")
    assert answer.status == 0
    assert "not there: the output of the prediction step: not made, or hidden" in answer.text
    assert Path("runs/submissions/500/scoring_output.zip").is_file()


def test_an_address_that_expired_meanwhile_is_asked_for_again(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    platform.fault("GET", "/storage/", status(403))
    assert commands("fetch-logs", "500").status == 0
    assert platform.count("GET", "get_details") == 2


def test_a_log_that_is_gone_when_it_is_asked_for_again_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    platform.fault("GET", "/storage/", status(403))
    platform.fault("GET", "get_details", lambda handler, usual: usual(), status(200, {"logs": []}))
    answer = commands("fetch-logs", "500")
    assert answer.status == 1
    assert "submission 500: expected the answer of a Codabench server" in answer.text
    assert not Path("runs/submissions/500").exists()


def test_a_fetch_that_fails_leaves_the_earlier_one(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    assert commands("fetch-logs", "500").status == 0
    folder = Path("runs/submissions/500")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    platform.fault("GET", "/storage/scoring_result", *([drop] * 20))
    answer = commands("fetch-logs", "500")
    assert answer.status == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not list(folder.parent.glob(".*"))


def test_a_folder_with_other_files_is_not_replaced(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    answer = commands("fetch-logs", "500", "--out", "mine")
    assert answer.status == 1
    assert "found other files" in answer.text
    assert Path("mine/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "", "a" * 60])
def test_a_log_of_a_strange_name_is_left_out(
    name: str, commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    content = {"logs": [{"name": name, "data_file": f"{platform.url}/storage/x"}]}
    platform.fault("GET", "get_details", status(200, content))
    answer = commands("fetch-logs", "500")
    assert answer.status == 0
    assert "a log of the name" in answer.text
    names = {path.name for path in Path("runs/submissions/500").iterdir()}
    assert names == {"submission.json"}


def test_a_submission_that_is_not_there(commands: Commands) -> None:
    answer = commands("fetch-logs", "999")
    assert answer.status == 1
    assert "submission 999: not found" in answer.text


def test_the_leaderboard_shows_the_platforms_score_next_to_the_local_one(
    commands: Commands, platform: FakePlatform
) -> None:
    commands("pack", commands.submission, "--out", "x.zip")
    write_run("r1", hashlib.sha256(Path("x.zip").read_bytes()).hexdigest())
    write_run("r2", "0" * 64, submission="other")
    assert "platform" not in commands("leaderboard", "--quick").text
    platform.scores["challenge_score"] = "0.8125000000"
    assert commands.submit("--watch").status == 0
    shown = commands("leaderboard", "--quick").text
    assert "platform" in shown
    assert "0.8125" in shown
    commands("leaderboard", "--quick", "--html", "board.html")
    page = Path("board.html").read_text(encoding="utf-8")
    assert "On the platform" in page
    assert "0.8125" in page
    entries = commands("leaderboard", "--quick", "--json").json["boards"][0]["entries"]
    found = {one["submission"]: one["platform"] for one in entries}
    assert found["other"] == []
    assert [one["value"] for one in found["wide"]] == [0.8125]


def test_a_failed_submission_is_on_the_leaderboard_by_its_status(
    commands: Commands, platform: FakePlatform
) -> None:
    commands("pack", commands.submission, "--out", "x.zip")
    write_run("r1", hashlib.sha256(Path("x.zip").read_bytes()).hexdigest())
    platform.steps = ["Submitting", "Failed"]
    assert commands.submit("--watch").status == 1
    assert "Failed" in commands("leaderboard", "--quick").text


def test_what_platforms_tell_stays_and_the_last_counts(tmp_path: Path) -> None:
    record = {"server": "s", "id": 1, "created": "2026", "status": "Running"}
    history.add_platform(tmp_path, [record])
    history.add_platform(tmp_path, [{**record, "status": "Finished"}])
    history.add_platform(tmp_path, [{**record, "status": "Finished"}])
    assert [one["status"] for one in history.read_platform(tmp_path)] == ["Finished"]
    assert history.read(tmp_path) == []


def test_each_board_shows_the_platforms_score_of_its_task_or_that_it_failed(
    commands: Commands, platform: FakePlatform
) -> None:
    commands("pack", commands.submission, "--out", "x.zip")
    digest = hashlib.sha256(Path("x.zip").read_bytes()).hexdigest()
    for index, name in enumerate(("one", "two")):
        write_run(f"r{index}", digest, task={"index": index, "name": name})
    platform.tasks = {1: "one", 2: "two"}
    platform.child_scores = {"one": {"challenge_score": "0.25", "accuracy": "1"}}
    platform.child_steps = {"two": ["Submitting", "Failed"]}
    assert commands.submit("--watch").status == 1
    boards = commands("leaderboard", "--quick", "--json").json["boards"]
    found = {
        board["task"]: [(each["status"], each["value"]) for each in entry["platform"]]
        for board in boards
        for entry in board["entries"]
    }
    assert found == {"one": [("Finished", 0.25)], "two": [("Failed", None)]}


def test_a_board_of_an_error_ranks_the_smaller_one_first_next_to_the_platforms(
    commands: Commands, platform: FakePlatform
) -> None:
    commands("pack", commands.submission, "--out", "x.zip")
    cell = {
        "key": "challenge_score", "title": "Error", "sorting": "asc", "hidden": False,
        "primary": True,
    }  # fmt: skip
    digest = hashlib.sha256(Path("x.zip").read_bytes()).hexdigest()
    write_run("r1", digest, leaderboard=[cell | {"value": 12.5, "shown": "12.500"}])
    worse = [cell | {"value": 13.0, "shown": "13.000"}]
    write_run("r2", "0" * 64, submission="other", leaderboard=worse)
    platform.scores = {"challenge_score": "12.7500000000"}
    assert commands.submit("--watch").status == 0
    lines = commands("leaderboard", "--quick").out.splitlines()
    rows = [line.split()[:4] for line in lines if line[:1] in "12" and line]
    assert [row[:3] for row in rows] == [["1", "wide", "12.500"], ["2", "other", "13.000"]]
    assert rows[0][3] == "12.7500"
