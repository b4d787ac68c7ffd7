"""`kit new`: a submission folder that runs at once, copied from one that is tested."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from kit.contract import METADATA_FILE
from kit.errors import KitError, UsageProblem
from kit.repository import checkout
from kit.submissions import Submission, discover, track_of
from kit.zips import zip_size

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def new(name: str, track: str) -> Path:
    """Make submissions/NAME from the smallest submission of the track.

    The template is a submission like any other, so it is tested like any other.

    Raises:
        UsageProblem: the name does not fit or is taken, or the track has no submission yet.
    """
    if not _NAME.fullmatch(name):
        raise UsageProblem(
            f"{name}: expected a name of lower-case letters, digits and underscores that begins "
            "with a letter, of at most 40 characters"
        )
    target = checkout() / "submissions" / name
    if target.exists():
        raise UsageProblem(f"{target}: is there already; choose another name")
    template = _template(track)
    temporary = target.with_name(f".{name}.new")
    try:
        for entry in template.shipment.entries:
            path = temporary / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.path, path)
        _personalise(temporary, name, template.name, track)
        temporary.rename(target)
    except OSError as error:
        raise KitError(f"{target}: cannot be made: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _template(track: str) -> Submission:
    candidates = [item for item in discover() if track_of(item.path) == track]
    if not candidates:
        tracks = sorted({found for item in discover() if (found := track_of(item.path))})
        raise UsageProblem(
            f"--track {track}: there is no submission of that track to start from; tracks with "
            f"one: {', '.join(tracks)}"
        )
    return min(candidates, key=lambda item: zip_size(item.shipment.entries))


def _personalise(folder: Path, name: str, template: str, track: str) -> None:
    """Give the copy its own name, so that nobody uploads the template's description."""
    metadata = {"description": f"{name}: say here what it does", "track": track}
    text = yaml.safe_dump(metadata, sort_keys=False)
    (folder / METADATA_FILE).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(
        f"# {name}\n\nStarted from `{template}`. Say here: the idea, its source, how to train "
        "it, what it scores.\n",
        encoding="utf-8",
    )
