"""The content of a program or data set that competition.yaml names, a folder or a zip."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.errors import KitError
from kit.zip_inspection import inspect
from kit.zips import ZIP_ERRORS, is_plain, unpack


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[Path | None, str]]:
    """Give a folder, or a zip unpacked for the time of the block; None with the reason if not."""
    if path.is_dir():
        yield path, ""
    elif not path.is_file() or is_plain(path):
        yield None, ""  # check_special_files or check_named_files reports it
    else:
        with TemporaryDirectory(prefix="kit-check-") as folder:
            target = Path(folder, "content")
            problem = ""
            try:
                unpack(path, target)
            except KitError as error:
                problem = "; ".join([error.message, *error.problems])
            yield (None if problem else target), problem


def too_large(path: Path) -> bool:
    """Say whether a zip of data is good so far, but larger than the kit unpacks."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {refusal.code for refusal in inspect(archive)} == {"zip-too-large"}
    except ZIP_ERRORS:
        return False
