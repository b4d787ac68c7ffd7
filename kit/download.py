"""Download one file of known size and sha256: resumed, retried, never half under its name.

`training/data/download_file.py` does the same for pictures, several at once. The kit and training
do not import each other, so this is the one thing that is written twice.
"""

from __future__ import annotations

import random
import re
import ssl
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError

import kit
from kit.addresses import url_problem
from kit.zips import sha256_of

TRIES = 6
_LONGEST_WAIT_S = 600.0
_BLOCK = 1 << 18
# Besides 5xx, what a server means to go away by itself: timeout, too early, too many requests.
_PASSING = (408, 425, 429)


class DownloadFailed(Exception):
    """The file cannot be had; the message says why."""


class _Again(Exception):
    """A try that failed in a way that may pass; `wait_s` is what the server asked for."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Wanted:
    """A file on a server, as the manifest promises it; `sha256` in lower case."""

    url: str
    size: int
    sha256: str


def download(
    wanted: Wanted,
    target: Path,
    on_bytes: Callable[[int], None] = lambda count: None,
    sleep: Callable[[float], object] = time.sleep,
    timeout_s: float = 30.0,
) -> None:
    """Put the file at `target`, by way of a hidden file next to it that a later call goes on with.

    Args:
        wanted: where it is and what its bytes have to be.
        target: where it goes; what is there is replaced once the new bytes are right.
        on_bytes: is told how many bytes are there.
        sleep: waits between tries.
        timeout_s: without a byte, after which a try is given up.

    Raises:
        DownloadFailed: six tries were not enough, or another one would not help.
        OSError: the disk does not take it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.fetch.tmp")
    if part.is_symlink():  # a stranger's submission could make us write into another file
        part.unlink()
    wrong: set[str] = set()
    for number in range(1, TRIES + 1):
        try:
            if not part.is_file() or _size(part) != wanted.size:
                _receive(wanted, part, on_bytes, timeout_s)
            _check(part, wanted.sha256, wrong)
            part.replace(target)
            return
        except _Again as again:
            if number == TRIES:
                raise DownloadFailed(f"{again} (tried {number} times)") from again
            sleep(_seconds_to_wait(again, number))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _check(part: Path, sha256: str, wrong: set[str]) -> None:
    """Remove a part with wrong bytes. The same wrong bytes twice are what the server has."""
    found = sha256_of(part)
    if found == sha256:
        return
    part.unlink()
    reason = f"the server's file has sha256 {found}, weights.json says {sha256}"
    if found in wrong:
        raise DownloadFailed(reason)
    wrong.add(found)
    raise _Again(reason)


def _seconds_to_wait(again: _Again, number: int) -> float:
    if again.wait_s is None:
        return min(2.0 ** (number - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)
    if again.wait_s > _LONGEST_WAIT_S:
        raise DownloadFailed(f"{again}, and asks to come back in {again.wait_s:.0f} s")
    return again.wait_s


def _receive(wanted: Wanted, part: Path, on_bytes: Callable[[int], None], timeout_s: float) -> None:
    """Append what the part lacks; where the server only sends all, write all."""
    offset = _size(part)
    if offset > wanted.size:
        part.unlink()
        offset = 0
    with _open(wanted.url, offset, timeout_s) as response:
        count = _first_byte(response, part, offset)
        if response.length is not None and count + response.length != wanted.size:
            raise DownloadFailed(_other_size(f"{count + response.length:,}", wanted.size))
        # Only the writing may raise OSError here: a full disk is not the server's fault.
        with part.open("ab" if count else "wb") as out:
            while block := _block(response):
                out.write(block)
                count += len(block)
                on_bytes(count)
                if count > wanted.size:
                    raise DownloadFailed(_other_size(f"more than {wanted.size:,}", wanted.size))
    if count < wanted.size:
        raise _Again(f"the connection ended after {count:,} of {wanted.size:,} bytes")


def _other_size(found: str, size: int) -> str:
    return f"the server's file has {found} bytes, weights.json says {size:,}"


def _open(url: str, offset: int, timeout_s: float) -> HTTPResponse:
    headers = {"User-Agent": f"wildlife-challenge-kit/{kit.__version__}"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        response: HTTPResponse = _opener().open(request, timeout=timeout_s)
        return response
    except HTTPError as error:
        with error:
            said = f"the server answers {error.code} {error.reason}"
            if error.code in _PASSING or error.code >= 500:
                raise _Again(said, _retry_after(error.headers)) from error
            raise DownloadFailed(said) from error
    except (OSError, HTTPException) as error:
        raise _connection_problem(error) from error


def _first_byte(response: HTTPResponse, part: Path, offset: int) -> int:
    """Where in the file the body begins: at `offset`, or at 0 where Range is not supported."""
    if response.status == 200:
        return 0
    if response.status != 206:
        raise DownloadFailed(f"the server answers {response.status}, expected 200 or 206")
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


def _retry_after(headers: Message) -> float | None:
    # The other form that HTTP allows, a date, gets the usual wait.
    text = (headers.get("Retry-After") or "").strip()
    return float(text) if text.isascii() and text.isdigit() else None


def _connection_problem(error: Exception) -> Exception:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadFailed(f"its certificate is not trusted: {reason.verify_message}")
    if isinstance(reason, TimeoutError):
        return _Again("nothing arrived within the timeout")
    return _Again(f"the connection failed: {reason or type(reason).__name__}")


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
            raise DownloadFailed(f"redirected: {problem}")
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
