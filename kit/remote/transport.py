"""Requests to the platform's API, with the token.

What is safe to repeat is repeated with back-off, and a server that asks for patience gets it.
Redirects of the API are not followed, so that the token reaches one server only.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from kit.download import Pause, seconds_to_wait
from kit.hidden_values import bytes_without_hidden, without_hidden
from kit.remote.clients import AGENT, open_client
from kit.remote.errors import SAME_COMMAND, Answered, NotSent, PlatformError, Unclear, Unreachable

TRIES = 5
# A server that asks for more is left alone.
_LONGEST_WAIT_S = 600.0
# What a server means to go away by itself, besides 5xx.
_PASSING = (408, 425, 429)
_TOO_MANY = 429


def utc_now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(timezone.utc)


class Transport:
    """The API of one server, asked as one user.

    Args:
        server: scheme, host and port.
        token: of the user; sent to this server only.
        pause: the waits between tries.
        clock: this machine's clock; the server's own is found from its answers.
    """

    def __init__(
        self,
        server: str,
        token: str,
        pause: Pause | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.server = server
        self.pause = pause or Pause()
        self.skew = timedelta(0)  # of the server's clock, against this machine's
        self._clock = clock
        headers = {**AGENT, "Authorization": f"Token {token}", "Accept": "application/json"}
        self._client = open_client(base_url=server, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def now(self) -> datetime:
        """Return the time of the server's clock."""
        return self._clock() + self.skew

    def get(self, path: str, **params: str | int) -> Any:
        """Read something; repeated until it succeeds or patience ends."""
        return self._repeated("GET", path, params)

    def put(self, path: str) -> Any:
        """Tell the server something that it may hear twice."""
        return self._repeated("PUT", path, {})

    def delete(self, path: str) -> None:
        """Delete something; that it is gone already is no error."""
        try:
            self._repeated("DELETE", path, {})
        except Answered as error:
            if error.status != 404:
                raise

    def post(self, path: str, content: Mapping[str, Any]) -> Any:
        """Make something; repeated only where the server cannot have made it.

        Raises:
            Unclear: the request was sent, and no answer came that says what became of it.
            Answered: the server refused it; with a status of 500 or more it may have made it.
        """
        where = f"POST {path}"
        for number in range(1, TRIES + 1):
            self.pause.until_allowed()
            try:
                response = self._send("POST", path, {}, content)
            except NotSent:
                if number == TRIES:
                    raise
                self.pause.back_off(number)
                continue
            except Unreachable as error:
                raise Unclear(error.message, hint=SAME_COMMAND) from error
            if response.status_code != _TOO_MANY or number == TRIES:
                return self._made(where, response)
            _heed(self.pause, where, response, number, self.now())
        raise AssertionError("unreachable")

    def _made(self, where: str, response: httpx.Response) -> Any:
        try:
            return _content(where, response)
        except Answered:
            raise
        except PlatformError as error:
            raise Unclear(error.message, hint=SAME_COMMAND) from error

    def _repeated(self, method: str, path: str, params: Mapping[str, str | int]) -> Any:
        where = f"{method} {path}"
        response = repeated(
            self.pause, where, lambda: self._send(method, path, params, None), self.now
        )
        return _content(where, response)

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int],
        content: Mapping[str, Any] | None,
    ) -> httpx.Response:
        try:
            response = self._client.request(method, path, params=dict(params), json=content)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise connection_problem(f"{method} {self.server}{path}", error) from error
        if moment := _date(response.headers.get("Date", "")):
            self.skew = moment - self._clock()
        return _without_hidden(response)


def _without_hidden(response: httpx.Response) -> httpx.Response:
    """Return an answer that does not send the token back, whatever becomes of its text."""
    content = bytes_without_hidden(response.content)
    headers = {name: without_hidden(value) for name, value in response.headers.items()}
    if content == response.content and headers == dict(response.headers.items()):
        return response
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    return httpx.Response(
        response.status_code, headers=headers, content=content, request=response.request
    )


def repeated(
    pause: Pause,
    where: str,
    send: Callable[[], httpx.Response],
    now: Callable[[], datetime] = utc_now,
) -> httpx.Response:
    """Send until the answer is one that would stay the same, or patience ends.

    Raises:
        Unreachable: the last try got no answer.
    """
    for number in range(1, TRIES + 1):
        pause.until_allowed()
        try:
            response = send()
        except Unreachable:
            if number == TRIES:
                raise
            pause.back_off(number)
            continue
        if not _may_pass(response.status_code) or number == TRIES:
            return response
        _heed(pause, where, response, number, now())
    raise AssertionError("unreachable")


def _may_pass(status: int) -> bool:
    """Say whether an answer is one that may be another one later."""
    return status in _PASSING or status >= 500


def _heed(pause: Pause, where: str, response: httpx.Response, number: int, now: datetime) -> None:
    """Wait before the next try, as long as the server asks for."""
    wanted = seconds_to_wait(response.headers.get("Retry-After", ""), now)
    if wanted is None:
        pause.back_off(number)
        return
    if wanted > _LONGEST_WAIT_S:
        hint = f"it asks to come back in {wanted:.0f} s; run the same command then"
        raise Answered(where, response.status_code, _json(response), hint)
    pause.forbid(wanted)


def connection_problem(where: str, error: Exception) -> PlatformError:
    """Say what a failed connection means, without the address of a signed request."""
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return PlatformError(f"{where}: its certificate is not trusted: {each.verify_message}")
    if isinstance(error, httpx.TimeoutException):
        said = "nothing arrived within the timeout"
    else:
        said = f"the connection failed: {str(error) or type(error).__name__}"
    not_sent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    kind = NotSent if isinstance(error, not_sent) else Unreachable
    return kind(f"{where}: {said}", hint=f"look at the network, then {SAME_COMMAND}")


def _content(where: str, response: httpx.Response) -> Any:
    status = response.status_code
    if 300 <= status < 400:
        host = urlsplit(response.headers.get("Location", "")).hostname or "another address"
        hint = f"name the server itself with --server; the token is not sent on to {host}"
        raise Answered(where, status, f"redirected to {host}", hint)
    if status >= 400:
        raise Answered(where, status, _json(response), _hint(status))
    if status == 204:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise PlatformError(
            f"{where}: expected JSON, found something else; is {response.url.host} a Codabench "
            "server, and no proxy or sign-in page in front of it?"
        ) from error


def _hint(status: int) -> str:
    return "the server is in trouble; try again later" if status >= 500 else ""


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, httpx.StreamError):
        return None  # a page for people


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
