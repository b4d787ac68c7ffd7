"""Download one file: checked, resumed, retried; never half of it under its final name.

`kit/download.py` does the same for weights, one at a time. The kit and training do not import
each other, so this is the one thing that is written twice.
"""

from __future__ import annotations

import hashlib
import random
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

USER_AGENT = "wildlife-challenge-kit (training/data/download_images.py)"
_BLOCK = 1 << 16
# Besides 5xx, what a server means to go away by itself: timeout, too early, too many requests.
_PASSING = (408, 425, 429)


class Failed(Exception):
    """This file cannot be had; the message says why."""


class Stopped(Exception):
    """Told to stop; what has arrived stays in the part file."""


class _Again(Exception):
    """A try that failed in a way that may pass; `wait_s` is what the server asked for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Patience:
    """How often to try a file and how long to wait; waits double from the first on."""

    tries: int = 6
    timeout_s: float = 30.0  # without a single byte
    first_wait_s: float = 1.0
    longest_wait_s: float = 600.0  # a server that asks for more is left alone


class Downloader:
    """Downloads files for several threads at once; when the server says wait, all of them do."""

    def __init__(
        self,
        patience: Patience,
        stop: threading.Event,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._patience = patience
        self._stop = stop
        self._sleep = sleep or stop.wait
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = clock()
        self._opener = _opener()

    def fetch(self, url: str, target: Path, md5: str) -> None:
        """Put the bytes with this MD5 at `target`, by way of `target` + ".part".

        A part that an earlier run left is gone on with where the server allows it.
        Raises Failed, Stopped, or OSError where the disk does not take it.
        """
        part = target.with_name(target.name + ".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        wrong: set[str] = set()
        for number in range(1, self._patience.tries + 1):
            self._wait(self._not_before - self._clock())
            try:
                if not has_md5(part, md5):
                    self._receive(url, part)
                _check(part, md5, wrong)
                part.replace(target)
                return
            except _Again as again:
                self._heed(again)
                if number == self._patience.tries:
                    raise Failed(f"{again} (tried {number} times)") from again
                if again.wait_s is None:
                    self._back_off(number)

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and not self._stop.is_set():
            self._sleep(seconds)
        if self._stop.is_set():
            raise Stopped

    def _heed(self, again: _Again) -> None:
        """Let all threads wait as long as the server asks for."""
        if again.wait_s is None:
            return
        if again.wait_s > self._patience.longest_wait_s:
            raise Failed(f"{again}, and asks to come back in {again.wait_s:.0f} s")
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + again.wait_s)

    def _back_off(self, number: int) -> None:
        doubled = self._patience.first_wait_s * 2 ** (number - 1)
        # Jitter, so that threads that failed together do not come back together.
        self._wait(min(doubled, self._patience.longest_wait_s) * random.uniform(0.5, 1.0))

    def _receive(self, url: str, part: Path) -> None:
        """Append what the part lacks; where the server only sends all, write all."""
        offset = part.stat().st_size if part.is_file() else 0
        with self._open(url, offset, part) as response:
            start = _first_byte(response, part, offset)
            expected, received = response.length, 0
            # Only the writing may raise OSError here: a full disk is not the server's fault.
            with part.open("ab" if start else "wb") as out:
                for block in _blocks(response):
                    out.write(block)
                    received += len(block)
                    if self._stop.is_set():
                        raise Stopped
        if expected is not None and received < expected:
            raise _Again(f"the connection ended after {received:,} of {expected:,} bytes")

    def _open(self, url: str, offset: int, part: Path) -> HTTPResponse:
        headers = {"User-Agent": USER_AGENT}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        request = urllib.request.Request(_quoted(url), headers=headers)
        try:
            response: HTTPResponse = self._opener.open(request, timeout=self._patience.timeout_s)
            return response
        except HTTPError as error:
            with error:
                if error.code == 416 and offset:
                    part.unlink()  # longer than the file: not a beginning of it
                raise _problem(error, offset) from error
        except (OSError, HTTPException, ValueError) as error:
            raise _connection_problem(error) from error


def has_md5(path: Path, md5: str) -> bool:
    """Whether there is a file with this MD5 (lower-case hexadecimal)."""
    return path.is_file() and md5_of(path) == md5


def md5_of(path: Path) -> str:
    """The MD5 of a file, in lower-case hexadecimal; it guards against accidents only."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def url_problem(url: str) -> str | None:
    """Why this is not an address to download from, or None."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    return None if good else f"expected an http or https address, found {url!r}"


def _check(part: Path, md5: str, wrong: set[str]) -> None:
    """Remove a part with wrong bytes. The same wrong bytes twice are what the server has."""
    found = md5_of(part)
    if found == md5:
        return
    part.unlink()
    reason = f"md5 of what the server sends is {found}, the table says {md5}"
    if found in wrong:
        raise Failed(reason)
    wrong.add(found)
    raise _Again(reason)


def _first_byte(response: HTTPResponse, part: Path, offset: int) -> int:
    """Where in the file the body begins: at `offset`, or at 0 where Range is not supported."""
    if encoding := response.headers.get("Content-Encoding", "").replace("identity", ""):
        raise Failed(f"the server sends it encoded as {encoding}, which nobody asked for")
    if response.status == 200:
        return 0
    if response.status != 206:
        raise Failed(f"the server answers {response.status} {response.reason}, expected 200")
    said = response.headers.get("Content-Range", "")
    match = re.match(r"bytes (\d+)-", said)
    if not match or int(match[1]) != offset:
        part.unlink(missing_ok=True)
        raise _Again(f"asked for the bytes from {offset} on, the server sends {said!r}")
    return offset


def _blocks(response: HTTPResponse) -> Iterator[bytes]:
    """The body as it arrives, so that a cut loses no more than the last packet."""
    while True:
        try:
            block = response.read1(_BLOCK)
        except (OSError, HTTPException, ValueError) as error:
            raise _connection_problem(error) from error
        if not block:
            return
        yield block


def _problem(error: HTTPError, offset: int) -> Exception:
    said = f"the server answers {error.code} {error.reason}"
    if error.code in _PASSING or error.code >= 500 or (error.code == 416 and offset):
        return _Again(said, _retry_after(error.headers))
    return Failed(said)


def _retry_after(headers: Message) -> float | None:
    """Seconds to wait, said as a number or as a date; None where neither is there."""
    text = (headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(0.0, (when - datetime.now(timezone.utc)).total_seconds())


def _connection_problem(error: Exception) -> Exception:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Failed(f"its certificate is not trusted: {reason.verify_message}")
    if isinstance(reason, TimeoutError):
        return _Again("nothing arrived within the timeout")
    if isinstance(reason, InvalidURL | UnicodeError):
        return Failed(f"not an address: {reason}")
    return _Again(f"the connection failed: {reason or type(reason).__name__}")


def _quoted(url: str) -> str:
    # Tables hold names with spaces and umlauts; what is quoted already stays.
    return quote(url, safe="%/:?=&#~+!$,;'@()*[]")


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if problem := url_problem(newurl):
            fp.close()
            raise Failed(f"redirected: {problem}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """http and https only: urllib's own opener also reads file:, ftp: and data: addresses."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
