"""Where the platform keeps files: signed addresses, which are asked without the token."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urljoin, urlsplit

import httpx

from kit.download import Pause
from kit.remote.clients import AGENT, open_client
from kit.remote.errors import Answered, ZipChanged
from kit.remote.transport import connection_problem, repeated

_BLOCK = 1 << 16
# Signed with the address: another type is answered with 403.
_ZIP: Final = {"Content-Type": "application/zip"}
_AZURE: Final = ".blob.core.windows.net"
# Those that ask for the same request at another address, as a storage of several regions does.
# After any other one a client asks for a page, and the bytes are nowhere.
_ELSEWHERE: Final = (307, 308)
_MOST_REDIRECTS: Final = 5
# What a storage means, such as EntityTooLarge. Its other words may hold the signature.
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")
OnBytes = Callable[[int], None]


def no_progress(count: int) -> None:
    """Show nothing."""


class Storage:
    """The storage behind signed addresses. `pause`: the waits between tries."""

    def __init__(self, pause: Pause | None = None) -> None:
        self._pause = pause or Pause()
        self._client = open_client(headers=AGENT)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def upload(self, url: str, path: Path, sha256: str, on_bytes: OnBytes = no_progress) -> None:
        """Put a zip at a signed address, which then holds all of it or nothing.

        Raises:
            Answered: the storage refused it; 403 where the address has expired.
            Unreachable: the tries were not enough.
            ZipChanged: the file is not, or no longer, the one of that digest.
        """
        for _ in range(_MOST_REDIRECTS):
            response = self._put(url, path, sha256, on_bytes)
            if response.status_code not in _ELSEWHERE:
                break
            url = _next_address(url, response)
        if response.status_code >= 300:
            raise _answered(_where("PUT to", url), response)

    def _put(self, url: str, path: Path, sha256: str, on_bytes: OnBytes) -> httpx.Response:
        where = _where("PUT to", url)
        azure = (urlsplit(url).hostname or "").endswith(_AZURE)
        headers = _ZIP | ({"x-ms-blob-type": "BlockBlob"} if azure else {})

        def send() -> httpx.Response:
            with path.open("rb") as stream:
                body = _Body(stream, path, sha256, on_bytes)
                try:
                    return self._client.put(url, content=body, headers=headers)
                except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                    raise connection_problem(where, error) from error

        return repeated(self._pause, where, send)

    def download(self, url: str, target: Path) -> None:
        """Write what a signed address holds to the file `target`, from its start at each try.

        Raises:
            Answered: the storage refused it; 403 where the address has expired.
            Unreachable: the tries were not enough.
        """
        where = _where("GET from", url)

        def send() -> httpx.Response:
            try:
                with self._client.stream("GET", url, follow_redirects=True) as response:
                    if response.status_code == 200:
                        _write(response, target)
                    return response
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                raise connection_problem(where, error) from error

        response = repeated(self._pause, where, send)
        if response.status_code != 200:
            raise Answered(where, response.status_code, None)


def _where(what: str, url: str) -> str:
    """Say where a request went, without the signature of its address."""
    try:
        return f"{what} the storage {urlsplit(url).hostname}"
    except ValueError:
        return f"{what} the storage"


def _next_address(url: str, response: httpx.Response) -> str:
    """Return where the storage sends a request on to; never from https to plain http."""
    found = urljoin(url, str(response.headers.get("Location", "")))
    if urlsplit(url).scheme == "https" and urlsplit(found).scheme != "https":
        raise Answered(_where("PUT to", url), response.status_code, "redirected to plain http")
    return found


def _answered(where: str, response: httpx.Response) -> Answered:
    match = _CODE.search(response.content)
    said = match[1].decode() if match else None
    if response.is_redirect:
        said = f"redirected to {response.url.join(response.headers['Location']).host}"
    return Answered(where, response.status_code, said)


def _write(response: httpx.Response, target: Path) -> None:
    with target.open("wb") as out:
        for block in response.iter_bytes():
            out.write(block)


class _Body:
    """A file as the body of a request: tells how much was sent, and sends one content only.

    The library asks `fileno` for the length: a storage refuses a body that comes in chunks.
    The last block is kept until the digest is known, so that no other zip arrives whole.
    """

    def __init__(self, stream: BinaryIO, path: Path, sha256: str, on_bytes: OnBytes) -> None:
        self._stream = stream
        self._path = path
        self._sha256 = sha256
        self._on_bytes = on_bytes

    def fileno(self) -> int:
        return self._stream.fileno()

    def __iter__(self) -> Iterator[bytes]:
        digest, count, size = hashlib.sha256(), 0, os.fstat(self.fileno()).st_size
        block = self._stream.read(_BLOCK)
        while block:
            digest.update(block)
            following = self._stream.read(_BLOCK)
            if count + len(block) > size or not (following or digest.hexdigest() == self._sha256):
                raise ZipChanged(
                    f"{self._path}: the zip changed while it was uploaded",
                    hint="run the same command again: it checks and uploads the new one",
                )
            yield block
            count += len(block)
            self._on_bytes(count)
            block = following
