"""Fetch the logs and results of a submission into a folder, which appears whole or not at all."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from kit.errors import KitError
from kit.files import write_json, writing
from kit.remote.answers import Sent, read
from kit.remote.api import Platform
from kit.remote.errors import Answered, PlatformError

# Field of the server's answer, the file that it becomes, and what it is for messages.
_RESULTS: Final = (
    ("prediction_result", "prediction_output.zip", "the output of the prediction step"),
    ("scoring_result", "scoring_output.zip", "the output of the scoring step"),
    ("detailed_result", "detailed_results.html", "the detailed results"),
)
_SUMMARY: Final = "submission.json"
_FORBIDDEN = 403
# prediction_stdout, scoring_ingestion_stderr ...: no part of a path.
_LOG_NAME = re.compile(r"[a-z_]{1,50}")


@dataclass(frozen=True)
class Fetched:
    """What was fetched. files: relative to the folder. absent: what the server did not give."""

    folder: Path
    files: tuple[str, ...]
    absent: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit fetch-logs --json` gives it."""
        return {"folder": str(self.folder), "files": [*self.files], "absent": [*self.absent]}


def fetch_logs(platform: Platform, number: int, folder: Path) -> Fetched:
    """Fetch what the server gives of a submission and its children; replace an earlier fetch.

    Raises:
        PlatformError: the phase hides all of it, or the network fails; `folder` stays as it was.
        KitError: `folder` holds something else.
        WriteFailed: the disk does not take it.
    """
    sent = platform.submission(number)
    _refuse_other(folder)
    with writing(folder, "the logs"):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(prefix=f".{folder.name}.", suffix=".tmp", dir=folder.parent))
        try:
            absent = _fetch_all(platform, sent, temporary)
            found = [path for path in temporary.rglob("*") if path.is_file()]
            files = sorted(str(path.relative_to(temporary)) for path in found)
            _swap(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Fetched(folder, tuple(files), tuple(absent))


def _refuse_other(folder: Path) -> None:
    """Replace only what an earlier fetch left."""
    if folder.exists() and not (folder / _SUMMARY).is_file() and any(folder.iterdir()):
        raise KitError(
            f"{folder}: expected no folder, or one of an earlier fetch, found other files",
            hint="name another folder with --out",
        )


def _swap(temporary: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.old.tmp")
    shutil.rmtree(old, ignore_errors=True)
    temporary.chmod(0o755)
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _fetch_all(platform: Platform, sent: Sent, folder: Path) -> list[str]:
    """Fetch the files of a submission, and of each child into a folder of its number."""
    absent = _fetch_one(platform, sent, folder)
    for number in sent.children:
        inner = folder / str(number)
        inner.mkdir()
        found = _fetch_one(platform, platform.submission(number), inner)
        absent += [f"{number}: {each}" for each in found]
    return absent


def _fetch_one(platform: Platform, sent: Sent, folder: Path) -> list[str]:
    """Fetch the files of one submission; return what there is not."""
    details = platform.details(sent.id)
    absent = []
    logs = [each for each in details.get("logs") or [] if isinstance(each, dict)]
    for position, log in enumerate(logs):
        name = str(log.get("name"))
        if not _LOG_NAME.fullmatch(name) or not log.get("data_file"):
            absent.append(f"a log of the name {name!r}")
            continue
        target = folder / f"{name}.txt"
        if target.exists():
            target = folder / f"{name}-{position}.txt"
        _download(platform, sent.id, ("logs", position), str(log["data_file"]), target)
    if not logs:
        absent.append("logs: the platform has none, or the organiser hides them")
    for field, name, what in _RESULTS:
        if not details.get(field):
            absent.append(f"{what}: not made, or hidden by the organiser")
            continue
        _download(platform, sent.id, (field, None), str(details[field]), folder / name)
    write_json(folder / _SUMMARY, sent.as_json(), "the summary of the submission")
    return [] if sent.children else absent  # its children ran, and have the files


def _download(
    platform: Platform, number: int, place: tuple[str, int | None], url: str, target: Path
) -> None:
    """Download a file; an address that has expired is asked for once more."""
    try:
        platform.storage.download(url, target)
    except Answered as error:
        if error.status != _FORBIDDEN:
            raise PlatformError(f"{target.name}: {error.message}", hint=error.hint) from error
        field, position = place
        again = read(
            f"submission {number}",
            platform.details(number),
            lambda c: str(c[field] if position is None else c[field][position]["data_file"]),
        )
        platform.storage.download(again, target)
