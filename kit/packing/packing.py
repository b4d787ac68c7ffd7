"""Make the zip to upload: equal bytes for equal content, or every reason against it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from kit.contract import MANIFEST_FILE, MAX_ZIP_NAME
from kit.errors import KitError, UsageProblem
from kit.files import write_json
from kit.findings.finding import Report
from kit.packing.shipping import Shipment
from kit.zips import Entry, write_zip

if TYPE_CHECKING:
    from kit.submissions import Submission


@dataclass(frozen=True)
class Package:
    """A packed submission: the zip, its sha256 and size, its files, and the files left behind.

    `forced` are the codes of the errors that were overridden; `warnings` is a number.
    """

    path: Path
    sha256: str
    size: int
    files: tuple[tuple[str, int], ...]
    left_behind: tuple[str, ...]
    secrets: tuple[str, ...]
    forced: tuple[str, ...]
    warnings: int

    def as_json(self) -> dict[str, Any]:
        """Return the package as `kit pack --json` gives it."""
        return {
            "format": 1,
            "zip": str(self.path),
            "sha256": self.sha256,
            "bytes": self.size,
            "files": [{"name": name, "bytes": size} for name, size in self.files],
            "left_behind": list(self.left_behind),
            "secrets_left_behind": list(self.secrets),
            "forced": list(self.forced),
            "warnings": self.warnings,
        }


def pack(submission: Submission, target: Path, report: Report, force: bool = False) -> Package:
    """Write the submission's zip to `target`, replacing one that is there.

    Args:
        submission: a folder.
        target: the zip to write.
        report: what `kit check --quick` says of the folder.
        force: pack in spite of errors of `kit check --quick`; the zip's weights.json then
            holds their codes under `forced`.

    Raises:
        UsageProblem: the submission is a zip already, or the name does not fit the platform.
        KitError: something in the folder would fail on the platform; every problem is named,
            and nothing is written.
    """
    if submission.is_zip:
        raise UsageProblem(f"{submission.path}: is a zip already; `kit run` takes it as it is")
    _refuse_name(target)
    errors = [finding for finding in report.sorted_findings() if finding.severity == "error"]
    if errors and not force:
        raise KitError(
            f"{submission.path}: not packed, because the upload would fail or lack something",
            [str(finding) for finding in errors],
            f"fix these and pack again; `kit check {submission.name} --quick` says more about "
            "each, --force packs all the same",
        )
    forced = tuple(sorted({finding.code for finding in errors}))
    shipment = submission.shipment
    with TemporaryDirectory(prefix="kit-pack-") as folder:
        entries = list(shipment.entries)
        if forced:
            entries = _with_forced(entries, forced, Path(folder))
        sha256 = write_zip(entries, target)
        return _package(target, sha256, entries, shipment, forced, report.count("warning"))


def _with_forced(entries: list[Entry], forced: tuple[str, ...], folder: Path) -> list[Entry]:
    """Replace the manifest by one that says what was overridden; the own file stays as it is."""
    own = next((entry for entry in entries if entry.name == MANIFEST_FILE), None)
    content: Any = {"format": 1, "files": []}
    if own:
        try:
            content = json.loads(own.path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise KitError(
                f"{MANIFEST_FILE}: expected a readable manifest, because the zip's copy records "
                "what --force overrides",
                hint="fix it, or remove it",
            )
    write_json(folder / MANIFEST_FILE, content | {"forced": list(forced)})
    others = [entry for entry in entries if entry.name != MANIFEST_FILE]
    return [*others, Entry(MANIFEST_FILE, folder / MANIFEST_FILE)]


def _package(
    target: Path,
    sha256: str,
    entries: list[Entry],
    shipment: Shipment,
    forced: tuple[str, ...],
    warnings: int,
) -> Package:
    names = sorted(entries, key=lambda entry: entry.name)
    return Package(
        path=target,
        sha256=sha256,
        size=target.stat().st_size,
        files=tuple((entry.name, entry.path.stat().st_size) for entry in names),
        left_behind=tuple(shipment.left_behind),
        secrets=tuple(shipment.secrets),
        forced=forced,
        warnings=warnings,
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
