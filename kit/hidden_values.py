"""Values that no output may show: the user's token, the secret key of a competition.

A server may send them back in an error, and an exception may quote a header. Whoever reads such a
value names it here once; `kit.cli.printing` and what reads the server's answers leave it out.
"""

from __future__ import annotations

from typing import Final

PLACEHOLDER: Final = "[hidden]"
_SHORTEST = 8  # a shorter one is no secret, and would hide parts of ordinary words
_hidden: set[str] = set()


def hide(value: str) -> str:
    """Let no output of this process show the value; return it."""
    if len(value) >= _SHORTEST:
        _hidden.add(value)
    return value


def without_hidden(text: str) -> str:
    """Return the text with a placeholder for each hidden value."""
    for value in _hidden:
        text = text.replace(value, PLACEHOLDER)
    return text


def bytes_without_hidden(content: bytes) -> bytes:
    """Return what a server sent with a placeholder for each hidden value."""
    for value in _hidden:
        content = content.replace(value.encode(errors="replace"), PLACEHOLDER.encode())
    return content
