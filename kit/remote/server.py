"""The address of the platform's server, and the user's token for it."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

from kit.errors import KitError, UsageProblem
from kit.hidden_values import hide

DEFAULT_SERVER: Final = "https://www.codabench.org"
TOKEN_VARIABLE: Final = "CODABENCH_TOKEN"
KEYRING_SERVICE: Final = "codabench"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def server_address(text: str) -> str:
    """Return scheme, host and port of a server that the user names, such as www.codabench.org.

    Raises:
        UsageProblem: it is no address, or the token would travel unencrypted or twice.
    """
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host, port = url.hostname or "", url.port
    except ValueError:
        host, port = "", None
    if not host or url.scheme not in ("http", "https") or url.path.strip("/") or url.query:
        raise UsageProblem(f"--server: expected an address such as {DEFAULT_SERVER}")
    if url.username or url.password:
        raise UsageProblem("--server: expected an address without a name or password in it")
    if url.scheme == "http" and host not in LOOPBACK:
        raise UsageProblem(
            f"--server http://{host}: your token would travel unencrypted",
            hint=f"use https://{host}",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown}" + (f":{port}" if port else "")


def find_token(server: str) -> str:
    """Return the user's token: of the environment, else of the system's keyring.

    The variable is removed from this process's environment, so that no program that it starts
    gets it.

    Raises:
        KitError: there is none, or it cannot be one. No message holds the token.
    """
    token = hide(os.environ.pop(TOKEN_VARIABLE, "").strip() or _from_keyring(server))
    if not token:
        raise KitError(f"{server}: expected your token, found none", hint=_how(server))
    if not (token.isascii() and token.isalnum()):
        raise KitError(
            f"{TOKEN_VARIABLE}, or the keyring: expected a token of letters and digits, found "
            f"{len(token)} characters of other kinds too (it is not shown here)",
            hint=_how(server),
        )
    return token


def _from_keyring(server: str) -> str:
    try:
        import keyring
    except ImportError:
        return ""
    try:
        return (keyring.get_password(KEYRING_SERVICE, server) or "").strip()
    except Exception:  # none here, locked, or what a system's own keyring raises: it has no base
        return ""


def _how(server: str) -> str:
    return (
        f"set {TOKEN_VARIABLE}, or store it once with `keyring set {KEYRING_SERVICE} {server}`; "
        f"the server gives it for your name and password: POST {server}/api/api-token-auth/"
    )
