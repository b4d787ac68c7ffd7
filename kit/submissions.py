"""Find submissions by name, folder or zip, and lay them out as the platform does."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from kit.contract import (
    COMPETITION_FILE,
    METADATA_FILE,
    METADATA_FILES,
    MODEL_FILE,
    SCRIPT_FILE,
    TRACKS,
)
from kit.errors import KitError, UsageProblem
from kit.packing.shipping import Shipment, has_junk, shipped
from kit.repository import provided, submissions_folder
from kit.results import is_result
from kit.targets import is_bundle
from kit.yaml_text import MOST_BYTES, parse_yaml
from kit.zip_inspection import as_unpacked, unpacked_files
from kit.zips import ZIP_ERRORS, refuse_plain_file, sha256_of, unpack, write_zip, zip_contents


@dataclass(frozen=True)
class Submission:
    """A submission as the user named it.

    `name` is its short name, `path` its folder or zip.
    """

    name: str
    path: Path

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip rather than a folder."""
        return self.path.is_file()

    @cached_property
    def shipment(self) -> Shipment:
        """The files of its folder, sorted and read once; a zip has none."""
        return shipped(self.path)


@dataclass(frozen=True)
class LaidOut:
    """A submission laid out as the platform does: its folder, and the sha256 of its zip."""

    folder: Path
    digest: str


def discover() -> list[Submission]:
    """Return every folder of submissions/ that holds a model.py or script.py, sorted by name.

    Raises:
        UsageProblem: there is no submissions/ here or above.
    """
    folder = submissions_folder()
    code = (MODEL_FILE, SCRIPT_FILE)
    paths = sorted({path.parent for name in code for path in folder.glob(f"*/{name}")})
    return [Submission(path.name, path) for path in paths]


def find(text: str) -> Submission:
    """Return the submission that the user means: a zip, a folder, or a name in submissions/.

    Raises:
        UsageProblem: it is none of these; the names that exist are listed.
    """
    path = Path(text)
    if path.exists() and is_bundle(path):
        raise UsageProblem(
            f"{text}: expected a submission, found a competition bundle",
            hint="name a submission, and this with --bundle; `kit bundle` makes its zip",
        )
    if path.is_file():
        refuse_plain_file(path, "a folder, a zip, or the name of a submission")
        # Absolute: run.json names it for a later --resume, from wherever that is given.
        return Submission(path.stem, path.absolute())
    try:
        known = {submission.name: submission for submission in discover()}
        nowhere = None
    except UsageProblem as error:  # folders and zips still work
        known, nowhere = {}, error
    if text in known:
        return known[text]
    if path.is_dir():
        return Submission(path.resolve().name, path.resolve())
    found = (
        f"{text}: expected a folder, a zip, or the name of a submission, found nothing of that name"
    )
    if nowhere:
        raise UsageProblem(f"{found}. {nowhere.message}", hint=nowhere.hint)
    raise UsageProblem(f"{found}. Submissions here: {', '.join(known) or 'none'}")


def lay_out(submission: Submission, target: Path) -> LaidOut:
    """Put the submission's files into the new folder `target`, as the worker would.

    A folder is zipped by the same selection as in `kit pack`, so that a run of the folder and a
    run of its zip see the same files.

    Raises:
        KitError: the zip cannot be used.
    """
    if submission.is_zip:
        unpack(submission.path, target, made_by="kit pack")
        _refuse_parent_folder(submission.path, target)
        return LaidOut(target, sha256_of(submission.path))
    temporary = target.with_suffix(".zip")
    try:
        digest = write_zip(submission.shipment.entries, temporary)
        unpack(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return LaidOut(target, digest)


def _refuse_parent_folder(archive: Path, unpacked: Path) -> None:
    """Refuse the most frequent failed upload: the folder was zipped instead of its contents."""
    nested = sorted(unpacked.glob(f"*/{MODEL_FILE}"))
    if nested and not (unpacked / MODEL_FILE).exists():
        folder = nested[0].parent.name
        raise KitError(
            f"{archive}: {MODEL_FILE} found under {folder}/, expected at the root of the zip",
            hint=zip_contents("kit pack"),
        )


def metadata_of(folder: Path) -> dict[str, object]:
    """Return the metadata as the worker would read it; empty where it is missing or unreadable."""
    for name in METADATA_FILES:
        path = folder / name
        if path.is_file():
            with path.open("rb") as stream:
                return _read_metadata(stream)
    return {}


def _metadata_of_zip(path: Path) -> dict[str, object]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {as_unpacked(name): name for name in archive.namelist()}
            found = next((names[name] for name in METADATA_FILES if name in names), None)
            if found is None:
                return {}
            with archive.open(found) as stream:
                return _read_metadata(stream)
    except (*ZIP_ERRORS, OSError):
        return {}  # `lay_out` says what is wrong with the zip


def _read_metadata(stream: IO[bytes]) -> dict[str, object]:
    data = stream.read(MOST_BYTES + 1)  # a small zip may hold a huge file
    try:
        content = parse_yaml(data.decode("utf-8"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def named_track(submission: Submission) -> object:
    """Return what the metadata of a folder or zip gives as `track`, whatever it is."""
    return _metadata_named(submission).get("track")


def has_command(submission: Submission) -> bool:
    """Say whether the metadata of a folder or zip names a command of the submission's own."""
    return bool(_metadata_named(submission).get("command"))


def _metadata_named(submission: Submission) -> dict[str, object]:
    read = _metadata_of_zip if submission.is_zip else metadata_of
    return read(submission.path)


def track_of(folder: Path) -> str | None:
    """Return the track that the metadata in a folder names, if it is one that the kit knows."""
    return known_track(metadata_of(folder).get("track"))


def known_track(track: object) -> str | None:
    """Return the track if it is one that the kit knows, else None."""
    return track if isinstance(track, str) and track in TRACKS else None


def holds_results(submission: Submission) -> bool:
    """Say whether a submission is predictions without code; False where a zip cannot be read."""
    if not submission.is_zip:
        return is_result(entry.name for entry in submission.shipment.entries)
    try:
        with zipfile.ZipFile(submission.path) as archive:
            return is_result(name for name in unpacked_files(archive) if not has_junk(name))
    except (*ZIP_ERRORS, OSError):
        return False  # `lay_out` says what is wrong with the zip


def bundle_for(submission: Submission) -> Path:
    """Return the bundle that a submission runs against where the user names none.

    Raises:
        UsageProblem: its metadata leads to no bundle.
    """
    if holds_results(submission):
        raise UsageProblem(
            f"{submission.name}: a result submission (predictions without code) names no track",
            hint="name the bundle whose scoring program reads its files with --bundle",
        )
    return default_bundle(submission.name, named_track(submission))


def track_problem(track: object) -> str:
    """Say why `track` leads to no bundle; empty where it is one of the kit's, or a bundle's here.

    An organiser's own track is the name of his bundle in sample_data/ next to submissions/.
    """
    if known_track(track) or bundle_of_track(track):
        return ""
    return f"track: expected one of {', '.join(TRACKS)}, found {track!r}"


def bundle_of_track(track: object) -> Path | None:
    """Return the bundle of that name in a folder sample_data, None where there is none.

    A team may keep the challenge's own bundle in sample_data/ next to its submissions/; that one
    comes before the kit's.
    """
    if not isinstance(track, str) or track != Path(track).name or "\0" in track:
        return None
    paths = [base / "sample_data" / track for base in _bases()]
    return next((path for path in paths if (path / COMPETITION_FILE).is_file()), None)


def _bases() -> list[Path]:
    try:
        return [submissions_folder().parent, provided()]
    except UsageProblem:
        return [provided()]


def default_bundle(name: str, track: object) -> Path:
    """Return the sample bundle of the track that a submission's metadata names.

    Raises:
        UsageProblem: the track is missing or unknown, or it has no sample bundle.
    """
    if problem := track_problem(track):
        raise UsageProblem(
            f"{name}: {METADATA_FILE}: {problem}; without it only --bundle can say what to run "
            "against",
            hint="name the track in the metadata, or a bundle with --bundle",
        )
    path = bundle_of_track(track)
    if path is None:
        folder = provided() / "sample_data" / str(track)
        raise UsageProblem(
            f"{name}: track {track}: expected a bundle in {folder}, found none; name one with "
            "--bundle"
        )
    return path
