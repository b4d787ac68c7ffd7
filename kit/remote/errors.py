"""What a request to the platform can end in. Code decides by these classes, never by a message.

PlatformError
├── Unreachable     no answer; the same request may succeed later
│   └── NotSent     the request did not reach the server
├── Unclear         the answer is lost: the server may have done what was asked, or not
└── Answered        the server answered with an error; `status` and `content` are its own
"""

from __future__ import annotations

from typing import Any

from kit.errors import KitError

SAME_COMMAND = "run the same command again: it resumes, and uploads nothing twice"


class PlatformError(KitError):
    """The platform was not reached, refused, or sent something that cannot be used."""


class Unreachable(PlatformError):
    """The server did not answer."""


class NotSent(Unreachable):
    """The connection failed before the request was sent."""


class Unclear(PlatformError):
    """A request that must not be repeated blindly was sent, and its answer is lost."""


class Answered(PlatformError):
    """The server answered with an error.

    Args:
        where: method and path of the request.
        status: of the answer.
        content: the JSON of the answer, None where it is no JSON.
        hint: what to do about it.
    """

    def __init__(self, where: str, status: int, content: Any, hint: str = "") -> None:
        said = _said(content)
        super().__init__(
            f"{where}: the server answers {status}" + (f": {said}" if said else ""), hint=hint
        )
        self.status = status
        self.content = content

    @property
    def is_unclear(self) -> bool:
        """Whether the server, or a proxy that waited too long, may have done what was asked."""
        return self.status >= 500 or self.status == _TOO_SLOW

    @property
    def fields(self) -> frozenset[str]:
        """The fields of the request that the answer complains about."""
        return frozenset(self.content) if isinstance(self.content, dict) else frozenset()


class Interrupted(KitError):
    """The user stopped the command; the message says where it stands."""

    exit_status = 130


class ZipChanged(KitError):
    """The zip is another one than the one that was checked."""


_LONGEST = 300
_TOO_SLOW = 408


def _said(content: Any) -> str:
    """Return the words of an error in the forms that the server's framework gives them."""
    if isinstance(content, dict):
        parts = (
            _said(value) if name == "detail" else f"{name}: {_said(value)}"
            for name, value in content.items()
        )
        text = "; ".join(parts)
    elif isinstance(content, list):
        text = " ".join(_said(item) for item in content)
    else:
        text = "" if content is None else str(content)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
