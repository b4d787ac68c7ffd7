"""A real HTTP server on loopback that misbehaves as told: drops, stalls, 429, wrong bytes."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# How one request is answered; `body` is the whole file.
Act = Callable[["Handler", bytes], None]


class Loopback:
    """What the server serves, by path, and what it was asked.

    `plans[path]` are used up one a request, then `always[path]`, else the file is served well,
    Range included.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.plans: dict[str, list[Act]] = defaultdict(list)
        self.always: dict[str, Act] = {}
        self.asked: list[tuple[str, str | None]] = []  # path and its Range header
        self.stalled = threading.Event()  # set as soon as a request is being kept waiting
        self.released = threading.Event()  # ends all stalls
        self.most_at_once = 0
        self.lock = threading.Lock()
        self._now = 0
        self.url = ""

    def act(self, path: str) -> Act:
        with self.lock:
            if self.plans[path]:
                return self.plans[path].pop(0)
        return self.always.get(path, serve)

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self.lock:
                self._now -= 1

    def ranges(self, path: str) -> list[str | None]:
        """The Range header of every request for that path."""
        return [asked for name, asked in self.asked if name == path]


class Handler(BaseHTTPRequestHandler):
    loopback: Loopback
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        loopback = self.loopback
        self.close_connection = True
        with loopback.lock:
            loopback.asked.append((self.path, self.headers.get("Range")))
        with loopback.counted():
            try:
                if self.path in loopback.files:
                    loopback.act(self.path)(self, loopback.files[self.path])
                else:
                    status(404)(self, b"")
            except ConnectionError:
                pass  # the client has gone

    def head(self, code: int, length: int | None, **headers: str) -> None:
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _head_and_rest(handler: Handler, body: bytes) -> bytes:
    """Send the head for the whole file or the range that was asked for; return what follows."""
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "")
    if not match:
        handler.head(200, len(body))
        return body
    first = int(match[1])
    if first >= len(body):
        handler.head(416, 0, Content_Range=f"bytes */{len(body)}")
        return b""
    said = f"bytes {first}-{len(body) - 1}/{len(body)}"
    handler.head(206, len(body) - first, Content_Range=said)
    return body[first:]


def serve(handler: Handler, body: bytes) -> None:
    """As a good server does, Range included."""
    handler.wfile.write(_head_and_rest(handler, body))


def ignore_range(handler: Handler, body: bytes) -> None:
    """Always the whole file."""
    handler.head(200, len(body))
    handler.wfile.write(body)


def drop_after(count: int) -> Act:
    """Announce everything, send `count` bytes, close the connection."""
    return lambda handler, body: _cut(handler, _head_and_rest(handler, body)[:count])


def drop_without_range(count: int) -> Act:
    """As `drop_after`, from a server that knows no Range."""

    def act(handler: Handler, body: bytes) -> None:
        handler.head(200, len(body))
        _cut(handler, body[:count])

    return act


def _cut(handler: Handler, body: bytes) -> None:
    handler.wfile.write(body)
    handler.wfile.flush()


def reset_after(count: int) -> Act:
    """As `drop_after`, but the connection is reset instead of closed."""

    def act(handler: Handler, body: bytes) -> None:
        _cut(handler, _head_and_rest(handler, body)[:count])
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.connection.close()

    return act


def stall_after(count: int) -> Act:
    """Send `count` bytes, then nothing more until the server is released."""

    def act(handler: Handler, body: bytes) -> None:
        _cut(handler, _head_and_rest(handler, body)[:count])
        handler.loopback.stalled.set()
        handler.loopback.released.wait(60)

    return act


def status(code: int, **headers: str) -> Act:
    """An answer without the file, such as status(429, Retry_After="3")."""
    return lambda handler, body: handler.head(code, 0, **headers)


def send(other: bytes) -> Act:
    """Other bytes than those of the file, whole, whatever was asked for."""
    return lambda handler, body: ignore_range(handler, other)


def corrupt(handler: Handler, body: bytes) -> None:
    """As many bytes as the file has, other ones each time."""
    count = len(handler.loopback.asked)
    ignore_range(handler, count.to_bytes(4, "big") + body[4:])


def chunked(handler: Handler, body: bytes) -> None:
    """Without Content-Length."""
    handler.head(200, None, Transfer_Encoding="chunked")
    for block in (body[:7], body[7:]):
        handler.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
    handler.wfile.write(b"0\r\n\r\n")


def chunked_and_cut(handler: Handler, body: bytes) -> None:
    """Without Content-Length, and closed in the middle of a chunk."""
    handler.head(200, None, Transfer_Encoding="chunked")
    handler.wfile.write(f"{len(body):x}\r\n".encode() + body[:1000])


def silent(handler: Handler, body: bytes) -> None:
    """Take the request and never answer."""
    handler.loopback.stalled.set()
    handler.loopback.released.wait(60)


def hang_up(handler: Handler, body: bytes) -> None:
    """Close the connection instead of answering."""


def nonsense(handler: Handler, body: bytes) -> None:
    """An answer that is not HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")


def from_another_byte(handler: Handler, body: bytes) -> None:
    """Status 206, but not the part that was asked for."""
    handler.head(206, len(body) - 1, Content_Range=f"bytes 1-{len(body) - 1}/{len(body)}")
    handler.wfile.write(body[1:])


def redirect(to: str) -> Act:
    """To another address, absolute or relative."""
    return status(302, Location=to)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on a free port of 127.0.0.1, as long as the block runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def loopback_server() -> Iterator[Loopback]:
    """A server that misbehaves as it is told, as long as the block runs."""
    loopback = Loopback()
    with serving(type("BoundHandler", (Handler,), {"loopback": loopback})) as loopback.url:
        try:
            yield loopback
        finally:
            loopback.released.set()


class FakeTime:
    """Waits that take no time and are written down; for several threads."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds

    def clock(self) -> float:
        with self._lock:
            return self.now
