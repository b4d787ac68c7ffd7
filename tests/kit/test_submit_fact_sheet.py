"""`kit submit` to a competition with a fact sheet: its answers are checked before the upload."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.remote.fact_sheet import complete, problems, questions
from tests.support.platform_commands import Commands, is_whole
from tests.support.platform_server import drop
from tests.support.platform_state import FakePlatform
from tests.support.platform_views import refused_answers


def question(key: str, kind: str, selection: Any, required: str) -> dict[str, Any]:
    return {
        "key": key, "type": kind, "title": f"The {key}", "selection": selection,
        "is_required": required, "is_on_leaderboard": "false",
    }  # fmt: skip


SHEET = {
    "external_data": question("external_data", "checkbox", [True, False], "false"),
    "method": question("method", "text", "", "true"),
    "remarks": question("remarks", "text", "", "false"),
    "network": question("network", "select", ["cnn", "vit"], "true"),
    "team": question("team", "select", ["", "a", "b"], "false"),
}
GOOD = {"external_data": False, "method": "colours", "network": "vit"}


@pytest.fixture
def asking(platform: FakePlatform) -> FakePlatform:
    """The platform, with a competition that asks for a fact sheet."""
    platform.fact_sheet = SHEET
    return platform


def submit(commands: Commands, answers: Any, *arguments: str) -> Any:
    Path("answers.yaml").write_text(yaml.safe_dump(answers))
    return commands.submit("--fact-sheet", "answers.yaml", *arguments)


@pytest.mark.parametrize("name", ["answers.yaml", "answers.json"])
def test_good_answers_are_sent_and_those_to_optional_questions_may_be_left_out(
    name: str, commands: Commands, asking: FakePlatform
) -> None:
    Path(name).write_text(json.dumps(GOOD) if name.endswith("json") else yaml.safe_dump(GOOD))
    answer = commands.submit("--fact-sheet", name)
    assert answer.status == 0, answer.err
    is_whole(asking)
    assert asking.own[0].answers == {**GOOD, "remarks": "", "team": ""}


def test_every_missing_unknown_or_wrong_answer_is_named_at_once(
    commands: Commands, asking: FakePlatform
) -> None:
    given = {"network": "rnn", "remarks": 2026, "team": "a", "colour": "red", "method": ""}
    for arguments in ((), ("--force",)):  # --force cannot change the server's mind
        answer = submit(commands, given, *arguments)
        assert answer.status == 1
        for words in (
            "lacks an answer to external_data (The external_data): true or false",
            "network (The network): one of cnn, vit; found 'rnn'",
            "remarks (The remarks): text, or nothing; found 2026 (int); put it in quotes",
            "has no question 'colour'; its questions are external_data, method",
            "method (The method): text; found nothing",
        ):
            assert words in answer.text
        assert "nothing was uploaded" in answer.text
    assert asking.count("POST", "") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"external_data": "false"}, {"external_data": 0}, {"external_data": None},
        {"method": True}, {"method": None}, {"method": ["a"]}, {"method": ""},
        {"network": ""}, {"network": "Vit"}, {"network": ["vit"]}, {"team": "c"}, {"team": False},
        {"unknown": "x"},
    ],
)  # fmt: skip
def test_what_the_server_would_refuse_is_refused(wrong: dict[str, Any]) -> None:
    sheet = questions(SHEET)
    assert len([*problems(sheet, GOOD | wrong)]) == 1
    assert not [*problems(sheet, GOOD)]
    assert not refused_answers(SHEET, complete(sheet, GOOD))


def test_without_answers_the_questions_are_named(commands: Commands, asking: FakePlatform) -> None:
    answer = commands.submit()
    assert answer.status == 1
    assert "the organiser asks for a fact sheet, --fact-sheet FILE gives the answers" in answer.text
    assert "method (The method): text; remarks" in answer.text
    assert asking.count("POST", "") == 0
    assert commands.submit("--force").status == 0  # the server takes it
    assert asking.own[0].answers is None


def test_optional_questions_are_a_note(commands: Commands, asking: FakePlatform) -> None:
    asking.fact_sheet = {"remarks": SHEET["remarks"]}
    answer = commands.submit()
    assert answer.status == 0
    assert "the organiser asks for a fact sheet" in answer.text
    assert asking.own[0].answers is None


def test_answers_that_nobody_asked_for_are_refused(
    commands: Commands, platform: FakePlatform
) -> None:
    """The server ends in an error of its own there."""
    answer = submit(commands, GOOD)
    assert answer.status == 1
    assert "the competition has no fact sheet" in answer.text
    assert platform.count("POST", "") == 0


@pytest.mark.parametrize("content", ["- a\n", "a: [", "\xff", "", "12"])
def test_a_file_without_answers_is_one_message(
    content: str, commands: Commands, asking: FakePlatform
) -> None:
    Path("answers.yaml").write_bytes(content.encode("latin-1"))
    answer = commands.submit("--fact-sheet", "answers.yaml")
    assert answer.status == 1
    assert "answers.yaml: expected the answers to a fact sheet" in answer.text
    assert not asking.asked


def test_a_file_that_is_not_there_is_one_message(commands: Commands, asking: FakePlatform) -> None:
    answer = commands.submit("--fact-sheet", "nowhere.yaml")
    assert answer.status == 1
    assert "nowhere.yaml: expected the answers to a fact sheet: No such file" in answer.text


def test_answers_go_along_when_a_command_resumes(commands: Commands, asking: FakePlatform) -> None:
    asking.fault("POST", "/api/submissions/$", *([drop] * 10))
    assert submit(commands, GOOD).status == 1
    asking.faults.clear()
    assert submit(commands, GOOD).status == 0
    is_whole(asking)
    assert asking.own[0].answers == {**GOOD, "remarks": "", "team": ""}


@pytest.mark.parametrize("odd", [[], "", "text", 3, {"q": None}, {"q": ["a", True]}, {"q": ""}])
def test_a_fact_sheet_of_another_form_does_not_hide_the_competition(
    odd: Any, commands: Commands, platform: FakePlatform
) -> None:
    platform.fact_sheet = odd
    assert commands.submit().status == 0
