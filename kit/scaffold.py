"""Make a submission folder that runs at once, copied from the fixed template of its track.

The templates are in the package, one folder for each track: what stands in submissions/ is the
user's, and may be broken. tests/repository/test_tracks.py compares each with a submission.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from kit.contract import METADATA_FILE, MODEL_FILE, TRACKS
from kit.errors import UsageProblem
from kit.files import WriteFailed
from kit.trees import copy_files
from kit.vendoring.vendor import check_package_names, shared_folders, vendor

TEMPLATES = Path(__file__).with_name("submission_templates")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def new(
    parent: Path,
    name: str,
    track: str,
    packages: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """Make the folder of a new submission from the template of the track.

    Args:
        parent: where the submissions are; it is made if it is missing.
        name: the new submission's name.
        track: its track.
        packages: shared packages, or modules of them, that its code imports; the copies are
            made as `kit vendor` makes them.
        files: text by name, instead of the template's files.

    Raises:
        UsageProblem: the name does not fit or is taken, the track has no template, or a package
            does not exist.
        WriteFailed: the folder cannot be made.
    """
    target = new_target(parent, name)
    shared = shared_folders(target)
    check_package_names(shared, packages)
    template = template_of(track) if files is None else None
    with making(target) as temporary:
        if template:
            copy_files(template, temporary, lambda path: "__pycache__" not in path)
        write_files(temporary, files or {})
        _personalise(temporary, name, track)
        if packages:
            _import(temporary / next(iter(files or ()), MODEL_FILE), name, packages)
            vendor(temporary, shared)
    return target


def new_target(parent: Path, name: str) -> Path:
    """Return the folder of a new submission; it is not made yet.

    Raises:
        UsageProblem: the name does not fit or is taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageProblem(
            f"{name}: expected a name of lower-case letters, digits and underscores that begins "
            "with a letter, of at most 40 characters"
        )
    target = parent / name
    if target.exists():
        raise UsageProblem(f"{target}: exists already; choose another name")
    return target


@contextmanager
def making(target: Path) -> Iterator[Path]:
    """Give a temporary folder to fill, which becomes `target` at the end of the block.

    Raises:
        WriteFailed: the folder cannot be made.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        yield temporary
        temporary.rename(target)
    except OSError as error:
        raise WriteFailed(target, "the submission", error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts by name into a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


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


def template_of(track: str) -> Path:
    """Return the folder of the track's template.

    Raises:
        UsageProblem: the track has none, or is unknown; the tracks with one are listed.
    """
    if track in (known := tracks_with_template()):
        return TEMPLATES / track
    found = "has no template to start from" if track in TRACKS else "is not a track of this kit"
    raise UsageProblem(
        f"--track {track}: {found}; tracks with a template: {', '.join(known)}",
        hint="start from a track that predicts the same kind, a score or a label, and change "
        "`track` in the new metadata",
    )


def tracks_with_template() -> list[str]:
    """Return the tracks that `new` can start, sorted."""
    return sorted(path.parent.name for path in TEMPLATES.glob(f"*/{MODEL_FILE}"))


def _personalise(folder: Path, name: str, track: str) -> None:
    """Give the copy its own name, so that nobody uploads the template's description."""
    metadata = {"description": f"{name}: describe here what it does", "track": track}
    text = yaml.safe_dump(metadata, sort_keys=False)
    (folder / METADATA_FILE).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(
        f"# {name}\n\nStarted from the template of the track `{track}`. Describe here: the idea, "
        "its source, how to train it, what it scores.\n",
        encoding="utf-8",
    )
