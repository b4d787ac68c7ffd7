"""Connect to a platform; the libraries that this needs are an extra of the kit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kit.download import Pause
from kit.errors import KitError
from kit.remote.api import Platform
from kit.remote.server import find_token, server_address


@contextmanager
def connected(server: str, secret_key: str = "") -> Iterator[Platform]:
    """Give a platform, asked with the user's token; its connections are closed after the block.

    secret_key: of a private competition.

    Raises:
        UsageProblem: `server` is no address.
        KitError: the extra is not installed, or there is no token.
    """
    address = server_address(server)
    try:
        from kit.remote.storage import Storage
        from kit.remote.transport import Transport
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] in ("kit",):
            raise
        raise KitError(
            f"expected the package {error.name}, which talks to the platform, found none",
            hint="pip install '.[platform]' in a checkout, or "
            "pip install 'wildlife-challenge-kit[platform]'",
        ) from error
    transport = Transport(address, find_token(address), Pause())
    platform = Platform(transport, Storage(Pause()), secret_key)
    try:
        yield platform
    finally:
        platform.close()
