"""Submissions: found by name, folder or zip, and laid out as the platform lays them out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit.contract import METADATA_FILES, MODEL_FILE, TRACKS
from kit.errors import KitError, UsageProblem
from kit.packing.shipping import shipped
from kit.repository import checkout
from kit.yaml_text import parse_yaml
from kit.zips import sha256_of, unpack, write_zip


@dataclass(frozen=True)
class Submission:
    """A submission as the user named it: its short name and its folder or zip."""

    name: str
    path: Path

    @property
    def is_zip(self) -> bool:
        """Whether it is a zip rather than a folder."""
        return self.path.is_file()

    @property
    def is_ours(self) -> bool:
        """Whether it is a folder of submissions/, which holds all that this kit asks for."""
        return not self.is_zip and self.path.parent.name == "submissions"


def discover() -> list[Submission]:
    """Every folder of submissions/ that holds a model.py, sorted by name."""
    folder = checkout() / "submissions"
    paths = sorted(path.parent for path in folder.glob(f"*/{MODEL_FILE}"))
    return [Submission(path.name, path) for path in paths]


def find(text: str) -> Submission:
    """The submission that the user means: a zip, a folder, or a name in submissions/.

    Raises:
        UsageProblem: it is none of these; the names that exist are listed.
    """
    path = Path(text)
    if path.is_file():
        return Submission(path.stem, path)
    known = {submission.name: submission for submission in discover_or_none()}
    if text in known:
        return known[text]
    if path.is_dir():
        return Submission(path.resolve().name, path.resolve())
    names = ", ".join(known) or "none"
    raise UsageProblem(
        f"{text}: expected a folder, a zip, or the name of a submission, found nothing of that "
        f"name. Submissions here: {names}"
    )


def discover_or_none() -> list[Submission]:
    """`discover`, but empty outside a checkout, where folders and zips still work."""
    try:
        return discover()
    except UsageProblem:
        return []


def lay_out(submission: Submission, target: Path) -> str:
    """Put the submission where the worker would, and return the sha256 of its zip.

    A folder goes through the same selection as `kit pack`, so that a run of the folder and a
    run of its zip see the same files.

    Raises:
        KitError: the zip cannot be used.
    """
    if submission.is_zip:
        unpack(submission.path, target)
        _refuse_parent_folder(submission.path, target)
        return sha256_of(submission.path)
    temporary = target.with_suffix(".zip")
    try:
        digest = write_zip(shipped(submission.path).entries, temporary)
        unpack(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return digest


def _refuse_parent_folder(archive: Path, unpacked: Path) -> None:
    """The commonest failed upload: the folder was zipped instead of its contents."""
    nested = sorted(unpacked.glob(f"*/{MODEL_FILE}"))
    if nested and not (unpacked / MODEL_FILE).exists():
        folder = nested[0].parent.name
        raise KitError(
            f"{archive}: {MODEL_FILE} found under {folder}/, expected at the root of the zip",
            hint="zip the contents of the folder, not the folder: `kit pack` does it",
        )


def metadata_of(folder: Path) -> dict[str, object]:
    """The submission's metadata file as the worker would read it; empty where unreadable."""
    for name in METADATA_FILES:
        path = folder / name
        if path.is_file():
            try:
                content = parse_yaml(path.read_text(encoding="utf-8"))
            except ValueError:
                return {}
            return content if isinstance(content, dict) else {}
    return {}


def track_of(folder: Path) -> str | None:
    """The track that the metadata names, if it is one that the kit knows."""
    track = metadata_of(folder).get("track")
    return track if isinstance(track, str) and track in TRACKS else None
