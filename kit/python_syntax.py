"""Parse Python from outside, of which nothing is run."""

from __future__ import annotations

import ast
import warnings


def parse_python(
    content: bytes, name: str = "<unknown>", version: tuple[int, int] | None = None
) -> ast.Module:
    """Parse a module without a word about it.

    Args:
        content: bytes, of which Python itself reads the coding line.
        name: stands in messages.
        version: of the grammar, such as (3, 10); that of this Python by default.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as of `ast.parse`.
    """
    with warnings.catch_warnings():
        # A warning of "\\d" in a text would quote the source on the terminal.
        warnings.simplefilter("ignore")
        return ast.parse(content, name, feature_version=version)
