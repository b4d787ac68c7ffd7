"""Where the data behind a run is: the task's reference table and images."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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

MOST_BYTES = 100_000_000  # of an image


@dataclass(frozen=True)
class Images:
    """A folder with images, or an open zip; neither where they are not at hand."""

    folder: Path | None = None
    archive: zipfile.ZipFile | None = None

    @property
    def at_hand(self) -> bool:
        """Whether any are there."""
        return self.folder is not None or self.archive is not None

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file; None where it is not there, or not to be read."""
        if Path(name).is_absolute() or ".." in Path(name).parts:
            return None
        try:
            if self.folder is not None:
                with open_regular(self.folder / name) as stream:
                    content = stream.read(MOST_BYTES + 1)
            elif self.archive is not None:
                with self.archive.open(name) as member:
                    content = member.read(MOST_BYTES + 1)
            else:
                return None
        except (*ZIP_ERRORS, OSError, KeyError, ValueError):
            return None
        return content if len(content) <= MOST_BYTES else None


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
        with ExitStack() as stack:
            images = _images(task.input_data, stack)
            yield Source(bundle, task, images, _images(_public_data(bundle, task), stack))


def _images(place: Path | None, stack: ExitStack) -> Images:
    """Open a folder or zip; the stack closes it. A file that is no zip holds no images."""
    if place is None or place.is_dir():
        return Images(folder=place)
    try:
        return Images(archive=stack.enter_context(zipfile.ZipFile(place)))
    except (*ZIP_ERRORS, OSError):
        return Images()


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
