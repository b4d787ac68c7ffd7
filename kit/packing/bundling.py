"""`kit bundle`: the zip that an organiser uploads, made of what competition.yaml names."""

from __future__ import annotations

from pathlib import Path

from kit import bundles
from kit.competition import read_competition
from kit.contract import COMPETITION_FILE
from kit.errors import KitError, UsageProblem
from kit.trees import Kind, problem_of, strange_files, walk
from kit.zips import Entry, write_zip


def pack_bundle(folder: Path, target: Path) -> tuple[str, list[str]]:
    """Write the bundle's zip; return its sha256 and the names in it.

    Links are followed: the sample bundles share the programs at the top of the checkout.

    Raises:
        UsageProblem: `folder` is not a folder, or `target` is not a zip name.
        KitError: competition.yaml is wrong or names something that is not there, or what it
            names holds something else than regular files.
    """
    if not folder.is_dir():
        raise UsageProblem(f"{folder}: expected the folder of a bundle")
    if target.suffix != ".zip":
        raise UsageProblem(f"--out {target}: expected a name that ends in .zip")
    bundles.read(folder)
    competition = read_competition(folder)
    files = [file for file in competition.files() if not file.is_dataset_key]
    names = sorted({file.value for file in files if isinstance(file.value, str)})
    missing = [name for name in names if not competition.holds(name)]
    if missing:
        found = [f"{name}: named in {COMPETITION_FILE}, found nowhere" for name in missing]
        raise KitError(f"{folder}: the bundle is not complete", found)
    entries = _entries(folder, [COMPETITION_FILE, *names])
    return write_zip(entries.values(), target), sorted(entries)


def _entries(folder: Path, names: list[str]) -> dict[str, Entry]:
    """Return the files at or below the named paths by their name in the zip.

    Raises:
        StrangeFiles: something there is no regular file that can be read; all are named.
    """
    entries, problems = {}, []
    for name in names:
        path = folder / name
        is_folder = path.is_dir()
        for item in walk(path, wanted=lambda inner: "__pycache__" not in inner):
            if is_folder and item.path.name.startswith("."):
                continue
            below = f"{name.rstrip('/')}/{item.name}" if is_folder else name
            entries[below] = Entry(below, item.path)
            if item.kind is not Kind.FILE:
                problems.append(problem_of(item))
    if problems:
        raise strange_files(problems)
    return entries
