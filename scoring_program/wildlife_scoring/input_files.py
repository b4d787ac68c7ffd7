"""Find the two tables in the input folder, as the platform lays it out: res/ and ref/."""

from __future__ import annotations

from pathlib import Path

from wildlife_scoring.problems import Problems, name_some


def find_predictions(input_dir: Path, problems: Problems) -> Path | None:
    """Return INPUT_DIR/res/predictions.txt, or None and a problem: what was found instead."""
    path = input_dir / "res" / "predictions.txt"
    if path.is_file():
        return path
    others = _visible_files(path.parent)
    inside = f"the folder holds {name_some(others, len(others))}" if others else "nothing is there"
    problems.add(
        path,
        f"the predictions are missing: {inside}",
        "the prediction step (ingestion) probably failed: read its log first",
    )
    return None


def find_reference(input_dir: Path, problems: Problems) -> Path | None:
    """Return the one CSV file of INPUT_DIR/ref, or None and a problem.

    With several tables none is chosen: a guess could score against the wrong truth.
    """
    folder = input_dir / "ref"
    files = _visible_files(folder)
    tables = [name for name in files if "/" not in name and name.lower().endswith(".csv")]
    if len(tables) == 1:
        return folder / tables[0]
    rule = "the rule: exactly one .csv file, at the top of the reference data, is the table"
    if tables:
        listed = name_some(tables, len(tables))
        problems.add(folder, f"expected one reference table, found {len(tables)}: {listed}", rule)
    else:
        inside = f"found {name_some(files, len(files))}" if files else "nothing is there"
        problems.add(folder, f"the reference table (a .csv file) is missing: {inside}", rule)
    return None


def _visible_files(folder: Path) -> list[str]:
    """List the files below a folder, relative and sorted, without those that macOS adds."""
    relative = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in relative
        if not any(part == "__MACOSX" or part.startswith(".") for part in path.parts)
    )
