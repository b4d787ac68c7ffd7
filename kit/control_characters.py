"""Control characters in text from outside: names, messages, logs, values of a YAML file.

On a terminal they clear the screen, change the window's title or turn the order of letters
around. The kit shows them escaped (`kit.cli.printing` is its only way out), and writes them into
JSON as JSON's own escapes. Letters of any alphabet and emoji are no control characters.
"""

from __future__ import annotations

import re

# C0 without tab and newline, DEL and C1, the bidirectional overrides and isolates, and what is
# left of bytes that are not UTF-8.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)  # fmt: skip
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


def escaped(text: str) -> str:
    r"""Return the text as it may reach a terminal: ESC as \x1b, colours left out."""
    text = without_colours(text).replace("\r\n", "\n")
    return _CONTROL.sub(lambda match: _escape(ord(match.group())), text)


def escaped_in_json(document: str) -> str:
    r"""Return a JSON document in which a string's control characters are written as \u001b."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match.group()):04x}", document)


def without_colours(text: str) -> str:
    """Return the text without the codes that colour it, as torch's messages have them."""
    return _COLOUR.sub("", text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
