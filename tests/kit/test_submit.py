"""`kit submit`: what is uploaded, what is refused before, and what is told of it."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import keyring
import pytest
from keyring.errors import NoKeyringError

from kit.errors import KitError, UsageProblem
from kit.remote.server import find_token, server_address
from tests.support.kit import make_submission
from tests.support.platform_commands import Commands
from tests.support.platform_server import status
from tests.support.platform_state import TOKEN, FakePlatform


def everything_below(folder: Path) -> str:
    return "".join(
        p.read_bytes().decode(errors="replace") for p in folder.rglob("*") if p.is_file()
    )


def test_a_submission_is_uploaded_whole_and_named_by_its_content(
    commands: Commands, platform: FakePlatform
) -> None:
    answer = commands.submit("--json")
    assert answer.status == 0, answer.err
    (upload,) = platform.uploads.values()
    content = Path("dist/wide.zip").read_bytes()
    assert upload.content == content
    digest = hashlib.sha256(content).hexdigest()
    assert answer.json["sha256"] == digest
    assert upload.file_name == f"wide-{digest[:12]}.zip" == answer.json["file_name"]
    assert answer.json["id"] == platform.own[0].number
    assert [work.upload for work in platform.own] == [upload]
    assert platform.count("PUT", "/completed/") == 1


def test_the_token_reaches_the_api_only_and_no_file_and_no_output(
    commands: Commands, platform: FakePlatform
) -> None:
    answer = commands.submit("--watch")
    logs = commands("fetch-logs", str(platform.own[0].number))
    assert not platform.tokens_at_storage
    assert TOKEN not in everything_below(Path()) + answer.text + logs.text
    assert "X-Amz-Signature" not in everything_below(Path("runs")) + answer.text
    assert TOKEN not in os.environ.values()


def test_a_dry_run_uploads_and_writes_nothing(commands: Commands, platform: FakePlatform) -> None:
    answer = commands.submit("--dry-run", "--json")
    assert answer.status == 0
    assert answer.json["id"] is None
    assert not answer.json["problems"]
    assert not platform.uploads
    assert not Path("dist").exists()
    assert not Path("runs/submissions").exists()
    assert {method for method, _ in platform.asked} == {"GET"}


def test_a_dry_run_tells_every_problem(commands: Commands, platform: FakePlatform) -> None:
    platform.participant, platform.used_before = "pending", 5
    answer = commands.submit("--dry-run", "--json")
    assert answer.status == 1
    assert len(answer.json["problems"]) == 2
    shown = commands.submit("--dry-run")
    assert "nothing would be submitted" in shown.text
    assert "has not approved you" in shown.text


def test_a_zip_is_taken_as_it_is(commands: Commands, platform: FakePlatform) -> None:
    commands("pack", commands.submission, "--out", "packed.zip")
    commands.submission = Path("packed.zip")
    assert commands.submit().status == 0
    (upload,) = platform.uploads.values()
    assert upload.content == Path("packed.zip").read_bytes()
    assert upload.file_name.startswith("packed-")


def test_a_long_or_strange_name_fits_the_server(
    commands: Commands, platform: FakePlatform, tmp_path: Path
) -> None:
    commands.submission = make_submission(tmp_path / ("flügel größe " + "x" * 40))
    assert commands.submit().status == 0
    (upload,) = platform.uploads.values()
    assert upload.file_name.isascii()
    assert len(upload.file_name) <= 40
    assert platform.own[0].upload.path.endswith(upload.file_name)  # the server cut nothing


def test_no_token_is_one_message(commands: Commands, platform: FakePlatform) -> None:
    commands.token = ""
    answer = commands.submit()
    assert answer.status == 1
    assert "expected your token, found none" in answer.text
    assert "keyring set codabench" in answer.text
    assert not platform.asked


def test_a_wrong_token_is_one_message_and_not_shown(
    commands: Commands, platform: FakePlatform
) -> None:
    commands.token = "f" * 40
    answer = commands.submit()
    assert answer.status == 1
    assert "does not take your token" in answer.text
    assert commands.token not in answer.text
    assert platform.count("POST", "") == 0


def test_what_cannot_be_a_token_is_refused_without_showing_it(commands: Commands) -> None:
    commands.token = "Token s3cret"
    answer = commands.submit()
    assert answer.status == 1
    assert "s3cret" not in answer.text


def test_the_token_may_be_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_password(service: str, username: str) -> str | None:
        if username == "https://none":
            raise NoKeyringError
        if username == "https://broken":
            raise RuntimeError("no message bus")
        return "abc123" if (service, username) == ("codabench", "https://here") else None

    monkeypatch.delenv("CODABENCH_TOKEN", raising=False)
    monkeypatch.setattr(keyring, "get_password", get_password)
    assert find_token("https://here") == "abc123"
    for server in ("https://elsewhere", "https://none", "https://broken"):
        with pytest.raises(KitError, match="expected your token"):
            find_token(server)


def test_tasks_are_chosen_by_name_number_or_key(commands: Commands, platform: FakePlatform) -> None:
    platform.tasks = {1: "one", 2: "two", 3: "three"}
    assert commands.submit("--task", "one", "--task", "3").status == 0
    assert [platform.works[n].task for n in platform.own[0].children] == ["one", "three"]


def test_a_missing_extra_is_one_message(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kit.remote.transport", "kit.remote.storage"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "httpx", None)
    answer = commands.submit()
    assert answer.status == 1
    assert "pip install '.[platform]'" in answer.text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("www.codabench.org", "https://www.codabench.org"),
        ("https://x.org:8443/", "https://x.org:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses_of_servers(given: str, expected: str) -> None:
    assert server_address(given) == expected


@pytest.mark.parametrize(
    "wrong",
    ["http://x.org", "ftp://x.org", "https://a:b@x.org", "https://x.org/api/", "", "https://x:y"],
)
def test_wrong_addresses_of_servers(wrong: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        server_address(wrong)
    assert "a:b" not in str(caught.value)


def test_a_redirect_of_the_api_is_not_followed(commands: Commands, platform: FakePlatform) -> None:
    platform.fault("GET", "my_profile", status(302, Location="https://elsewhere.example/x"))
    answer = commands.submit()
    assert answer.status == 1
    assert "redirected to elsewhere.example" in answer.text
    assert len(platform.asked) == 1


def test_a_page_in_front_of_the_server_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("GET", "my_profile", status(200, "<html>Sign in to the network</html>"))
    answer = commands.submit()
    assert answer.status == 1
    assert "a Codabench server, and no proxy" in answer.text


def test_an_answer_of_another_form_is_one_message(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.fault("GET", "/competitions/", status(200, {"id": 7}))
    answer = commands.submit()
    assert answer.status == 1
    assert "competition 7: expected the answer of a Codabench server" in answer.text


def test_control_characters_of_the_server_do_not_reach_the_terminal(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.title = "Third\x1b[2J party"
    answer = commands.submit()
    assert answer.status == 0
    assert "\x1b" not in answer.out + answer.err


def test_the_zip_has_what_kit_pack_makes(commands: Commands, platform: FakePlatform) -> None:
    assert commands.submit().status == 0
    with zipfile.ZipFile("dist/wide.zip") as archive:
        assert archive.namelist() == ["metadata", "model.py"]
