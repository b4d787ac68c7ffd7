"""What the platform refuses while `kit submit` uploads, and how long it is waited for."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.support.platform_commands import Commands, is_whole, stage
from tests.support.platform_server import Fault, drop, status
from tests.support.platform_state import COMPETITION, FakePlatform


@pytest.mark.parametrize("refuses_with_400", [False, True])
def test_a_limit_that_is_reached_during_the_upload_keeps_the_zip(
    refuses_with_400: bool, commands: Commands, platform: FakePlatform
) -> None:
    """Older servers answer with a page and status 500, newer ones with 400."""
    platform.refuses_with_400 = refuses_with_400

    def limit_reached(handler: Any, usual: Any) -> Any:
        platform.used_before = 5
        return usual()

    platform.fault("POST", "/api/submissions/$", limit_reached)
    answer = commands.submit()
    assert answer.status == 1
    assert "Reached maximum allowed submissions for today" in answer.text
    assert "the zip stays on the platform" in answer.text
    assert stage() == "uploaded"
    assert "you have used 5 of 5" in commands.submit().text
    platform.used_before = 0  # the next day
    assert commands.submit().status == 0
    assert platform.count("PUT", "/storage/") == 1
    is_whole(platform)


def test_approval_that_is_withdrawn_during_the_upload_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/submissions/$", status(403, {"detail": "You do not have access"}))
    answer = commands.submit()
    assert answer.status == 1
    assert "You do not have access" in answer.text
    assert not platform.own
    assert commands.submit().status == 0
    assert platform.count("PUT", "/storage/") == 1
    is_whole(platform)


def test_an_upload_that_was_deleted_meanwhile_is_made_again(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/submissions/$", *([drop] * 20))
    assert commands.submit().status == 1
    platform.faults.clear()
    platform.uploads.clear()
    answer = commands.submit()
    assert answer.status == 1
    assert "the upload is gone" in answer.text
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"data_file": ["Insufficient space."]}, "the server has no space for"),
        ({"name": ["You already have a dataset by this name"]}, "does not take the file's name"),
        ({"type": ["not a choice"]}, "type: not a choice"),
    ],
)
def test_a_data_set_that_is_refused_is_one_message(
    content: dict[str, list[str]], words: str, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/datasets/$", status(400, content))
    answer = commands.submit()
    assert answer.status == 1
    assert words in answer.text
    assert not platform.own
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize(
    "fault", [status(413), status(400, "<Error><Code>EntityTooLarge</Code></Error>")]
)
def test_a_storage_that_takes_no_such_file_is_one_message(
    fault: Fault, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/storage/", fault)
    answer = commands.submit()
    assert answer.status == 1
    assert "no space for" in answer.text
    assert not platform.own
    assert commands.submit().status == 0
    is_whole(platform)


def test_a_server_that_asks_for_patience_gets_it(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/datasets/$", status(429, Retry_After="30"))
    assert commands.submit().status == 0
    assert any(29 < wait <= 30 for wait in commands.time.waits)


def test_a_date_to_wait_for_is_read_by_the_servers_clock(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.now += timedelta(hours=5)
    until = format_datetime(platform.now + timedelta(seconds=40), usegmt=True)
    platform.fault("GET", "/competitions/", status(503, Retry_After=until))
    assert commands.submit("--dry-run").status == 0
    assert any(30 < wait <= 41 for wait in commands.time.waits)


def test_a_server_that_asks_for_hours_is_left_alone(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("GET", "/competitions/", status(429, Retry_After="7200"))
    answer = commands.submit()
    assert answer.status == 1
    assert "asks to come back in 7200 s" in answer.text
    assert not commands.time.waits


def test_a_server_that_is_not_there_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    answer = commands(
        "submit", commands.submission, "--competition", str(COMPETITION), "--quick",
        "--server", "http://127.0.0.1:9",
    )  # fmt: skip
    assert answer.status == 1
    assert "the connection failed" in answer.text
