"""A platform on loopback, as the kit uses it, and its faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.loopback_server import serving
from tests.support.platform_state import TOKEN, FakePlatform
from tests.support.platform_views import VIEWS, Answer, Request, storage

# How one request is answered in place of the usual way, which `usual` gives.
Fault = Callable[["Handler", Callable[[], Answer]], "Answer | None"]


class Handler(BaseHTTPRequestHandler):
    platform: FakePlatform
    protocol_version = "HTTP/1.1"
    body: bytes
    query: dict[str, list[str]]

    def handle_any(self) -> None:
        platform, path = self.platform, urlsplit(self.path).path
        self.query = parse_qs(urlsplit(self.path).query)
        self.close_connection = True
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with platform.lock:
            platform.asked.append((self.command, path))
            fault = platform.next_fault(self.command, path)
            answer = fault(self, lambda: self.usual(path)) if fault else self.usual(path)
        if answer is None:
            return  # dropped
        try:
            self.reply(*answer)
        except ConnectionError:
            pass  # the client has gone

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def reply(self, status: int, content: Any, headers: dict[str, str]) -> None:
        if content is None:
            data, kind = b"", "text/plain"
        elif isinstance(content, bytes):
            data, kind = content, "application/octet-stream"
        elif isinstance(content, str):
            data, kind = content.encode(), "text/html"
        else:
            data, kind = json.dumps(content).encode(), "application/json"
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.platform.now, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def usual(self, path: str) -> Answer:
        headers = dict(self.headers.items())
        request = Request(self.platform, self.command, self.query, headers, self.body)
        if path.startswith("/storage/"):
            return storage(request, path)
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            # Sessions come first among the server's ways to sign in, so it is no 401.
            return 403, {"detail": "Invalid token."}, {}
        for method, pattern, view in VIEWS:
            if method == self.command and (match := re.fullmatch(pattern, path)):
                return view(request, *match.groups())
        return 404, "<h1>Not Found</h1>", {}

    def log_message(self, format: str, *args: object) -> None:
        pass


def drop(handler: Handler, usual: Callable[[], Answer]) -> None:
    """Close the connection; nothing was done."""


def drop_answer(handler: Handler, usual: Callable[[], Answer]) -> None:
    """Do what was asked, and close the connection instead of answering."""
    usual()


def answer_twice(handler: Handler, usual: Callable[[], Answer]) -> Answer:
    """Send the answer two times in a row."""
    answer = usual()
    handler.reply(*answer)
    return answer


def do_twice(handler: Handler, usual: Callable[[], Answer]) -> None:
    """Do what was asked two times, as behind a proxy that repeats, and lose the answer."""
    usual()
    usual()


def stall(handler: Handler, usual: Callable[[], Answer]) -> None:
    """Do what was asked, and say nothing for longer than the client waits."""
    usual()
    handler.connection.settimeout(10)
    handler.connection.recv(1)  # ends when the client hangs up


def status(code: int, content: Any = "<h1>Error</h1>", **headers: str) -> Fault:
    """Answer with a status; nothing was done."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, usual: (code, content, named)


def done_but(code: int, content: Any = "<h1>Error</h1>") -> Fault:
    """Do what was asked, and answer with something else all the same."""

    def act(handler: Handler, usual: Callable[[], Answer]) -> Answer:
        usual()
        return code, content, {}

    return act


def cut(count: int) -> Fault:
    """Lose the end of what was uploaded, and call it a success."""

    def act(handler: Handler, usual: Callable[[], Answer]) -> Answer:
        handler.body = handler.body[:count]
        return usual()

    return act


@contextmanager
def platform_server() -> Iterator[FakePlatform]:
    """A platform on a free port of 127.0.0.1, as long as the block runs."""
    platform = FakePlatform()
    with serving(type("BoundHandler", (Handler,), {"platform": platform})) as platform.url:
        yield platform


def shifted(platform: FakePlatform, **by: float) -> None:
    """Move the server's clock."""
    platform.now += timedelta(**by)
