"""Write files in one step: a reader sees the old file or the new one, never a half.

An error of writing says which file it was, what it was for, and how much space was left.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kit.control_characters import escaped_in_json
from kit.errors import KitError

# The disk, or the user's part of it, is full.
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
# Raised by writing only, whatever file they name.
_WRITE_ERRORS = (*FULL, errno.EFBIG, errno.EROFS)
_TO_DO = {
    errno.ENOSPC: "free some space there, or write to another disk",
    errno.EDQUOT: "free some of your quota there, or write to another disk",
    errno.EFBIG: "write to another file system, or raise the limit of this shell (ulimit -f)",
}


class WriteFailed(KitError):
    """A file could not be written; `errno` is the system's number for the reason."""

    def __init__(self, path: Path, what: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        if error.errno in FULL and (free := free_bytes(path.absolute().parent)) is not None:
            reason += f"; {free:,} bytes are free there"
        to_do = _TO_DO.get(error.errno or 0, "make the place writable, or write to another one")
        super().__init__(f"{path}: {what} cannot be written: {reason}", hint=to_do)
        self.errno = error.errno


@contextmanager
def writing(target: Path, what: str = "the file") -> Iterator[None]:
    """Let an OSError of writing in the block say that `target` was written, and what it is.

    An error that names another file, such as one that was read, passes as it is.

    Raises:
        WriteFailed: the block failed to write.
    """
    try:
        yield
    except OSError as error:
        ours = error.filename is None or _is_at(error.filename, target)
        if not ours and error.errno not in _WRITE_ERRORS:
            raise
        raise WriteFailed(target, what, error) from error


@contextmanager
def replacing(target: Path, what: str = "the file") -> Iterator[Path]:
    """Give a temporary path next to `target`; rename it to `target` when the block succeeds.

    When the block raises (a full disk, Ctrl-C), the temporary file is removed and what was
    at `target` stays as it was.

    Args:
        target: the file to write.
        what: what it is, for messages.

    Raises:
        WriteFailed: the file cannot be written.
    """
    with writing(target, what):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            # mkstemp makes files that only their owner may read.
            temporary.chmod(0o644)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def json_text(content: Any) -> str:
    """Return strict JSON (no NaN), indented; what a terminal would obey is escaped."""
    return escaped_in_json(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def write_json(target: Path, content: Any, what: str = "the file") -> None:
    """Write strict JSON in one step."""
    with replacing(target, what) as temporary:
        temporary.write_text(json_text(content) + "\n", encoding="utf-8")


def _is_at(filename: object, target: Path) -> bool:
    """Say whether an error names `target`, its temporary file or a folder above."""
    if not isinstance(filename, str | bytes):
        return False
    path = Path(os.fsdecode(filename))
    is_temporary = path.parent == target.parent and path.name.startswith(f".{target.name}.")
    return path == target or path in target.parents or is_temporary


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes in a folder, or where it would be made; None where nobody knows."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None
