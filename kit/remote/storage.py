"""Where the platform keeps files: signed addresses, which are asked without the token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx

from kit.download import Pause
from kit.remote.errors import Answered
from kit.remote.transport import AGENT, TIMEOUT, certificates, connection_problem, repeated

_BLOCK = 1 << 16
# Signed with the address: another type is answered with 403.
_ZIP: Final = {"Content-Type": "application/zip"}
_AZURE: Final = ".blob.core.windows.net"
OnBytes = Callable[[int], None]


def no_progress(count: int) -> None:
    """Show nothing."""


class Storage:
    """The storage behind signed addresses. `pause`: the waits between tries."""

    def __init__(self, pause: Pause | None = None) -> None:
        self._pause = pause or Pause()
        self._client = httpx.Client(
            headers=AGENT, timeout=TIMEOUT, follow_redirects=True, verify=certificates()
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def upload(self, url: str, path: Path, on_bytes: OnBytes = no_progress) -> None:
        """Put a zip at a signed address, which then holds all of it or nothing.

        Raises:
            Answered: the storage refused it; 403 where the address has expired.
            Unreachable: the tries were not enough.
        """
        host = urlsplit(url).hostname or ""
        where = f"PUT to the storage {host}"
        headers = _ZIP | ({"x-ms-blob-type": "BlockBlob"} if host.endswith(_AZURE) else {})

        def send() -> httpx.Response:
            with path.open("rb") as stream:
                try:
                    return self._client.put(url, content=_Body(stream, on_bytes), headers=headers)
                except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                    raise connection_problem(where, error) from error

        response = repeated(self._pause, where, send)
        if response.status_code >= 300:
            raise Answered(where, response.status_code, None)

    def download(self, url: str, target: Path) -> None:
        """Write what a signed address holds to the file `target`, from its start at each try.

        Raises:
            Answered: the storage refused it; 403 where the address has expired.
            Unreachable: the tries were not enough.
        """
        where = f"GET from the storage {urlsplit(url).hostname}"

        def send() -> httpx.Response:
            try:
                with self._client.stream("GET", url) as response:
                    if response.status_code == 200:
                        _write(response, target)
                    return response
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
                raise connection_problem(where, error) from error

        response = repeated(self._pause, where, send)
        if response.status_code != 200:
            raise Answered(where, response.status_code, None)


def _write(response: httpx.Response, target: Path) -> None:
    with target.open("wb") as out:
        for block in response.iter_bytes():
            out.write(block)


class _Body:
    """A file as the body of a request, which tells how much of it was sent.

    The library asks `fileno` for the length: a storage refuses a body that comes in chunks.
    """

    def __init__(self, stream: BinaryIO, on_bytes: OnBytes) -> None:
        self._stream = stream
        self._on_bytes = on_bytes

    def fileno(self) -> int:
        return self._stream.fileno()

    def __iter__(self) -> Iterator[bytes]:
        count = 0
        while block := self._stream.read(_BLOCK):
            yield block
            count += len(block)
            self._on_bytes(count)
