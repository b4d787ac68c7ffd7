"""Find what the kit provides, and the folder that holds a team's submissions.

Every module asks here, so that the kit works in a checkout and from a wheel without a second path
through the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kit.errors import UsageProblem

SUBMISSIONS: Final = "submissions"
# What tells a checkout of the kit from a team's repository.
_MARKS = (SUBMISSIONS, "ingestion_program", "scoring_program", "sample_data")
_PACKAGE = Path(__file__).resolve().parent


def provided() -> Path:
    """Return the folder of the two programs, sample_data/ and submissions/_shared/.

    The checkout around the working directory comes first, then the checkout of an editable
    install. Without one it is the folder in the package that the build puts there
    (hatch_build.py).
    """
    for folder in (*_upwards(), _PACKAGE.parent):
        if _is_checkout(folder):
            return folder
    return _PACKAGE / "provided"


def submissions_folder() -> Path:
    """Return submissions/ in the working directory or above, else that of an editable install.

    Raises:
        UsageProblem: neither exists.
    """
    found = submissions_above()
    if found is None and _is_checkout(_PACKAGE.parent):
        found = _PACKAGE.parent / SUBMISSIONS
    if found is None:
        raise UsageProblem(
            f"{Path.cwd()}: expected a folder {SUBMISSIONS}/ here or above, found none",
            hint="change to your team's repository, make one with `kit init`, or start a first "
            "submission here with `kit new NAME --track TRACK`",
        )
    return found


def submissions_above() -> Path | None:
    """Return submissions/ in the working directory or above, None where there is none."""
    return next((path for folder in _upwards() if (path := folder / SUBMISSIONS).is_dir()), None)


def _upwards() -> tuple[Path, ...]:
    here = Path.cwd()
    return (here, *here.parents)


def _is_checkout(folder: Path) -> bool:
    return all((folder / mark).is_dir() for mark in _MARKS)
