"""What a path on the command line holds: a competition bundle, or a submission."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from kit.contract import COMPETITION_FILE, MODEL_FILE
from kit.zip_inspection import as_unpacked
from kit.zips import ZIP_ERRORS


def is_bundle(path: Path) -> bool:
    """Say whether a folder or zip is a competition bundle rather than a submission.

    A bundle with one folder around it is still one, of which `kit check` says what is wrong.
    """
    if path.is_dir():
        names = {str(item.relative_to(path)) for item in path.glob(f"*/{COMPETITION_FILE}")}
        names |= {item.name for item in path.iterdir() if item.is_file()}
    elif not path.is_file():
        return False  # opening a pipe would wait for ever
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                names = {as_unpacked(name) for name in archive.namelist()}
        except (*ZIP_ERRORS, OSError):
            return False
    inside = any(PurePosixPath(name).name == COMPETITION_FILE for name in names)
    return COMPETITION_FILE in names or (inside and MODEL_FILE not in names)
