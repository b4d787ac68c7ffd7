"""`kit submit` and its sisters against a platform on loopback, with waits that take no time."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

from kit.download import Pause
from kit.remote.server import TOKEN_VARIABLE
from kit.remote.watching import Watch
from tests.support.kit import Answer, Kit
from tests.support.loopback_server import FakeTime
from tests.support.platform_state import COMPETITION, TOKEN, FakePlatform

# Every request of a submission in its order.
STEPS = {
    "profile": ("GET", "/my_profile/"),
    "competition": ("GET", "/competitions/"),
    "limits": ("GET", "/can_make_submission/"),
    "quota": ("GET", "/user_quota/"),
    "list of submissions": ("GET", "/api/submissions/$"),
    "list of data sets": ("GET", "/api/datasets/$"),
    "data set": ("POST", "/api/datasets/$"),
    "bytes": ("PUT", "/storage/"),
    "complete": ("PUT", "/completed/"),
    "submission": ("POST", "/api/submissions/$"),
    "look": ("GET", r"/api/submissions/\d+/$"),
}


class Commands:
    """The commands about a platform, with a token, in a fresh working directory."""

    def __init__(
        self,
        kit: Kit,
        platform: FakePlatform,
        submission: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.kit = kit
        self.platform = platform
        self.submission = submission
        self.time = FakeTime()
        self.token = TOKEN
        self._monkeypatch = monkeypatch
        self.patch_waits()
        monkeypatch.setattr("kit.remote.server._from_keyring", lambda server: "")
        # A process of its own would know one token, and hide it in no other test's output.
        monkeypatch.setattr("kit.hidden_values._hidden", set[str]())

    def patch_waits(self) -> None:
        """Let the kit wait by the clock of `time`."""
        pause = functools.partial(Pause, self.time.sleep, self.time.clock)
        watch = functools.partial(Watch, sleep=self.time.sleep, clock=self.time.clock)
        self._monkeypatch.setattr("kit.remote.connection.Pause", pause)
        self._monkeypatch.setattr("kit.remote.workflow.Watch", watch)

    def __call__(self, *arguments: str | Path) -> Answer:
        """Run `kit ARGUMENTS` with the token and the address of the platform."""
        self._monkeypatch.setenv(TOKEN_VARIABLE, self.token)
        self._monkeypatch.setenv("CODABENCH_SERVER", self.platform.url)
        return self.kit(*arguments)

    def submit(self, *arguments: str) -> Answer:
        """Run `kit submit` on the submission, without the checks that run it."""
        fixed = ("--competition", str(COMPETITION), "--quick")
        return self("submit", self.submission, *fixed, *arguments)


def is_whole(platform: FakePlatform) -> None:
    """One upload with all bytes, and one submission of it."""
    (upload,) = platform.uploads.values()
    assert upload.content == Path("dist/wide.zip").read_bytes()
    assert [work.upload for work in platform.own] == [upload]


def stage() -> str:
    (path,) = Path("runs/submissions/uploads").glob("*.json")
    return str(json.loads(path.read_text())["state"]["stage"])


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
