"""`kit submit` to a private competition: its secret key is needed to see it, and never shown."""

from __future__ import annotations

import uuid
from pathlib import Path

import click
import pytest

from kit.errors import KitError
from kit.remote.secret_key import SECRET_KEY_VARIABLE, find_secret_key
from tests.support.platform_commands import Commands, is_whole
from tests.support.platform_server import drop, status
from tests.support.platform_state import FakePlatform

KEY = "6261d0ab-1502-4b5f-a745-a363f992d0c4"
ADDRESS = f"https://www.codabench.org/competitions/7/?secret_key={KEY}#/pages"


@pytest.fixture
def private(platform: FakePlatform) -> FakePlatform:
    """The platform, with a competition that only its participants and a secret key show."""
    platform.secret_key = KEY
    return platform


def everything_below(folder: Path) -> str:
    return "".join(
        p.read_bytes().decode(errors="replace") for p in folder.rglob("*") if p.is_file()
    )


def test_a_participant_needs_no_key(commands: Commands, private: FakePlatform) -> None:
    assert commands.submit().status == 0
    is_whole(private)


def test_a_stranger_learns_how_to_see_it(commands: Commands, private: FakePlatform) -> None:
    private.participant = None
    answer = commands.submit()
    assert answer.status == 1
    assert "competition 7: not found" in answer.text
    assert "CODABENCH_SECRET_KEY, --secret-key" in answer.text


@pytest.mark.parametrize("given", [KEY, KEY.upper(), KEY.replace("-", ""), f" {ADDRESS}\n"])
def test_the_key_shows_it_to_a_stranger_and_is_nowhere_else(
    given: str, commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.participant = None
    monkeypatch.setenv(SECRET_KEY_VARIABLE, given)
    answer = commands("--debug", "submit", commands.submission, "--competition", "7", "--quick")
    assert answer.status == 1
    assert "you do not take part in Third party" in answer.text
    for shown in (KEY, given.strip()):
        assert shown not in answer.text + everything_below(Path())
    assert private.count("POST", "") == 0


def test_the_key_of_another_competition_does_no_harm(
    commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server shows a competition to nobody who sends a wrong key, participants included."""
    monkeypatch.setenv(SECRET_KEY_VARIABLE, str(uuid.UUID(int=1)))
    assert commands.submit().status == 0
    is_whole(private)
    assert private.count("GET", "/competitions/7/") == 1  # it was not sent


def test_a_wrong_key_is_one_message(
    commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.participant = None
    monkeypatch.setenv(SECRET_KEY_VARIABLE, str(uuid.UUID(int=1)))
    answer = commands.submit()
    assert answer.status == 1
    assert "by ada, nor with the secret key" in answer.text
    assert str(uuid.UUID(int=1)) not in answer.text


def test_a_list_of_submissions_takes_the_key_too(
    commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.participant = "pending"
    monkeypatch.setenv(SECRET_KEY_VARIABLE, KEY)
    answer = commands("submissions", "--competition", "7")
    assert answer.status == 0
    assert "No submission of yours yet" in answer.text


@pytest.mark.parametrize("fault", ["dropped", "echoed"])
def test_a_failed_request_does_not_show_the_key(
    fault: str, commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    private.participant = None
    echo = status(500, {"detail": f"/api/competitions/7/?secret_key={KEY}"})
    private.fault(
        "GET", "/competitions/", status(404, {}), *([drop if fault == "dropped" else echo] * 20)
    )
    monkeypatch.setenv(SECRET_KEY_VARIABLE, KEY)
    answer = commands("--debug", "submit", commands.submission, "--competition", "7", "--quick")
    assert answer.status == 1
    assert KEY not in answer.text


@pytest.mark.parametrize("wrong", ["s3cret-s3cret", "https://x.org/?secret_key=s3cret-s3cret"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(
    wrong: str, commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_KEY_VARIABLE, wrong)
    answer = commands("--debug", "submit", commands.submission, "--competition", "7", "--quick")
    assert answer.status == 1
    assert "expected the secret key of a competition" in answer.text
    assert "s3cret" not in answer.text
    assert not private.asked


def test_without_a_terminal_nobody_is_asked(commands: Commands, private: FakePlatform) -> None:
    answer = commands.submit("--secret-key")
    assert answer.status == 2
    assert "expected a terminal to ask on" in answer.text
    assert not private.asked


def test_on_a_terminal_the_key_is_asked_for_without_showing_it(
    commands: Commands, private: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def prompt(text: str, **options: bool) -> str:
        asked.append(options)
        return KEY

    private.participant = None
    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    answer = commands.submit("--secret-key")
    assert "you do not take part" in answer.text
    assert asked == [{"hide_input": True, "err": True}]


def test_the_variable_is_not_left_to_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.hidden_values._hidden", set[str]())
    monkeypatch.setenv(SECRET_KEY_VARIABLE, KEY)
    assert find_secret_key() == KEY
    assert find_secret_key() == ""
    with pytest.raises(KitError, match="another form"):
        find_secret_key(lambda: "no key")
