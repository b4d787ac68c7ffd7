"""`kit bundle`: the zip that an organiser uploads, made of what competition.yaml names."""

from __future__ import annotations

from pathlib import Path

from kit import bundles
from kit.competition import read_competition
from kit.contract import COMPETITION_FILE
from kit.errors import KitError, UsageProblem
from kit.zips import Entry, tree_entries, write_zip


def pack_bundle(folder: Path, target: Path) -> tuple[str, list[str]]:
    """Write the bundle's zip; return its sha256 and the names in it.

    Links are followed: the sample bundles share the programs at the top of the checkout.

    Raises:
        UsageProblem: `folder` is not a folder, or `target` is not a zip name.
        KitError: competition.yaml is wrong or names something that is not there.
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
    entries = {entry.name: entry for name in names for entry in _entries(folder, name)}
    entries[COMPETITION_FILE] = Entry(COMPETITION_FILE, folder / COMPETITION_FILE)
    return write_zip(entries.values(), target), sorted(entries)


def _entries(folder: Path, name: str) -> list[Entry]:
    path = folder / name
    if path.is_file():
        return [Entry(name, path)]
    return [
        Entry(f"{name.rstrip('/')}/{entry.name}", entry.path)
        for entry in tree_entries(path)
        if "__pycache__" not in entry.name and not Path(entry.name).name.startswith(".")
    ]
