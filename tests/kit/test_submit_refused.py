"""What `kit submit` refuses before the upload: people, phases, limits, local checks."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kit.findings.finding import Report
from tests.support.kit import MODEL
from tests.support.platform_commands import Commands, write_run
from tests.support.platform_server import shifted
from tests.support.platform_state import COMPETITION, FakePlatform

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


def test_a_robot_has_no_limits_where_robots_may_submit(
    commands: Commands, platform: FakePlatform
) -> None:
    platform.robots, platform.used_before = True, 5
    assert commands.submit().status == 0
    assert len(platform.own) == 1
