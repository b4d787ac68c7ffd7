"""`kit submit` stopped by Ctrl-C at each request, called twice, or with its files changed."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit.remote.journal import STAGES, Journal, Order
from kit.remote.storage import Storage
from tests.support.platform_commands import STEPS, Commands, is_whole, stage
from tests.support.platform_server import drop
from tests.support.platform_state import FakePlatform, add_work


@contextmanager
def ctrl_c(step: str, after: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stop the command at a request: before it is sent, or when the server has done it."""
    method, pattern = STEPS[step]
    send = httpx.Client.send

    def stopped(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        if request.method != method or not re.search(pattern, request.url.path):
            return send(client, request, **options)
        if after:
            send(client, request, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(httpx.Client, "send", stopped)
        yield


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_at_any_request_is_one_message_and_the_same_command_resumes(
    step: str,
    after: bool,
    commands: Commands,
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ctrl_c(step, after, monkeypatch):
        answer = commands.submit("--watch")
    assert answer.status == 130
    assert "Traceback" not in answer.text
    if step == "look":
        assert "interrupted; submission 500 is on the platform" in answer.text
    elif step not in ("profile", "competition"):  # nothing was begun yet
        assert "interrupted before the platform confirmed a submission" in answer.text
        assert "uploads nothing twice" in answer.text
    again = commands.submit("--watch")
    assert again.status == 0, again.err
    is_whole(platform)


def test_a_second_command_at_the_same_time_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/storage/", *([drop] * 10))
    assert commands.submit().status == 1
    platform.faults.clear()
    (path,) = Path("runs/submissions/uploads").glob("*.lock")
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as the first command holds it
        answer = commands.submit()
    assert answer.status == 1
    assert "another `kit submit` uploads the same zip now" in answer.text
    assert platform.count("PUT", "/storage/") == 5
    assert commands.submit().status == 0
    is_whole(platform)


def submitted_elsewhere(platform: FakePlatform) -> None:
    """Another machine submits the same zip."""
    (upload,) = platform.uploads.values()
    add_work(platform, upload, "Only task", ["Submitted"], {})


def test_a_second_machine_at_the_same_time_is_noticed(
    commands: Commands, platform: FakePlatform
) -> None:
    def meanwhile(handler: Any, usual: Any) -> Any:
        submitted_elsewhere(platform)
        return usual()

    platform.fault("PUT", "/completed/", meanwhile)
    answer = commands.submit()
    assert answer.status == 1
    assert "another command or machine submitted the same zip meanwhile: 500" in answer.text
    assert len(platform.own) == 1
    assert "submitted to this phase already: 500" in commands.submit().text
    assert len(platform.own) == 1
    assert commands.submit("--force").status == 0
    assert len(platform.own) == 2


def test_a_command_that_resumes_sees_what_another_machine_submitted(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/completed/", *([drop] * 10))
    assert commands.submit().status == 1
    platform.faults.clear()
    submitted_elsewhere(platform)
    answer = commands.submit()
    assert answer.status == 1
    assert "submitted to this phase already: 500" in answer.text
    assert len(platform.own) == 1


def test_a_forced_submission_resumes_next_to_the_earlier_one(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    platform.fault("POST", "/api/submissions/$", *([drop] * 10))
    assert commands.submit("--force").status == 1
    platform.faults.clear()
    assert commands.submit().status == 0  # it was forced when it began
    assert len(platform.own) == 2
    assert len(platform.uploads) == 1


def test_other_tasks_are_another_submission(commands: Commands, platform: FakePlatform) -> None:
    platform.tasks = {1: "one", 2: "two", 3: "three"}
    assert commands.submit("--task", "one").status == 0
    other = commands.submit("--task", "two", "--watch")
    assert other.status == 1
    assert "submitted to this phase already: 500" in other.text
    assert commands.submit("--task", "one", "--watch").status == 0
    assert commands.submit("--task", "two", "--watch", "--force").status == 0
    assert [work.task for work in platform.own] == ["one", "two"]


def test_a_lost_submission_to_other_tasks_is_not_taken_for_this_one(
    commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.tasks = {1: "one", 2: "two", 3: "three"}
    with ctrl_c("submission", True, monkeypatch):
        assert commands.submit("--task", "one").status == 130
    answer = commands.submit("--task", "two")
    assert answer.status == 1
    assert "submitted to this phase already: 500" in answer.text
    assert len(platform.own) == 1


def test_a_zip_that_is_there_needs_no_more_space(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("POST", "/api/submissions/$", *([drop] * 10))
    assert commands.submit().status == 1
    platform.faults.clear()
    platform.used_bytes = 15e9  # its own bytes count
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize("arguments", [(), ("--watch",)])
def test_a_history_that_cannot_be_written_does_not_hide_the_submission(
    arguments: tuple[str, ...], commands: Commands, platform: FakePlatform
) -> None:
    def broken(handler: Any, usual: Any) -> Any:
        Path("runs/history.sqlite3").write_text("no database, but long enough to look at" * 99)
        return usual()

    platform.fault("POST", "/api/submissions/$", broken)
    answer = commands.submit(*arguments)
    assert "submission 500 was made; what became of it is not known" in answer.text
    assert answer.status == (1 if arguments else 0)
    Path("runs/history.sqlite3").unlink()
    assert commands.submit("--watch").status == 0
    is_whole(platform)


def test_logs_that_cannot_be_kept_are_a_note_below_the_scores(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.steps = ["Failed"]
    Path("runs/submissions/500").mkdir(parents=True)
    Path("runs/submissions/500/notes.txt").write_text("mine")
    answer = commands.submit("--watch")
    assert answer.status == 1
    assert "Status: Failed" in answer.text
    assert "found other files" in answer.text


@pytest.mark.parametrize("change", [b"other", b""])
def test_a_zip_that_changes_during_the_upload_is_not_submitted(
    change: bytes, commands: Commands, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Storage.upload

    def changed(storage: Storage, url: str, path: Path, *rest: Any) -> None:
        path.write_bytes(path.read_bytes()[:-5] + change)
        upload(storage, url, path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Storage, "upload", changed)
        answer = commands.submit()
    assert answer.status == 1
    assert "the zip changed while it was uploaded" in answer.text
    assert not platform.own
    assert not platform.uploads
    assert commands.submit().status == 0
    is_whole(platform)


@pytest.mark.parametrize("length", [0, 1, 200])
def test_a_journal_that_is_half_there_is_one_message_and_nothing_is_uploaded(
    length: int, commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("PUT", "/storage/", *([drop] * 10))
    assert commands.submit().status == 1
    platform.faults.clear()
    assert stage() == "made"
    (path,) = Path("runs/submissions/uploads").glob("*.json")
    path.write_bytes(path.read_bytes()[:length])
    asked = len(platform.asked)
    answer = commands.submit()
    assert answer.status == 1
    assert "expected the journal of an upload, found something else" in answer.text
    assert "then move the file away" in answer.text
    assert {method for method, _ in platform.asked[asked:]} == {"GET"}
    path.unlink()
    assert commands.submit().status == 0
    assert len(platform.own) == 1


def order(tmp_path: Path) -> Order:
    return Order("https://x.org", 7, 70, (), "wide", tmp_path / "a.zip", "ab" * 32, 10)


def test_two_commands_do_not_submit_the_same_zip_at_once(tmp_path: Path) -> None:
    first, second = Journal(tmp_path, order(tmp_path)), Journal(tmp_path, order(tmp_path))
    with first.locked(), pytest.raises(Exception, match="another `kit submit`"), second.locked():
        pass
    with second.locked():
        pass


@pytest.mark.parametrize("stage", STAGES)
def test_a_journal_is_read_as_it_was_written(stage: str, tmp_path: Path) -> None:
    journal = Journal(tmp_path, order(tmp_path))
    journal.write(stage=stage, key="k", before=("1",), number=3)
    assert Journal(tmp_path, order(tmp_path)).state == journal.state


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 9}', '{"format": 1}', "\udcff"])
def test_a_broken_journal_is_one_message(content: str, tmp_path: Path) -> None:
    path = Journal(tmp_path, order(tmp_path)).path
    path.parent.mkdir(parents=True)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(Exception, match="expected the journal of an upload"):
        Journal(tmp_path, order(tmp_path))
