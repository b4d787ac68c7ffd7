"""Tables that commands write into training/LOG.md, each between the two markers of its block."""

from __future__ import annotations

from kit.markdown import read_block, write_block
from training.common.errors import ScriptError
from training.common.submission_files import ROOT

LOG = ROOT / "training" / "LOG.md"


def expect_block(name: str) -> None:
    """Stop before the work where its table would have no place. Raises ScriptError."""
    try:
        read_block(LOG, name)
    except (ValueError, OSError) as error:
        raise ScriptError(
            f"{error}; put these two lines where the table of this command should stand"
        ) from error


def log_table(name: str, content: str) -> None:
    """Replace the content of the block. Raises ScriptError: LOG.md has no such block."""
    expect_block(name)
    write_block(LOG, name, content)
