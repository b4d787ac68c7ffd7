"""Make a submission folder that runs at once, copied from one that is tested."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from kit.contract import METADATA_FILE, MODEL_FILE
from kit.errors import UsageProblem
from kit.files import WriteFailed
from kit.repository import checkout
from kit.submissions import Submission, discover, track_of
from kit.vendoring.vendor import check_package_names, shared_folder, vendor
from kit.zips import zip_size

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def new(name: str, track: str, packages: Sequence[str] = ()) -> Path:
    """Make submissions/NAME from the smallest submission of the track.

    The template is a submission like any other, so it is tested like any other.

    Args:
        name: the new submission's name.
        track: its track.
        packages: shared packages, or modules of them, that its model.py imports; the copies are
            made as `kit vendor` makes them.

    Raises:
        UsageProblem: the name does not fit or is taken, the track has no submission yet, or a
            package does not exist.
    """
    if not _NAME.fullmatch(name):
        raise UsageProblem(
            f"{name}: expected a name of lower-case letters, digits and underscores that begins "
            "with a letter, of at most 40 characters"
        )
    target = checkout() / "submissions" / name
    if target.exists():
        raise UsageProblem(f"{target}: exists already; choose another name")
    shared = shared_folder(target)
    check_package_names(shared, packages)
    template = _template(track)
    temporary = target.with_name(f".{name}.tmp")
    try:
        _copy(template, temporary)
        _personalise(temporary, name, template.name, track)
        if packages:
            _import(temporary / MODEL_FILE, name, packages)
            vendor(temporary, shared)
        temporary.rename(target)
    except OSError as error:
        raise WriteFailed(target, "the submission", error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _copy(template: Submission, folder: Path) -> None:
    for entry in template.shipment.entries:
        path = folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(entry.path, path)


def _import(model: Path, name: str, packages: Sequence[str]) -> None:
    """Let model.py import the packages, after the imports that it has."""
    text = model.read_text(encoding="utf-8")
    imports = (ast.Import, ast.ImportFrom)
    ends = [node.end_lineno for node in ast.parse(text).body if isinstance(node, imports)]
    lines = text.splitlines(keepends=True)
    added = [f"\n# Shared code. After a change of the imports, run `kit vendor {name}`.\n"]
    added += [f"import {package}  # noqa: F401\n" for package in sorted(packages)]
    place = max((end or 0 for end in ends), default=0)
    model.write_text("".join([*lines[:place], *added, *lines[place:]]), encoding="utf-8")


def _template(track: str) -> Submission:
    candidates = [item for item in discover() if track_of(item.path) == track]
    if not candidates:
        tracks = sorted({found for item in discover() if (found := track_of(item.path))})
        raise UsageProblem(
            f"--track {track}: no submission of that track exists to start from; tracks with "
            f"one: {', '.join(tracks)}"
        )
    return min(candidates, key=lambda item: zip_size(item.shipment.entries))


def _personalise(folder: Path, name: str, template: str, track: str) -> None:
    """Give the copy its own name, so that nobody uploads the template's description."""
    metadata = {"description": f"{name}: describe here what it does", "track": track}
    text = yaml.safe_dump(metadata, sort_keys=False)
    (folder / METADATA_FILE).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(
        f"# {name}\n\nStarted from `{template}`. Describe here: the idea, its source, how to "
        "train it, what it scores.\n",
        encoding="utf-8",
    )
