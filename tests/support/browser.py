"""A headless Chromium for tests of pages, spoken to in the DevTools protocol over two pipes.

No driver and no package is needed: `--remote-debugging-pipe` reads commands from file descriptor 3
and writes answers to 4, JSON that ends with a zero byte.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE = 120.0  # seconds for each command: a test machine may be busy
_FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking",
    "--hide-scrollbars", "--force-device-scale-factor=1",
)  # fmt: skip
# Name in the protocol: key code and, where it types something, the text.
_KEYS = {
    "Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " "), "PageUp": (33, ""), "PageDown": (34, ""),
    "End": (35, ""), "Home": (36, ""), "ArrowLeft": (37, ""), "ArrowUp": (38, ""),
    "ArrowRight": (39, ""), "ArrowDown": (40, ""),
}  # fmt: skip


def find_chromium() -> str:
    """Return the path of a Chromium, or skip the test."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(f"none of {', '.join(NAMES)} is installed")


class Browser:
    """One tab. `complaints` collects errors of the console, of scripts, and of loading."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._number, self._pending, self._session = 0, b"", ""
        self._events: list[str] = []
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result. Raises AssertionError where it failed."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        with _patience():
            os.write(self._write, json.dumps(message).encode() + b"\0")
            while (answer := self._receive()).get("id") != self._number:
                self._note(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, path: Path, width: int, dark: bool) -> None:
        """Show a file in a window of this width (pixels) and colour scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        with _patience():
            while "Page.loadEventFired" not in self._events:
                self._note(self._receive())

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a keyboard does; " " is the space bar."""
        for key in keys:
            code, text = _KEYS[key]
            what = {"key": key, "code": "Space" if key == " " else key}
            what |= {"windowsVirtualKeyCode": code}  # type: ignore[dict-item]
            kind = "keyDown" if text else "rawKeyDown"
            self.call("Input.dispatchKeyEvent", type=kind, text=text, **what)
            self.call("Input.dispatchKeyEvent", type="keyUp", **what)

    def point_at(self, x: float, y: float) -> None:
        """Move the mouse to a place in the window, in pixels."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path: Path) -> None:
        """Write the whole page as a PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._pending:
            block = os.read(self._read, 1 << 20)
            assert block, "the browser closed its pipe"
            self._pending += block
        message, _, self._pending = self._pending.partition(b"\0")
        received: dict[str, Any] = json.loads(message)
        return received

    def _note(self, event: dict[str, Any]) -> None:
        method, what = event.get("method", ""), event.get("params", {})
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(what["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(what["args"]))
        elif method == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.complaints.append(what["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            address = what["request"]["url"]
            if not address.startswith(("file:", "data:")):
                self.complaints.append(f"asked for {address}")


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a Chromium with a profile of its own; end it afterwards. Skips where none is there."""
    program = find_chromium()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        child, write, read = _start([program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"])
        try:
            yield Browser(write, read)
        finally:
            os.close(write)
            os.close(read)
            _end(child)


def _start(command: list[str]) -> tuple[int, int, int]:
    """Start the browser in a group of its own: its number, and our ends of the two pipes."""
    # High numbers, so that putting one end at 3 does not close the other.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (*os.pipe(), *os.pipe())]
    commands, write, read, answers = ends
    nothing = os.open(os.devnull, os.O_RDWR)
    actions = [
        (os.POSIX_SPAWN_DUP2, nothing, 1),
        (os.POSIX_SPAWN_DUP2, nothing, 2),
        (os.POSIX_SPAWN_DUP2, commands, 3),
        (os.POSIX_SPAWN_DUP2, answers, 4),
    ]
    child = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)
    for end in (commands, answers, nothing):
        os.close(end)
    return child, write, read


def _end(child: int) -> None:
    """End the browser's group; a closed pipe alone takes it seconds."""
    for sign, seconds in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 60.0)):
        try:
            os.killpg(child, sign)
        except ProcessLookupError:
            pass
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if os.waitpid(child, os.WNOHANG)[0]:
                return
            time.sleep(0.05)


@contextmanager
def _patience() -> Iterator[None]:
    """Raise TimeoutError where the block takes longer than PATIENCE."""
    before = signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _too_slow(*_: object) -> None:
    raise TimeoutError(f"the browser took more than {PATIENCE:.0f} seconds")
