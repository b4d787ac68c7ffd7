"""Writes, and checks, the generated part of a bundle folder.

`competition.yaml`, `pages/` and the README are written by hand and live in `sample_data/hybrid`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
from PIL import features

from .collection import SEED, Specimen, collection
from .sheets import contact_sheet, logo
from .tables import reference_table, train_table

HOME = Path(__file__).resolve().parents[1] / "hybrid"
BY_HAND = ("competition.yaml", "pages", "README.md")
GENERATED = (
    "train",
    "input_data",
    "reference_data",
    "logo.png",
    "contact_sheet.jpg",
    "generated.json",
)
PROGRAMS = ("ingestion_program", "scoring_program")


def versions() -> dict[str, str]:
    """What decides the bytes beside the seed: JPEG coding and the drawing are Pillow's."""
    return {
        "pillow": PIL.__version__,
        "libjpeg": str(features.version("jpg")),
        "numpy": np.__version__,
    }


def _files(specimens: list[Specimen]) -> Iterator[tuple[str, bytes]]:
    """Path within the bundle and content, of everything that is generated but the record."""
    by_task: dict[str, list[Specimen]] = {}
    for one in specimens:
        by_task.setdefault(one.task, []).append(one)
    for task, members in by_task.items():
        pictures = [one.picture() for one in members]
        folder = "train/images" if task == "train" else f"input_data/{task}"
        for one, picture in zip(members, pictures, strict=True):
            yield f"{folder}/{one.filename}", picture
        if task == "train":
            yield "train/train.csv", train_table(members, pictures)
        else:
            yield f"reference_data/{task}/ref.csv", reference_table(members)
    yield "contact_sheet.jpg", contact_sheet(specimens)
    yield "logo.png", logo()


def _write_generated(folder: Path) -> None:
    digest, count, size = hashlib.sha256(), 0, 0
    for name, content in _files(collection()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest.update(name.encode() + b"\0" + content)
        count, size = count + 1, size + len(content)
    record = {
        "command": "python sample_data/generate_hybrid.py",
        "seed": SEED,
        "versions": versions(),
        "files": count,
        "bytes": size,
        "sha256": digest.hexdigest(),
    }
    (folder / "generated.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _replace(source: Path, target: Path) -> None:
    """Rename into place; a folder that is there goes only when its successor is complete."""
    old = target.with_name(target.name + ".old.tmp")
    if target.exists():
        target.rename(old)
    source.rename(target)
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def write_bundle(out: Path) -> None:
    """Makes `out` a complete bundle; files in it that are not of the bundle stay."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="generating.", suffix=".tmp", dir=out) as name:
        fresh = Path(name)
        _write_generated(fresh)
        for part in GENERATED:
            _replace(fresh / part, out / part)
    if out.resolve() == HOME:
        return
    for part in BY_HAND:
        if (HOME / part).is_dir():
            shutil.copytree(HOME / part, out / part, dirs_exist_ok=True)
        else:
            shutil.copy2(HOME / part, out / part)
    for program in PROGRAMS:
        link = out / program
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(HOME.parents[1] / program, out.resolve()))


def _listing(folder: Path) -> dict[str, bytes]:
    files: list[Path] = []
    for part in GENERATED:
        path = folder / part
        files += [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def differences(out: Path) -> list[str]:
    """One line for each generated file that is missing, unknown or other than its regeneration."""
    with tempfile.TemporaryDirectory() as name:
        _write_generated(Path(name))
        want, have = _listing(Path(name)), _listing(out)
    lines = [f"missing: {path}" for path in sorted(want.keys() - have.keys())]
    lines += [f"unknown: {path}" for path in sorted(have.keys() - want.keys())]
    same = sorted(want.keys() & have.keys())
    return lines + [f"differs: {path}" for path in same if want[path] != have[path]]
