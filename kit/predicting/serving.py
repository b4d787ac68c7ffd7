"""A submission that is loaded once, in a process of its own: kit/predicting/server.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from kit.errors import KitError
from kit.isolation.process import environment
from kit.predicting.shard_files import Answer
from kit.trees import remove_tree

_SERVER: Final = Path(__file__).with_name("server.py")
_LOG_LINES: Final = 15
_PATIENCE_S: Final = 5.0


class ServerDied(KitError):
    """The submission's process ended without an answer."""


@dataclass(frozen=True)
class Setup:
    """What a server loads.

    Args:
        submission: its laid-out folder.
        program: the folder of the ingestion program.
        kind: `score` or `label`; None lets the first prediction decide.
        features: ask `embed_batch`, not `predict_batch`.
        metadata_folder: the folder of a metadata.csv, or None.
        work: the kit's temporary folder, which the server removes where the kit was killed.
    """

    submission: Path
    program: Path
    kind: str | None
    features: bool
    metadata_folder: Path | None
    work: Path

    def text(self) -> str:
        """Return it as the server reads it."""
        content = {name: _plain(value) for name, value in vars(self).items()}
        return json.dumps(content)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


class Server:
    """Context manager: the process runs, and the model is loaded.

    Args:
        setup: what it loads.
        home: a new folder of its own, removed at the end.
        log: the file that gets what the submission prints.

    Raises:
        KitError: on entering, the submission cannot be loaded.
    """

    def __init__(self, setup: Setup, home: Path, log: Path) -> None:
        self._setup, self._home, self._log = setup, home, log
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Server:
        self._home.mkdir(parents=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        request = self._home / "setup.json"
        request.write_text(self._setup.text(), encoding="utf-8")
        reading, writing = os.pipe()
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, str(_SERVER), str(request), str(writing)],
                    cwd=self._home,
                    env=environment({}, str(self._home), install=False),
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=(writing,),
                    start_new_session=True,
                )
        finally:
            os.close(writing)
        self._answers = os.fdopen(reading, "rb")
        try:
            self.facts, _ = self._receive()
            if "failed" in self.facts:
                raise KitError(str(self.facts["failed"]), hint=f"the log is {self._log}")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and all that it has started; may be called twice."""
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait(_PATIENCE_S)
        self._answers.close()
        remove_tree(self._home)

    def predict(self, places: Sequence[Sequence[object]]) -> Answer:
        """Return the rows of images. Raises ServerDied."""
        started = time.perf_counter()
        content, payload = self.ask({"do": "predict", "images": places})
        return answer_of(content, payload, time.perf_counter() - started)

    def ask(self, request: dict[str, Any], payload: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Send a request, with bytes, and wait for the answer. Raises ServerDied."""
        head = json.dumps({**request, "bytes": len(payload)}).encode()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(head + b"\n" + payload)
            self._process.stdin.flush()
        except OSError as error:
            raise self._died() from error
        return self._receive()

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise self._died()
        content = json.loads(line)
        size = content.pop("bytes")
        payload = self._answers.read(size)
        if len(payload) < size:
            raise self._died()
        return content, payload

    def _died(self) -> ServerDied:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE_S)
        status = self._process.returncode
        how = f"signal {-status}" if status and status < 0 else f"status {status}"
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return ServerDied(
            f"the submission's process ended with {how}",
            lines[-_LOG_LINES:],
            f"the whole log is {self._log}; signal 9 is often a lack of memory",
        )


def answer_of(content: dict[str, Any], payload: bytes, seconds: float) -> Answer:
    """Return the rows of a server's answer."""
    return Answer(
        errors=content["errors"],
        faults=content["faults"],
        predictions=content.get("predictions", []),
        features=payload,
        width=content.get("width", 0),
        seconds=seconds,
    )
