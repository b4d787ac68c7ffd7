"""`kit pack`: the zip to upload, equal bytes for equal content, or every reason against it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.contract import MAX_ZIP_NAME, METADATA_FILE
from kit.errors import KitError, UsageProblem
from kit.programs import command_of
from kit.shipping import Shipment, shipped
from kit.submissions import Submission
from kit.zips import write_zip


@dataclass(frozen=True)
class Package:
    """A packed submission: the zip, its sha256 and size, what it holds and what stayed."""

    path: Path
    sha256: str
    size: int
    files: tuple[tuple[str, int], ...]
    left_behind: tuple[str, ...]
    secrets: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The package as `kit pack --json` gives it."""
        return {
            "format": 1,
            "zip": str(self.path),
            "sha256": self.sha256,
            "bytes": self.size,
            "files": [{"name": name, "bytes": size} for name, size in self.files],
            "left_behind": list(self.left_behind),
            "secrets_left_behind": list(self.secrets),
        }


def pack(submission: Submission, target: Path) -> Package:
    """Write the submission's zip to `target`, replacing one that is there.

    Raises:
        UsageProblem: the submission is a zip already, or the name does not fit the platform.
        KitError: something in the folder would fail on the platform; all of it is named and
            nothing is written.
    """
    if submission.is_zip:
        raise UsageProblem(f"{submission.path}: is a zip already; `kit run` takes it as it is")
    _refuse_name(target)
    shipment = shipped(submission.path)
    problems = [*shipment.problems, *_metadata_problems(submission.path)]
    if problems:
        raise KitError(
            f"{submission.path}: not packed, the upload would fail or lack something",
            problems,
            "mend these and pack again",
        )
    sha256 = write_zip(shipment.entries, target)
    return _package(target, sha256, shipment)


def _package(target: Path, sha256: str, shipment: Shipment) -> Package:
    files = tuple((entry.name, entry.path.stat().st_size) for entry in shipment.entries)
    return Package(
        path=target,
        sha256=sha256,
        size=target.stat().st_size,
        files=files,
        left_behind=tuple(shipment.left_behind),
        secrets=tuple(shipment.secrets),
    )


def _refuse_name(target: Path) -> None:
    if target.suffix != ".zip":
        raise UsageProblem(f"--out {target}: expected a name that ends in .zip")
    if len(target.name) > MAX_ZIP_NAME:
        raise UsageProblem(
            f"--out {target.name}: {len(target.name)} characters; the platform takes names of at "
            f"most {MAX_ZIP_NAME}. Choose a shorter one with --out"
        )
    if target.is_dir():
        raise UsageProblem(f"--out {target}: expected a file name, found a folder")


def _metadata_problems(folder: Path) -> list[str]:
    try:
        command = command_of(folder)
    except KitError as error:
        return [error.message]
    if command:
        return [
            f"{METADATA_FILE}: has a `command`; the platform would run it beside the ingestion "
            "program. Remove the command"
        ]
    return []
