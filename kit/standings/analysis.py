"""Which runs of a board differ by more than the noise of its images.

Asked of `scoring_program/standings.py`, which draws the images of the reference table again and
again. It needs the runs' predictions and the bundle's data: where they are gone, it says so.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit import bundles
from kit.bundle_track import asked_of_a_track
from kit.contract import PREDICTIONS_FILE
from kit.digests import digests_of
from kit.errors import KitError
from kit.scoring_analysis import ask, lay_out_tables
from kit.separable import groups
from kit.standings.boards import DATA, Board, Entry

RESAMPLES = 2_000


@dataclass(frozen=True)
class Analysis:
    """What standings.py found, with the entries that it compared, the best first."""

    entries: tuple[Entry, ...]
    content: dict[str, Any]

    def interval(self, entry: Entry) -> tuple[float | None, float | None]:
        """Return the 95 % interval of the primary column; None, None for an entry left out."""
        if entry not in self.entries:
            return None, None
        first = next(iter(self.content["values"][self.entries.index(entry)].values()))
        return first["low"], first["high"]

    def letters(self, entry: Entry) -> str:
        """Return the groups that the entry is in, a letter each: noise may explain their order."""
        if entry not in self.entries:
            return ""
        at = self.entries.index(entry)
        spans = enumerate(groups(range(len(self.entries)), self.content["pairs"]))
        return "".join(chr(ord("a") + n) for n, (low, high) in spans if low <= at <= high)

    def shake_up(self, entry: Entry) -> dict[str, float | None]:
        """Return how often the entry leads the public and the private part; {} if left out."""
        found: list[dict[str, float | None]] = self.content["shake_up"]
        return found[self.entries.index(entry)] if entry in self.entries else {}


def analyse(board: Board, *options: object) -> Analysis:
    """Compare the entries of a board that have predictions left.

    options: for standings.py. Raises KitError: the data are gone or have changed, the track has no
    analysis, or no predictions are left.
    """
    entries = tuple(entry for entry in board.entries if _predictions(entry))
    if not entries:
        raise KitError(f"no {PREDICTIONS_FILE} of these runs is in their folders")
    record = entries[0].record
    with (
        bundles.opened(Path(str(record["bundle_path"]))) as bundle,
        TemporaryDirectory(prefix="kit-standings-") as folder,
    ):
        task = bundle.task(str(record["task"]["index"]))
        if task.reference_data is None or _data_digest(task) != board.place.data:
            raise KitError(f"{bundle.path}: the data of this board have changed or are gone")
        for number, entry in enumerate(entries):
            place = Path(folder, "res", str(number))
            place.mkdir(parents=True)
            shutil.copyfile(str(_predictions(entry)), place / PREDICTIONS_FILE)
        lay_out_tables(task, Path(folder))
        with asked_of_a_track(bundle):
            return Analysis(entries, ask("standings.py", Path(folder), *options))


def _predictions(entry: Entry) -> Path | None:
    """Return the predictions of the run, or of one of the same submission; None if all are gone."""
    paths = (Path(folder) / PREDICTIONS_FILE for folder in entry.folders)
    return next((path for path in paths if path.is_file()), None)


def _data_digest(task: bundles.Task) -> str:
    paths = {name: path for name in DATA if (path := getattr(task, name)) is not None}
    digests = digests_of(paths)
    return "-".join(digests.get(name, "")[:8] for name in DATA)
