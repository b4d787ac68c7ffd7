"""`kit new-bundle`: a small competition with a metric of its own, which runs at once."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

from kit.contract import COMPETITION_FILE
from kit.contracts.home_bundle import fill_home_bundle
from kit.errors import UsageProblem
from kit.files import WriteFailed
from kit.trees import copy_files

TEMPLATE = Path(__file__).with_name("bundle_template")
_DEVELOPMENT = timedelta(days=60)
_FINAL = timedelta(days=14)


def new_bundle(target: Path, today: date, contract: str | None = None) -> list[str]:
    """Fill a new folder from the template and set dates that are still to come; return the files.

    Args:
        target: the folder to make.
        today: the first phase begins on the first of the month after the next.
        contract: the published challenge whose contract and metric the bundle has; None for the
            template.

    Raises:
        UsageProblem: something is there already, or there is no bundle for the contract.
        WriteFailed: the folder cannot be made.
    """
    temporary = target.parent / f".{target.name}.tmp"
    try:
        if target.exists() or target.is_symlink():
            raise UsageProblem(f"{target}: exists already; choose another name")
        target.parent.mkdir(parents=True, exist_ok=True)
        if contract is None:
            copy_files(TEMPLATE, temporary, lambda inner: "__pycache__" not in inner)
        else:
            fill_home_bundle(temporary, contract)
        path = temporary / COMPETITION_FILE
        path.write_text(_dated(path.read_text(encoding="utf-8"), today), encoding="utf-8")
        temporary.rename(target)
    except OSError as error:
        raise WriteFailed(target, "the bundle", error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file())


def _dated(text: str, today: date) -> str:
    start = (today.replace(day=1) + timedelta(days=62)).replace(day=1)
    end = start + _DEVELOPMENT
    days = {
        "DEVELOPMENT_START": start,
        "DEVELOPMENT_END": end,
        "FINAL_START": end + timedelta(days=1),
        "FINAL_END": end + _FINAL,
    }
    for name, day in days.items():
        text = text.replace(name, day.isoformat())
    return text
