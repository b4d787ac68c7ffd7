"""The folder of a run: its name, and the files that are kept in it."""

from __future__ import annotations

import secrets
import shutil
from datetime import datetime, timezone
from pathlib import Path

from kit.bundles import Task
from kit.contract import REPORT_FILE
from kit.errors import UsageProblem
from kit.files import replacing
from kit.records import RUNS
from kit.submissions import Submission

_LOG_TAIL_LINES = 15


def new_run_folder(base: Path, submission: Submission, task: Task) -> Path:
    """Return a path below `base` for a new run; the names of runs sort by time."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    slug = "".join(c if c.isalnum() else "-" for c in task.name.lower()).strip("-")[:30]
    return base / f"{stamp}-{submission.name[:40]}-{slug}-{secrets.token_hex(2)}"


def make_run_folder(folder: Path) -> None:
    """Make the folder of a new run. Raises UsageProblem where it holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageProblem(f"--out {folder}: expected a new or empty folder, found something there")
    folder.mkdir(parents=True, exist_ok=True)


def resumed_by(folder: Path) -> Path:
    """Return what --resume takes for a run: its name in runs/, else its folder."""
    short = Path(folder.name)
    return short if (RUNS / short).resolve() == folder else folder


def report_in(folder: Path) -> Path | None:
    """Return the page that the platform shows: detailed_results.html, else the first of a kind.

    The worker takes the first *.html that the file system lists; here the first by name.
    """
    others = sorted(path for path in folder.glob("*.html") if not path.name.startswith("."))
    pages = [folder / REPORT_FILE, *others]
    return next((path for path in pages if path.is_file() and not path.is_symlink()), None)


def keep_file(source: Path, folder: Path) -> None:
    """Copy what a program wrote, if it is a plain file, in one step. Raises WriteFailed."""
    if source.is_file() and not source.is_symlink():
        with replacing(folder / source.name, "the copy of the run's output") as temporary:
            shutil.copyfile(source, temporary)


def tail(log: Path | None) -> list[str]:
    """Return the last lines of a log, for the terminal; none where there is no log."""
    if log is None or not log.is_file():
        return []
    with log.open("rb") as stream:
        stream.seek(0, 2)
        stream.seek(max(0, stream.tell() - 16_384))
        text = stream.read().decode("utf-8", "replace")
    return text.rstrip().splitlines()[-_LOG_TAIL_LINES:]
