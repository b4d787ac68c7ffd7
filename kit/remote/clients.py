"""HTTP clients, one way to make them: whom to trust, how long to wait, which proxy to use."""

from __future__ import annotations

import logging
import ssl
from functools import cache
from typing import Any

import httpx

import kit
from kit.errors import KitError
from kit.remote.server import LOOPBACK

TIMEOUT = httpx.Timeout(60.0, connect=20.0)
AGENT = {"User-Agent": f"wildlife-challenge-kit/{kit.__version__}"}
# Nothing for this machine passes a proxy: plain http is allowed here, and a proxy would read the
# token.
_NO_PROXY = {f"all://[{host}]" if ":" in host else f"all://{host}": None for host in LOOPBACK}
_VARIABLES = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"

# The library logs whole addresses: signed ones, and those that hold a competition's secret key.
logging.getLogger("httpx").setLevel(logging.WARNING)


@cache
def certificates() -> ssl.SSLContext:
    """Return whom to trust, read once: that takes longer than a request.

    Raises:
        KitError: the user's own file of certificates cannot be read.
    """
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        raise KitError(
            "SSL_CERT_FILE or SSL_CERT_DIR: expected certificates, found none that can be read: "
            f"{error.strerror or error}",
            hint="name a file of certificates, or unset the variable",
        ) from error


def open_client(**options: Any) -> httpx.Client:
    """Return a client that follows no redirect; the caller closes it.

    Raises:
        KitError: the proxy of the environment cannot be used.
    """
    verify = certificates()
    try:
        return httpx.Client(timeout=TIMEOUT, verify=verify, mounts=_NO_PROXY, **options)
    except ImportError as error:  # a SOCKS proxy needs one more package
        raise KitError(
            f"{_VARIABLES}: the proxy needs a package that is not installed",
            hint="pip install 'httpx[socks]', or name an http proxy",
        ) from error
    except (ValueError, httpx.InvalidURL) as error:  # its text may hold the proxy's password
        raise KitError(
            f"{_VARIABLES}: expected the address of a proxy, such as http://proxy.example:3128",
        ) from error
