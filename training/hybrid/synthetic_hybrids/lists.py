"""List files: which edge goes with which colours, one path a line.

Paths are relative to the part of --dataroot before its folder "List...":
`Images/<subspecies|hybrid>/train/good/NAME.jpg` for images, `.../train/pidinet_edges/NAME.png`
for their edges. Training reads train_color_gt.txt and train_edges.txt, generation
test_color_ref.txt (appearance) and test_edges.txt (structure), paired by line.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.common.atomic import write_text
from training.common.errors import ScriptError

HYBRID_FOLDER = "hybrid"
TRAIN = ("train_edges.txt", "train_color_gt.txt")
TEST = ("test_edges.txt", "test_color_ref.txt")
_MOST_NAMED = 10


class ListError(ScriptError):
    """A list file cannot be used; the message says every reason."""


@dataclass(frozen=True)
class Pair:
    """An edge image (structure) and a photograph (appearance), relative to the base folder."""

    edge: str
    colour: str

    @property
    def classes(self) -> tuple[str, str]:
        """Class folders of structure and appearance."""
        return class_of(self.edge), class_of(self.colour)

    @property
    def label(self) -> str:
        """Both classes as "i_j"."""
        return "_".join(self.classes)


def lists_digest(pairs: Sequence[Pair]) -> str:
    """Return the SHA-256 of the pairs in their order: did two runs have the same lists?"""
    lines = "\n".join(f"{pair.edge} {pair.colour}" for pair in pairs)
    return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True)
class Photograph:
    """A non-hybrid's image; only images of the same view are paired."""

    path: str
    view: str = ""


Classes = dict[str, list[Photograph]]  # by class folder


def class_folder(subspecies: str) -> str:
    """Return a subspecies as a folder name: 8.0 is 8, odd characters become hyphens."""
    return re.sub(r"[^A-Za-z0-9.]", "-", re.sub(r"\.0$", "", subspecies.strip()))


def class_of(path: str) -> str:
    """Return `8` of Images/8/train/good/NAME.jpg."""
    return PurePosixPath(path).parts[-4]


def edge_path(image: str) -> str:
    """Return the path of the edges of Images/8/train/good/NAME.jpg."""
    folder, name = image.rsplit("/good/", 1)
    return f"{folder}/pidinet_edges/{PurePosixPath(name).with_suffix('.png')}"


def base_folder(dataroot: Path) -> Path:
    """Return the folder that the listed paths start from: above the last part named List..."""
    for folder in (dataroot, *dataroot.parents):
        if folder.name.startswith("List"):
            return folder.parent
    raise ListError(f"--dataroot {dataroot}: expected a folder named List..., or one inside it")


def write_pairs(folder: Path, names: tuple[str, str], pairs: Sequence[Pair]) -> None:
    """Write the two list files of these names, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, paths in zip(
        names, ([p.edge for p in pairs], [p.colour for p in pairs]), strict=True
    ):
        write_text(folder / name, "".join(f"{path}\n" for path in paths))


def read_pairs(dataroot: Path, names: tuple[str, str]) -> list[Pair]:
    """Read the pairs of two list files. Raises ListError with all that is wrong."""
    base = base_folder(dataroot.resolve())
    columns = []
    for name in names:
        if not (dataroot / name).is_file():
            raise ListError(f"{dataroot / name} is missing; prepare.py makes it")
        lines = (dataroot / name).read_text(encoding="utf-8").splitlines()
        columns.append([line.strip() for line in lines if line.strip()])
    if len(columns[0]) != len(columns[1]) or not columns[0]:
        counts = " and ".join(f"{n} {len(c)}" for n, c in zip(names, columns, strict=True))
        raise ListError(f"{dataroot}: expected as many lines in both lists, found {counts}")
    problems = [
        f"{name} line {number}: {problem}"
        for name, paths in zip(names, columns, strict=True)
        for number, path in enumerate(paths, start=1)
        if (problem := _problem_with(path, base))
    ]
    if problems:
        more = len(problems) - _MOST_NAMED
        listed = problems[:_MOST_NAMED] + ([f"... and {more} more"] if more > 0 else [])
        raise ListError("\n  ".join([f"{dataroot}: {len(problems)} problem(s)", *listed]))
    return [Pair(edge, colour) for edge, colour in zip(*columns, strict=True)]


def _problem_with(path: str, base: Path) -> str | None:
    parts = PurePosixPath(path).parts
    if len(parts) < 4 or ".." in parts or path.startswith("/"):
        return f"{path!r}, expected Images/CLASS/train/good/NAME.jpg or .../pidinet_edges/NAME.png"
    return None if (base / path).is_file() else f"{base / path} is missing"


def non_hybrid_pairs(classes: Classes, seed: int) -> list[Pair]:
    """Return i x i: every image's edges once, with another image's colours of its class."""
    pick = random.Random(f"{seed} non-hybrid")
    pairs = []
    for photographs in classes.values():
        for own in photographs:
            others = [p for p in photographs if p.view == own.view and p != own] or [own]
            pairs.append(Pair(edge_path(own.path), pick.choice(others).path))
    return pairs


def hybrid_pairs(classes: Classes, parents: tuple[str, str], count: int, seed: int) -> list[Pair]:
    """Return i x j: `count` pairs, edges of the first class, colours of the second, none twice.

    Edges recur only after all of them were used. Fewer pairs are returned if no more exist.
    """
    pick = random.Random(f"{seed} {parents}")
    partners = defaultdict(list)
    for colour in classes[parents[1]]:
        partners[colour.view].append(colour.path)
    decks = {
        edge.path: pick.sample(partners[edge.view], len(partners[edge.view]))
        for edge in pick.sample(classes[parents[0]], len(classes[parents[0]]))
    }
    pairs: list[Pair] = []
    while len(pairs) < count and any(decks.values()):
        rest = count - len(pairs)
        pairs += [Pair(edge_path(edge), deck.pop()) for edge, deck in decks.items() if deck][:rest]
    return pairs
