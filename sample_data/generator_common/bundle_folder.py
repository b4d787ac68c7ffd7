"""Write and check a bundle's generated files, and fill the blocks of its README.

`competition.yaml`, `pages/` and the README's text are written by hand and live in the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kit.files import replacing
from kit.markdown import filled

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


@dataclass(frozen=True)
class Bundle:
    """Where a bundle lives and what makes its generated files."""

    home: Path
    command: str
    seed: int
    versions: Mapping[str, str]  # what decides the bytes, next to the seed
    files: Callable[[], Iterable[tuple[str, bytes]]]  # path within the bundle, and content

    def _write_generated(self, folder: Path) -> None:
        digest, count, size = hashlib.sha256(), 0, 0
        for name, content in self.files():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            digest.update(name.encode() + b"\0" + content)
            count, size = count + 1, size + len(content)
        record = {
            "command": self.command,
            "seed": self.seed,
            "versions": dict(self.versions),
            "files": count,
            "bytes": size,
            "sha256": digest.hexdigest(),
        }
        text = json.dumps(record, indent=2) + "\n"
        (folder / "generated.json").write_text(text, encoding="utf-8")

    def write(self, out: Path) -> None:
        """Make `out` a complete bundle; other files in it stay."""
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="generating.", suffix=".tmp", dir=out) as name:
            fresh = Path(name)
            self._write_generated(fresh)
            for part in GENERATED:
                _replace(fresh / part, out / part)
        if out.resolve() == self.home:
            return
        for part in BY_HAND:
            if (self.home / part).is_dir():
                shutil.copytree(self.home / part, out / part, dirs_exist_ok=True)
            else:
                shutil.copy2(self.home / part, out / part)
        for program in PROGRAMS:
            link = out / program
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(self.home.parents[1] / program, out.resolve()))

    def differences(self, out: Path) -> list[str]:
        """List each generated file that is missing, unknown or not what this code makes."""
        with tempfile.TemporaryDirectory() as name:
            self._write_generated(Path(name))
            want, have = _listing(Path(name)), _listing(out)
        lines = [f"missing: {path}" for path in sorted(want.keys() - have.keys())]
        lines += [f"unknown: {path}" for path in sorted(have.keys() - want.keys())]
        same = sorted(want.keys() & have.keys())
        return lines + [f"differs: {path}" for path in same if want[path] != have[path]]

    def check(self, out: Path) -> int:
        """Print the differences. Return 0 where no file differs, else 1."""
        found = self.differences(out)
        for line in found[:20]:
            print(line)
        if found:
            print(f"{out}: {len(found)} files are not what this code generates; versions in use:")
            print(", ".join(f"{name} {version}" for name, version in self.versions.items()))
            print("Other versions draw other bytes: see generated.json for those that were used.")
            return 1
        print(f"{out}: every generated file is as this code makes it")
        return 0

    def command_line(self, description: str, baselines: Callable[[Path], int]) -> int:
        """Run the command line of a generator script and return its exit status.

        baselines: takes the bundle's folder, fills the blocks of its README, returns a status.
        """
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--out", type=Path, default=self.home, help="the bundle folder")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--check", action="store_true", help="compare with a fresh generation")
        mode.add_argument(
            "--baselines", action="store_true", help="score the baselines into README.md"
        )
        options = parser.parse_args()
        if options.check:
            return self.check(options.out)
        if options.baselines:
            return baselines(options.out)
        start = time.perf_counter()
        self.write(options.out)
        print(f"{options.out}: written in {time.perf_counter() - start:.0f} s")
        return 0


def _replace(source: Path, target: Path) -> None:
    """Rename into place; an old folder is deleted only when its successor is complete."""
    old = target.with_name(target.name + ".old.tmp")
    if target.exists():
        target.rename(old)
    source.rename(target)
    if old.is_dir():
        shutil.rmtree(old)
    else:
        old.unlink(missing_ok=True)


def _listing(folder: Path) -> dict[str, bytes]:
    files: list[Path] = []
    for part in GENERATED:
        path = folder / part
        files += [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def fill_readme(bundle: Path, blocks: Mapping[str, str]) -> int:
    """Write the named blocks of the bundle's README and return 0."""
    readme = bundle / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, content in blocks.items():
        text = filled(text, name, content)
    with replacing(readme) as draft:
        draft.write_text(text, encoding="utf-8")
    print(f"{readme}: {' and '.join(blocks)} written")
    return 0
