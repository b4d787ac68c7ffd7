"""Where the data behind a run is: the task's reference table and images."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit import bundles
from kit.bundles import Bundle, Task
from kit.competition import read_competition
from kit.contract import CANDIDATES_FILE, PREDICTIONS_FILE
from kit.digests import digests_of
from kit.errors import KitError, UsageProblem
from kit.reporting.chosen import ChosenRun
from kit.scoring_analysis import ask, lay_out_tables
from kit.trees import copy_files, open_regular
from kit.zips import ZIP_ERRORS


@dataclass(frozen=True)
class Images:
    """A folder or zip with images, or None where they are not at hand."""

    place: Path | None

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None where it is not there or cannot be read."""
        if self.place is None or Path(name).is_absolute() or ".." in Path(name).parts:
            return None
        try:
            if self.place.is_dir():
                with open_regular(self.place / name) as stream:
                    return stream.read()
            with zipfile.ZipFile(self.place) as archive:
                return archive.read(name)
        except (*ZIP_ERRORS, OSError, KeyError, ValueError):
            return None


@dataclass(frozen=True)
class Source:
    """The bundle and task of the runs; public: the phase's public data, such as the gallery."""

    bundle: Bundle
    task: Task
    images: Images
    public: Images


@contextmanager
def opened(run: ChosenRun, bundle_path: Path | None) -> Iterator[Source]:
    """Open the bundle of a run, or the one that the user names because it was moved.

    Raises:
        UsageProblem: the bundle is not there.
        KitError: it lacks the reference data, or they have changed since the run.
    """
    path = bundle_path or Path(run.record["bundle_path"])
    if not path.exists():
        raise UsageProblem(
            f"{path}: expected the bundle of the run {run.run_id}, found nothing there",
            hint="name the bundle with --bundle",
        )
    with bundles.opened(path) as bundle:
        task = bundle.task(str(run.record["task"]["index"]))
        _refuse_other_reference(run, task)
        yield Source(bundle, task, Images(task.input_data), Images(_public_data(bundle, task)))


def _refuse_other_reference(run: ChosenRun, task: Task) -> None:
    if task.reference_data is None:
        raise KitError(f"task {task.name}: the bundle has no reference data, so nothing to report")
    now = digests_of({"reference_data": task.reference_data})["reference_data"]
    if now != run.record.get("digests", {}).get("reference_data"):
        raise KitError(
            f"{task.reference_data}: the reference data have changed since the run {run.run_id}",
            hint=f"run it again: kit run {run.name}",
        )


def _public_data(bundle: Bundle, task: Task) -> Path | None:
    competition = read_competition(bundle.root)
    for _, phase in competition.phases():
        value = phase.get("public_data")
        if task.index in (phase.get("tasks") or ()) and competition.holds(value):
            return competition.root / str(value)
    return None


def analysis(task: Task, runs: Sequence[ChosenRun]) -> dict[str, Any]:
    """Run the scoring program's analysis of the runs; scoring_program/analyse.py says of what.

    Raises:
        KitError: the program refuses; its message is passed on.
    """
    with TemporaryDirectory(prefix="kit-report-") as folder:
        root = Path(folder, "input")
        for number, run in enumerate(runs):
            place = root / "runs" / str(number)
            place.mkdir(parents=True)
            for name in (PREDICTIONS_FILE, CANDIDATES_FILE):
                if (run.folder / name).is_file():
                    copy_files(run.folder / name, place)
        lay_out_tables(task, root)
        return ask("analyse.py", root)
