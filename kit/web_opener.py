"""What opens addresses for downloads: http and https alone, redirected to these alone."""

from __future__ import annotations

import urllib.request
from http.client import HTTPMessage
from typing import IO

from kit.addresses import url_problem


class RefusedRedirect(Exception):
    """A server redirects to an address that no download may have; the message says why not."""


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
            raise RefusedRedirect(problem)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def web_opener() -> urllib.request.OpenerDirector:
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
