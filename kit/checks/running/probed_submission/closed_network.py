"""Refuse every attempt to reach the network, and write it down."""

from __future__ import annotations

import socket
import sys
from typing import Any

from .journal import Journal

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "", None)
# Variables in which libraries hold what they are about to fetch.
_TELLING = ("repo_id", "pretrained_model_name_or_path", "url", "model_id", "hub_repo", "req")


def block_network(journal: Journal) -> None:
    """Refuse every connection that leaves the machine; write down who wanted which host."""

    def refuse(host: Any) -> OSError:
        at, wanted = None, []
        frame: Any = sys._getframe(2)
        while frame is not None:
            at = at or journal.inside(frame, frame.f_lineno)
            names = (frame.f_locals.get(name) for name in _TELLING)
            wanted += [value for value in names if isinstance(value, str) and value not in wanted]
            frame = frame.f_back
        journal.write("network", host=str(host), wanted=wanted[:3], at=at)
        return OSError(101, "the network is closed for this check")

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        if _name(host) in _LOOPBACK:
            return getaddrinfo(host, *args, **kwargs)
        raise refuse(_name(host))

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6) or address[0] in _LOOPBACK:
            return plain_connect(self, address)
        raise refuse(address[0])

    def send(self: socket.socket, data: Any, *rest: Any) -> Any:
        if self.family not in (socket.AF_INET, socket.AF_INET6) or rest[-1][0] in _LOOPBACK:
            return plain_send(self, data, *rest)
        raise refuse(rest[-1][0])

    getaddrinfo, plain_connect = socket.getaddrinfo, socket.socket.connect
    plain_send = socket.socket.sendto
    names: dict[str, Any] = {"getaddrinfo": resolve}
    names |= dict.fromkeys(("gethostbyname", "gethostbyname_ex"), resolve)
    vars(socket).update(names)
    for name, method in (("connect", connect), ("connect_ex", connect), ("sendto", send)):
        setattr(socket.socket, name, method)


def _name(host: Any) -> Any:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else host
