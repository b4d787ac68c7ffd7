"""Download one file: resumed, retried, checked by size and digest; never half under its name."""

from __future__ import annotations

import hashlib
import random
import re
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError, URLError

import kit
from kit.files import writing
from kit.web_opener import RefusedRedirect, web_opener

TRIES = 6
TIMEOUT_S = 30.0
_LONGEST_WAIT_S = 600.0  # a server that asks for more is left alone
_BLOCK = 1 << 18
# Besides 5xx, what a server means to go away by itself: timeout, too early, too many requests.
_PASSING = (408, 425, 429)


class DownloadFailed(Exception):
    """The file cannot be had; the message says why."""


class _Again(Exception):
    """A try that failed in a way that may pass; the server asked for `wait_s`."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Wanted:
    """A file on a server, as a manifest or a table promises it.

    url: http or https. digest: lower-case hexadecimal. size: in bytes; None where it is not
    promised. algorithm: of the digest; MD5 guards against accidents only. promised_by: the name of
    the manifest or table, for messages.
    """

    url: str
    digest: str
    size: int | None = None
    algorithm: Literal["sha256", "md5"] = "sha256"
    promised_by: str = "weights.json"

    def digest_of(self, path: Path) -> str:
        """Return the digest of a file, in lower-case hexadecimal."""
        digest = hashlib.new(self.algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def is_at(self, path: Path) -> bool:
        """Return whether `path` is a file with the promised bytes."""
        return path.is_file() and self.digest_of(path) == self.digest


class Pause:
    """Waits between tries. Downloads in several threads share one: all wait when a server asks.

    Args:
        sleep: waits that many seconds; what it raises ends the download.
        clock: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before = clock()

    def until_allowed(self) -> None:
        """Wait as long as a server has asked for."""
        seconds = self._not_before - self._clock()
        if seconds > 0:
            self._sleep(seconds)

    def forbid(self, seconds: float) -> None:
        """Let no download start a try for that long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def back_off(self, number: int) -> None:
        """Wait after try `number` (from 1): twice as long each time, from one second on."""
        doubled = min(2.0 ** (number - 1), _LONGEST_WAIT_S)
        # Jitter, so that threads that failed together do not come back together.
        self._sleep(doubled * random.uniform(0.5, 1.0))


def download(
    wanted: Wanted,
    target: Path,
    on_bytes: Callable[[int], None] = lambda count: None,
    pause: Pause | None = None,
    tries: int = TRIES,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Put the file at `target`, by way of `part_of(target)`, which a later call resumes.

    Args:
        wanted: where the file is and what its bytes have to be.
        target: where the file goes; an old file is replaced once the new bytes are right.
        on_bytes: gets the number of bytes so far; what it raises ends the download, and what has
            arrived stays.
        pause: the waits between tries.
        tries: after that many failures that may pass, the download fails.
        timeout_s: seconds without a byte, after which a try is given up.

    Raises:
        DownloadFailed: the tries were not enough, or another one would not help.
        WriteFailed: the disk does not take it.
    """
    pause = pause or Pause()
    part = part_of(target)
    wrong: set[str] = set()
    with writing(target, "the download"):
        target.parent.mkdir(parents=True, exist_ok=True)
        if part.is_symlink():  # a stranger's submission could make us write into another file
            part.unlink()
        for number in range(1, tries + 1):
            pause.until_allowed()
            try:
                if not _is_whole(wanted, part):
                    _receive(wanted, part, on_bytes, timeout_s)
                _check(wanted, part, wrong)
                part.replace(target)
                return
            except _Again as again:
                _heed(again, pause)
                if number == tries:
                    raise DownloadFailed(f"{again} (tried {number} times)") from again
                if again.wait_s is None:
                    pause.back_off(number)


def part_of(target: Path) -> Path:
    """Return the hidden file next to `target` that holds what has arrived."""
    return target.with_name(f".{target.name}.fetch.tmp")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _is_whole(wanted: Wanted, part: Path) -> bool:
    """Return whether nothing has to be received before the check."""
    if wanted.size is None:
        return wanted.is_at(part)
    return part.is_file() and _size(part) == wanted.size


def _check(wanted: Wanted, part: Path, wrong: set[str]) -> None:
    """Remove a part with wrong bytes. The same wrong bytes twice are what the server has."""
    found = wanted.digest_of(part)
    if found == wanted.digest:
        return
    part.unlink()
    reason = (
        f"the server's file has {wanted.algorithm} {found}, "
        f"{wanted.promised_by} says {wanted.digest}"
    )
    if found in wrong:
        raise DownloadFailed(reason)
    wrong.add(found)
    raise _Again(reason)


def _heed(again: _Again, pause: Pause) -> None:
    """Let all downloads of this pause wait as long as the server asks for."""
    if again.wait_s is None:
        return
    if again.wait_s > _LONGEST_WAIT_S:
        raise DownloadFailed(f"{again}, and asks to come back in {again.wait_s:.0f} s")
    pause.forbid(again.wait_s)


def _receive(wanted: Wanted, part: Path, on_bytes: Callable[[int], None], timeout_s: float) -> None:
    """Append what the part lacks; where the server only sends all, write all."""
    offset = _size(part)
    if wanted.size is not None and offset > wanted.size:
        part.unlink()
        offset = 0
    with _open(wanted.url, part, offset, timeout_s) as response:
        count = _first_byte(response, part, offset)
        total = None if response.length is None else count + response.length
        if total is not None:
            _compare_sizes(wanted, total, f"{total:,}")
        # Only the writing may raise OSError here: a full disk is not the server's fault.
        with part.open("ab" if count else "wb") as out:
            while block := _block(response):
                out.write(block)
                count += len(block)
                on_bytes(count)
                if wanted.size is not None and count > wanted.size:
                    _compare_sizes(wanted, count, f"more than {wanted.size:,}")
    promised = total if wanted.size is None else wanted.size
    if promised is not None and count < promised:
        raise _Again(f"the connection ended after {count:,} of {promised:,} bytes")


def _compare_sizes(wanted: Wanted, size: int, found: str) -> None:
    if wanted.size is not None and size != wanted.size:
        said = f"{wanted.promised_by} says {wanted.size:,}"
        raise DownloadFailed(f"the server's file has {found} bytes, {said}")


def _open(url: str, part: Path, offset: int, timeout_s: float) -> HTTPResponse:
    headers = {"User-Agent": f"wildlife-challenge-kit/{kit.__version__}"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        response: HTTPResponse = web_opener().open(request, timeout=timeout_s)
        return response
    except HTTPError as error:
        with error:
            if beyond := error.code == 416 and offset > 0:
                part.unlink()  # longer than the server's file: not a beginning of it
            said = f"the server answers {error.code} {error.reason}"
            if error.code in _PASSING or error.code >= 500 or beyond:
                raise _Again(
                    said, seconds_to_wait(error.headers.get("Retry-After") or "")
                ) from error
            raise DownloadFailed(said) from error
    except RefusedRedirect as error:
        raise DownloadFailed(f"redirected: {error}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise _connection_problem(error) from error


def _first_byte(response: HTTPResponse, part: Path, offset: int) -> int:
    """Return where in the file the body begins: at `offset`, or at 0 without support for Range."""
    if encoding := response.headers.get("Content-Encoding", "").replace("identity", ""):
        raise DownloadFailed(f"the server sends it encoded as {encoding}, which nobody asked for")
    if response.status == 200:
        return 0
    if response.status != 206:
        raise DownloadFailed(
            f"the server answers {response.status} {response.reason}, expected 200 or 206"
        )
    said = response.headers.get("Content-Range", "")
    match = re.match(r"bytes (\d+)-", said)
    if not match or int(match[1]) != offset:
        part.unlink(missing_ok=True)
        raise _Again(f"asked for the bytes from {offset} on, the server sends {said!r}")
    return offset


def _block(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_BLOCK)
    except (OSError, HTTPException, ValueError) as error:
        raise _connection_problem(error) from error


def seconds_to_wait(retry_after: str, now: datetime | None = None) -> float | None:
    """Return what the header Retry-After asks for, a number or a date; None where it says nothing.

    `now` is the server's time where its clock is known, else this machine's.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(0.0, (when - (now or datetime.now(timezone.utc))).total_seconds())


def _connection_problem(error: Exception) -> Exception:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadFailed(f"its certificate is not trusted: {reason.verify_message}")
    if isinstance(reason, TimeoutError):
        return _Again("nothing arrived within the timeout")
    if isinstance(reason, InvalidURL | UnicodeError):
        return DownloadFailed(f"not an address: {reason}")
    return _Again(f"the connection failed: {reason or type(reason).__name__}")
