"""Find the checkout: the folder with submissions/, sample_data/ and the two programs."""

from __future__ import annotations

from pathlib import Path

from kit.errors import UsageProblem

_MARKS = ("submissions", "ingestion_program", "scoring_program")


def checkout() -> Path:
    """Return the checkout around the working directory, else the one that holds the kit.

    Raises:
        UsageProblem: neither is a checkout.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if all((folder / mark).is_dir() for mark in _MARKS):
            return folder
    raise UsageProblem(
        f"{here}: expected to be inside a checkout of the kit (a folder with "
        f"{', '.join(mark + '/' for mark in _MARKS)}), found none here or above",
    )
