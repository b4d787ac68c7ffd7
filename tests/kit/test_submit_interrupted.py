"""`kit submit` with a network that fails at every step: nothing twice, nothing lost."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.kit import Answer
from tests.support.platform_commands import STEPS, Commands, is_whole, stage
from tests.support.platform_server import (
    Fault,
    answer_twice,
    cut,
    do_twice,
    done_but,
    drop,
    drop_answer,
    stall,
    status,
)
from tests.support.platform_state import FakePlatform

# The steps that change something; a lost answer of the others is no other fault than none at all.
CHANGES = ("data set", "bytes", "complete", "submission")


FAULTS = [
    *((step, drop) for step in STEPS),
    *((step, drop_answer) for step in CHANGES),
    *((step, status(503)) for step in CHANGES),
    ("competition", status(429, Retry_After="7")),
    *((step, answer_twice) for step in CHANGES),
    ("submission", status(429)),
]


@pytest.mark.parametrize(("step", "fault"), FAULTS)
def test_a_fault_that_passes_is_not_seen(
    step: str, fault: Fault, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault(*STEPS[step], fault)
    answer = commands.submit()
    assert answer.status == 0, answer.err
    is_whole(platform)


@pytest.mark.parametrize(
    ("step", "fault"),
    [*((step, drop) for step in STEPS), *((step, drop_answer) for step in CHANGES)],
)
def test_a_network_that_is_gone_is_one_message_and_the_same_command_resumes(
    step: str, fault: Fault, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault(*STEPS[step], *([fault] * 40))
    answer = commands.submit()
    if step == "submission" and fault is drop_answer:
        assert answer.status == 0  # it is in the list, so that no answer is needed
    elif step == "look":
        assert answer.status == 0
        assert "submission 500 was made; what became of it is not known" in answer.text
    else:
        assert answer.status == 1
        assert "run the same command again" in answer.text
    assert "Traceback" not in answer.text
    platform.faults.clear()
    again = commands.submit()
    if answer.status == 0:
        assert "submitted to this phase already" in again.text
    else:
        assert again.status == 0, again.err
    is_whole(platform)


def test_a_lost_answer_is_looked_up_before_anything_is_sent_again(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/submissions/$", drop_answer)
    answer = commands.submit()
    assert answer.status == 0
    assert "was made, though its answer was lost" in answer.text
    assert platform.count("POST", "/api/submissions/$") == 1


def test_a_request_that_something_repeated_is_told(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/submissions/$", do_twice)
    answer = commands.submit()
    assert answer.status == 0
    assert "repeated the request: it made 500, 501" in answer.text
    assert platform.count("POST", "/api/submissions/$") == 1


@pytest.mark.parametrize("step", ["competition", *CHANGES])
def test_a_server_that_says_nothing_is_given_up_and_asked_again(
    step: str, commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kit.remote.clients.TIMEOUT", 0.5)
    platform.fault(*STEPS[step], stall)
    answer = commands.submit()
    assert answer.status == 0, answer.err
    is_whole(platform)


@pytest.mark.parametrize("fault", [done_but(500), done_but(408), done_but(201, {"pk": "?"})])
def test_a_submission_that_was_made_without_a_good_answer_is_found(
    fault: Fault, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/submissions/$", fault)
    assert commands.submit().status == 0
    assert platform.count("POST", "/api/submissions/$") == 1
    is_whole(platform)


def test_a_submission_of_someone_else_is_not_taken_for_ours(
    commands: Commands, platform: FakePlatform
) -> None:
    """An organiser sees everybody's submissions; names of files may be equal."""
    assert commands.submit().status == 0
    platform.own[0].owner = "bob"
    assert commands.submit("--force").status == 0
    assert len(platform.own) == 2


def test_an_interrupted_wait_for_the_answer_ends_in_one_submission(
    commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*unused: object) -> int:
        raise KeyboardInterrupt

    platform.fault("POST", "/api/submissions/$", drop_answer)
    with monkeypatch.context() as patched:
        patched.setattr("kit.remote.submitting.Submitter._looked_up", interrupt)
        answer = commands.submit()
    assert answer.status == 130
    assert stage() == "submitting"
    platform.per_day = 1  # its own submission has used up the day
    again = commands.submit()
    assert again.status == 0
    assert "was made by the interrupted command" in again.text
    is_whole(platform)


def test_an_interrupted_upload_is_not_left_behind(
    commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*unused: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("kit.remote.storage.Storage.upload", interrupt)
        assert commands.submit().status == 130
    assert len(platform.uploads) == 1
    assert commands.submit().status == 0
    is_whole(platform)  # the one without bytes was deleted


def test_bytes_that_arrived_are_not_sent_again(commands: Commands, platform: FakePlatform) -> None:
    """Interrupted after the upload and before the server was told of it."""
    platform.fault("PUT", "/completed/", *([drop] * 20))
    assert commands.submit().status == 1
    assert stage() == "made"
    platform.faults.clear()
    assert commands.submit().status == 0
    assert platform.count("PUT", "/storage/") == 1
    is_whole(platform)


def test_an_orphan_is_found_without_the_journal(commands: Commands, platform: FakePlatform) -> None:
    platform.fault("PUT", "/completed/", *([drop] * 20))
    assert commands.submit().status == 1
    platform.faults.clear()
    for path in Path("runs/submissions/uploads").iterdir():
        path.unlink()
    answer = commands.submit()
    assert answer.status == 0
    assert "was on the platform already, and was not sent again" in answer.text
    assert platform.count("PUT", "/storage/") == 1
    is_whole(platform)


def test_a_data_set_that_was_made_with_an_error_is_not_left_behind(
    commands: Commands, platform: FakePlatform
) -> None:
    """The server answers so where its storage is down: the row is there, its file is not."""
    platform.fault("POST", "/api/datasets/$", done_but(500), done_but(500))
    assert commands.submit().status == 1
    assert not platform.uploads
    assert commands.submit().status == 0
    is_whole(platform)


def test_an_expired_address_is_replaced_by_a_new_one(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/storage/", status(403))
    assert commands.submit().status == 0
    assert platform.count("POST", "/api/datasets/$") == 2
    is_whole(platform)


def test_an_address_that_is_refused_again_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/storage/", status(403), status(403))
    answer = commands.submit()
    assert answer.status == 1
    assert "refused its signed address, and a new one too" in answer.text
    assert not platform.uploads
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize("count", [0, 100])
def test_an_upload_that_was_cut_on_the_way_is_seen(
    count: int, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/storage/", cut(count))
    answer = commands.submit()
    assert answer.status == 1
    assert f"bytes were sent, the server has {count}" in answer.text
    assert not platform.own
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize("seed", range(8))
def test_faults_by_chance_end_in_one_upload_and_one_submission(
    seed: int, commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second request fails in some way, and Ctrl-C comes at any waiting."""
    rng = random.Random(seed)
    sleep = commands.time.sleep

    def interrupted(seconds: float) -> None:
        if rng.random() < 0.1:
            raise KeyboardInterrupt
        sleep(seconds)

    monkeypatch.setattr(commands.time, "sleep", interrupted)
    commands.patch_waits()
    faults = [drop, drop_answer, status(503), done_but(502), status(429)]
    for method in ("GET", "POST", "PUT", "DELETE"):
        chosen = [rng.choice(faults) if rng.random() < 0.5 else _usual for _ in range(200)]
        platform.fault(method, "", *chosen)
    answers = [commands.submit()]
    while answers[-1].status != 0 and len(answers) < 40 and not is_told(answers[-1]):
        assert "Traceback" not in answers[-1].text
        answers.append(commands.submit())
    assert len(answers) < 40
    platform.faults.clear()
    is_whole(platform)


def _usual(handler: Any, usual: Any) -> Any:
    return usual()


def is_told(answer: Answer) -> bool:
    """Whether an earlier command made the submission, and could not look at it any more."""
    return "submitted to this phase already" in answer.text
