"""`kit submit` and its sisters against a platform on loopback, with waits that take no time."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from kit.download import Pause
from kit.remote.server import TOKEN_VARIABLE
from kit.remote.watching import Watch
from tests.support.kit import Answer, Kit
from tests.support.loopback_server import FakeTime
from tests.support.platform_state import COMPETITION, TOKEN, FakePlatform


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
        monkeypatch.setenv("no_proxy", "127.0.0.1")

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
