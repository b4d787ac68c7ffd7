"""`kit submit`: what is uploaded, what is refused before, and what is told of it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
from pathlib import Path

import keyring
import pytest
from keyring.errors import NoKeyringError

from kit.errors import KitError, UsageProblem
from kit.findings.finding import Report
from kit.remote.server import find_token, server_address
from tests.support.kit import MODEL, make_submission
from tests.support.platform_commands import Commands
from tests.support.platform_server import shifted, status
from tests.support.platform_state import COMPETITION, TOKEN, FakePlatform


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


# What the command says where it refuses before the upload. Each row: the change, and its words.
REFUSED = {
    "not a participant": (("participant", None), "you do not take part in Third party"),
    "not approved": (("participant", "pending"), "your registration is pending"),
    "denied": (("participant", "denied"), "your registration is denied"),
    "used up today": (("used_before", 5), "you have used 5 of 5 submissions today"),
    "used up": (("in_all", 3), "you have used 3 of 3 submissions of this phase"),
    "too large": (("used_bytes", 15e9), "0 are left of your space"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_server_would_refuse_is_said_before_the_upload(
    name: str, commands: Commands, platform: FakePlatform
) -> None:
    (field, value), words = REFUSED[name]
    platform.used_before = 3 if field == "in_all" else 0
    setattr(platform, field, value)
    for arguments in ((), ("--force",)):  # --force cannot change the server's mind
        answer = commands.submit(*arguments)
        assert answer.status == 1
        assert words in answer.text
        assert "nothing was uploaded" in answer.text
        assert "Traceback" not in answer.text
    assert platform.count("POST", "") == 0


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "is over"),
        ("2098-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "has not begun"),
    ],
)
def test_a_closed_phase_is_refused_by_its_dates(
    start: str, end: str, words: str, commands: Commands, platform: FakePlatform
) -> None:
    platform.start, platform.end = start, end
    named = commands.submit("--phase", "First")
    assert named.status == 1
    assert words in named.text
    unnamed = commands.submit()
    assert unnamed.status == 2
    assert "expected one open phase" in unnamed.text
    assert start[:10] in unnamed.text
    assert platform.count("POST", "") == 0


def test_the_servers_clock_decides_whether_a_phase_is_open(
    commands: Commands, platform: FakePlatform
) -> None:
    shifted(platform, hours=3)
    platform.end = f"{platform.now:%Y-%m-%dT%H:%M:%S}Z"  # three hours from now, by our clock
    shifted(platform, seconds=1)
    assert "is over" in commands.submit("--phase", "70").text
    shifted(platform, seconds=-60)
    answer = commands.submit()
    assert answer.status == 0
    assert "clock differs from the server's by" in answer.text
    assert "the phase ends at" in answer.text


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
        if username == "https://broken":
            raise NoKeyringError
        return "abc123" if (service, username) == ("codabench", "https://here") else None

    monkeypatch.delenv("CODABENCH_TOKEN", raising=False)
    monkeypatch.setattr(keyring, "get_password", get_password)
    assert find_token("https://here") == "abc123"
    for server in ("https://elsewhere", "https://broken"):
        with pytest.raises(KitError, match="expected your token"):
            find_token(server)


def test_a_competition_that_is_not_there(commands: Commands, platform: FakePlatform) -> None:
    answer = commands("submit", commands.submission, "--competition", "8", "--quick")
    assert answer.status == 1
    assert "competition 8: not found" in answer.text
    assert platform.count("POST", "") == 0


@pytest.mark.parametrize("option", ["--phase", "--task"])
def test_an_unknown_phase_or_task_lists_those_that_exist(option: str, commands: Commands) -> None:
    answer = commands.submit(option, "Second")
    assert answer.status == 2
    assert {"--phase": "First (70)", "--task": "Only task (1)"}[option] in answer.text


def test_tasks_are_chosen_by_name_number_or_key(commands: Commands, platform: FakePlatform) -> None:
    platform.tasks = {1: "one", 2: "two", 3: "three"}
    assert commands.submit("--task", "one", "--task", "3").status == 0
    assert [platform.works[n].task for n in platform.own[0].children] == ["one", "three"]


def test_errors_of_the_check_refuse_unless_forced(
    commands: Commands, platform: FakePlatform
) -> None:
    (commands.submission / "metadata").unlink()
    commands.submission.joinpath("metadata").write_text("description: x\ntrack: nothing\n")
    answer = commands.submit()
    assert answer.status == 1
    assert not platform.uploads
    assert commands.submit("--force").status == 0
    assert len(platform.own) == 1


def test_the_same_zip_is_submitted_again_only_by_force(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    answer = commands.submit()
    assert answer.status == 1
    assert f"submitted to this phase already: {platform.own[0].number}" in answer.text
    assert len(platform.own) == len(platform.uploads) == 1
    assert commands.submit("--force").status == 0
    assert len(platform.own) == 2


def test_the_same_zip_is_known_also_without_the_folder_of_runs(
    commands: Commands, platform: FakePlatform
) -> None:
    assert commands.submit().status == 0
    for path in Path("runs/submissions/uploads").iterdir():
        path.unlink()
    answer = commands.submit()
    assert answer.status == 1
    assert "submitted to this phase already" in answer.text
    assert len(platform.own) == 1


def test_a_failed_local_run_of_the_same_zip_refuses(
    commands: Commands, platform: FakePlatform
) -> None:
    commands("pack", commands.submission, "--out", "x.zip")
    write_run("r1", hashlib.sha256(Path("x.zip").read_bytes()).hexdigest(), ok=False)
    answer = commands.submit()
    assert answer.status == 1
    assert "the last local run of this zip failed: no scores" in answer.text
    assert not platform.uploads


def test_the_last_local_run_and_its_time_are_told(
    commands: Commands, platform: FakePlatform
) -> None:
    assert "no local run of this very zip" in commands.submit("--dry-run").text
    commands("pack", commands.submission, "--out", "x.zip")
    write_run("r1", hashlib.sha256(Path("x.zip").read_bytes()).hexdigest())
    platform.limit_s = 100
    answer = commands.submit("--dry-run")
    assert "Challenge_score 1.000, Accuracy 1.000 (runs/r1)" in answer.text
    assert "80 s of 100 s, on this machine: close to the limit" in answer.text


@pytest.mark.parametrize(("seconds", "words"), [(700, "over the time limit"), (500, "close to")])
def test_the_forecast_is_compared_with_the_phases_limit(
    seconds: float,
    words: str,
    commands: Commands,
    platform: FakePlatform,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(*unused: object) -> Report:
        forecast = {"images": 9000, "seconds": seconds}
        return Report("submission", "wide", commands.submission, forecast=forecast)

    monkeypatch.setattr("kit.remote.local.check_submission", check)
    answer = commands("submit", commands.submission, "--competition", str(COMPETITION))
    assert answer.status == (1 if seconds > 600 else 0)
    assert f"forecast for 9,000 images: {seconds:,} s of 600 s" in answer.text
    assert words in answer.text
    assert len(platform.own) == (0 if seconds > 600 else 1)


@pytest.mark.process
def test_the_model_is_run_before_the_upload(
    commands: Commands, platform: FakePlatform, bundle: Path
) -> None:
    fixed = ("--competition", str(COMPETITION), "--bundle", str(bundle))
    answer = commands("submit", commands.submission, *fixed, "--json")
    assert answer.status == 0, answer.err
    assert answer.json["forecast"]["images"] == 4
    commands.submission.joinpath("model.py").write_text(MODEL.replace("return", "raise"))
    broken = commands("submit", commands.submission, *fixed)
    assert broken.status == 1
    assert "not submitted" in broken.text
    assert len(platform.own) == 1


def write_run(name: str, sha256: str, ok: bool = True, **changed: object) -> None:
    """The folder of a run, with its record alone."""
    cells = [
        {"key": key, "title": key.capitalize(), "value": 1.0, "shown": "1.000",
         "sorting": "desc", "hidden": False, "primary": key == "challenge_score"}
        for key in ("challenge_score", "accuracy")
    ]  # fmt: skip
    record = {
        "format": 1, "submission": "wide", "track": "hybrid", "bundle": "Third party", "ok": ok,
        "failure": "" if ok else "no scores", "task": {"index": 0, "name": "Only task"},
        "leaderboard": cells if ok else [], "scores": {}, "commit": None, "mode": "subprocess",
        "started": "2026-11-27T10:00:00+00:00", "folder": f"runs/{name}",
        "steps": [{"name": "prediction", "seconds": 80.0}],
        "digests": {"submission": sha256, "reference_data": "2" * 64, "input_data": "1" * 64},
        "machine": {"packages": {"numpy": "2.0"}}, **changed,
    }  # fmt: skip
    folder = Path("runs") / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record))


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
