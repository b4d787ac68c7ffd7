"""`kit init`: a team's own repository, with a first submission and CI where they are wanted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import kit
from kit.errors import UsageProblem
from kit.files import WriteFailed
from kit.repository import SUBMISSIONS
from kit.scaffold import new
from kit.trees import remove_tree

TEMPLATE: Final = Path(__file__).with_name("team_template")
FIRST: Final = "my_entry"
# Place in the repository: file of the template. Names in the template begin with no dot, so that
# git and CI do not obey them here.
_FILES = {
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    ".gitignore": "gitignore",
    f"{SUBMISSIONS}/README.md": "submissions.md",
    "scores/README.md": "scores.md",
}
_SCRIPT = {"ci/compare_changed.sh": "compare_changed.sh"}
CI: Final = {
    "github": {".github/workflows/submissions.yml": "github.yml", **_SCRIPT},
    "gitlab": {".gitlab-ci.yml": "gitlab.yml", **_SCRIPT},
}


def init(target: Path, track: str | None = None, ci: str | None = None) -> list[str]:
    """Make a team's repository in a folder, all of it or nothing; return the files.

    Args:
        target: the folder; it is made if it is missing.
        track: of a first submission, named my_entry; None makes none.
        ci: for which service, a key of `CI`; None for none.

    Raises:
        UsageProblem: something is there already, and all of it is named; or the track has no
            template.
        WriteFailed: the files cannot be written.
    """
    staged = target / ".kit-init.tmp"
    is_new = not target.exists()
    try:
        remove_tree(staged)
        staged.mkdir(parents=True)
        _write(staged, _FILES | (CI[ci] if ci else {}))
        if track is not None:
            new(staged / SUBMISSIONS, FIRST, track)
        names = sorted(p.relative_to(staged).as_posix() for p in staged.rglob("*") if p.is_file())
        _refuse_to_overwrite(target, [*names, *([f"{SUBMISSIONS}/{FIRST}"] if track else [])])
        _move(staged, target, names)
    except OSError as error:
        raise WriteFailed(target, "the repository", error) from error
    finally:
        remove_tree(staged)
        if is_new:
            with suppress(OSError):
                target.rmdir()  # what was made is there to stay
    return names


def _write(folder: Path, files: dict[str, str]) -> None:
    for place, name in files.items():
        text = (TEMPLATE / name).read_text(encoding="utf-8")
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("VERSION", kit.__version__), encoding="utf-8", newline="\n")


def _refuse_to_overwrite(target: Path, names: Sequence[str]) -> None:
    """Refuse places that are taken, or below something that is no folder."""
    taken = [
        name
        for name in names
        if os.path.lexists(target / name)
        or any(os.path.lexists(p) and not p.is_dir() for p in _parents(target, name))
    ]
    if taken:
        raise UsageProblem(
            f"{target}: expected nothing at the places of the new files, found something",
            taken,
            "move these away, or name another folder: kit init FOLDER",
        )


def _parents(target: Path, name: str) -> Iterator[Path]:
    """Give the folders between `target` and a file in it, the outer one first."""
    for parent in reversed(Path(name).parents):
        yield target / parent


def _move(staged: Path, target: Path, names: Sequence[str]) -> None:
    """Move the files to their places; where one fails, take back what was done."""
    made: list[Path] = []
    try:
        for name in names:
            for parent in _parents(target, name):
                if not parent.is_dir():
                    parent.mkdir()
                    made.append(parent)
            (staged / name).rename(target / name)
            made.append(target / name)
    except BaseException:
        for path in reversed(made):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
        raise
