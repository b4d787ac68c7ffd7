"""Download the images of a training table into a folder by class.

    python -m training.data.download_images TABLE.csv --out DIR

The real challenge's butterfly_anomaly_train.csv works as it is. Columns: filename, file_url, md5,
hybrid_stat (hybrid/non-hybrid or 1/0) and subspecies. An image of subspecies 8.0 becomes
DIR/8/FILENAME, a hybrid DIR/hybrid/FILENAME. Images that are there with the right MD5 are not
fetched again, and half of one is resumed: after Ctrl-C or a failure, give the same command.

Exit status: 0 all images are there, 1 some failed (DIR/failures.csv, itself such a table, says
which and why) or the table cannot be used, 130 interrupted.
"""

from __future__ import annotations

import argparse
import csv
import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from kit.download import TIMEOUT_S, TRIES, DownloadFailed, Pause, download
from kit.files import WriteFailed
from training.common.atomic import replaced
from training.common.errors import DataError, FolderError
from training.common.script import parser, run
from training.data.image_table import NEEDED, ListedImage, read_image_table

FAILURES = "failures.csv"
_SECONDS_BETWEEN_LINES = 10.0
_SHOWN = 10
_LEAVING_S = 1.0  # for threads in the middle of a block; all that they write can be resumed


class _Stopped(Exception):
    """Raised in a thread that was told to stop; what has arrived stays in the part file."""


class Downloader:
    """Downloads images for several threads at once, until it is stopped.

    Args:
        tries: for each image.
        timeout_s: seconds without a byte, after which a try is given up.
        sleep: waits that many seconds; by default until then or until the stop.
    """

    def __init__(
        self, tries: int, timeout_s: float, sleep: Callable[[float], object] | None = None
    ) -> None:
        self._stop = threading.Event()
        self._tries, self._timeout_s = tries, timeout_s
        self._sleep = sleep or self._stop.wait
        self._pause = Pause(self._wait)

    def stop(self) -> None:
        """Tell all threads to stop."""
        self._stop.set()

    def fetch(self, image: ListedImage, out: Path) -> Outcome:
        """Put the image below `out`, unless it is there with the right bytes.

        Raises _Stopped, or WriteFailed where the disk does not take the image.
        """
        self._leave_if_stopped()
        target = out / image.path
        fetched = not image.wanted.is_at(target)
        if fetched:
            try:
                download(
                    image.wanted,
                    target,
                    lambda count: self._leave_if_stopped(),
                    self._pause,
                    self._tries,
                    self._timeout_s,
                )
            except DownloadFailed as error:
                return Outcome(image, problem=str(error))
        return Outcome(image, target.stat().st_size, fetched)

    def _wait(self, seconds: float) -> None:
        self._sleep(seconds)
        self._leave_if_stopped()

    def _leave_if_stopped(self) -> None:
        if self._stop.is_set():
            raise _Stopped


@dataclass(frozen=True)
class Outcome:
    """What became of an image: its size, whether it was fetched now, why not if it failed."""

    image: ListedImage
    bytes: int = 0
    fetched: bool = False
    problem: str = ""


@dataclass
class Tally:
    """ListedImages so far; `bytes` are those of the fetched ones."""

    total: int
    present: int = 0
    fetched: int = 0
    failed: int = 0
    bytes: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        if outcome.problem:
            self.failed += 1
        elif outcome.fetched:
            self.fetched += 1
            self.bytes += outcome.bytes
        else:
            self.present += 1

    @property
    def done(self) -> int:
        """ListedImages that need no more work in this run."""
        return self.present + self.fetched + self.failed

    @property
    def short(self) -> str:
        """Return the counts as text that fits next to a bar."""
        return f"{self.done:,}/{self.total:,}, {self.bytes / 1e6:,.0f} MB, {self.failed:,} failed"

    def __str__(self) -> str:
        return (
            f"{self.done:,} of {self.total:,} images: {self.fetched:,} fetched "
            f"({self.bytes / 1e6:,.1f} MB), {self.present:,} were there, {self.failed:,} failed"
        )


def download_all(
    images: Sequence[ListedImage],
    out: Path,
    downloader: Downloader,
    workers: int,
    on_outcome: Callable[[Outcome], None],
) -> None:
    """Fetch every image, `workers` at a time; `on_outcome` hears of each, in this thread.

    What a thread raises (a full disk) is raised here. However this ends, the threads are told
    to stop; they are daemons, so that one that waits for a server does not keep the program.
    """
    waiting: SimpleQueue[ListedImage] = SimpleQueue()
    outcomes: SimpleQueue[Outcome | BaseException] = SimpleQueue()
    for image in images:
        waiting.put(image)
    threads = [
        threading.Thread(
            target=_work,
            args=(waiting, outcomes, out, downloader),
            name=f"download {number}",
            daemon=True,
        )
        for number in range(min(workers, len(images)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in images:
            outcome = outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            on_outcome(outcome)
    finally:
        downloader.stop()
        deadline = time.monotonic() + _LEAVING_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _work(
    waiting: SimpleQueue[ListedImage],
    outcomes: SimpleQueue[Outcome | BaseException],
    out: Path,
    downloader: Downloader,
) -> None:
    try:
        while True:
            outcomes.put(downloader.fetch(waiting.get_nowait(), out))
    except (Empty, _Stopped):
        return
    except BaseException as error:
        outcomes.put(error)


def write_failures(path: Path, failures: Sequence[Outcome]) -> None:
    """Write the rows that failed, with a column `reason`; without any, remove the file."""
    if not failures:
        path.unlink(missing_ok=True)
        return
    with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        # A list of failures is a table too: its own `reason` gives way to the new one.
        columns = [name for name in failures[0].image.row if name != "reason"]
        writer = csv.DictWriter(file, [*columns, "reason"])
        writer.writeheader()
        for failure in sorted(failures, key=lambda f: f.image.path):
            writer.writerow(failure.image.row | {"reason": failure.problem})


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder: two downloads at once would write into the same parts.

    Raises DataError where another one holds it.
    """
    handle = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(f"{out}: another download into this folder is under way") from error
        except OSError:
            pass  # some network file systems have no locks
        yield
    finally:
        os.close(handle)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[Tally], None]]:
    """A bar on a terminal that rich knows to draw, else a line now and then."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        yield _lines()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(Tally(total).short, total=total)
        yield lambda tally: bar.update(task, completed=tally.done, description=tally.short)


def _lines() -> Callable[[Tally], None]:
    last = time.monotonic()

    def show(tally: Tally) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(tally, file=sys.stderr, flush=True)

    return show


def _at_least(least: float, kind: type[int] | type[float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = kind(text)
        if not value >= least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, found {text}")
        return value

    return read


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("training.data.download_images", "Download the images of a training table.")
    made.add_argument("table", type=Path, help="CSV: " + ", ".join(NEEDED))
    made.add_argument("--out", type=Path, required=True, help="folder; classes become folders")
    made.add_argument("--workers", type=_at_least(1, int), default=4, help="default %(default)s")
    made.add_argument("--tries", type=_at_least(1, int), default=TRIES, help="default %(default)s")
    made.add_argument(
        "--timeout",
        type=_at_least(0.001, float),
        default=TIMEOUT_S,
        help="seconds without a byte after which a try is given up; default %(default)s",
    )
    return made.parse_args(arguments)


def main(arguments: list[str] | None = None, sleep: Callable[[float], object] | None = None) -> int:
    """Run the script; `sleep` waits between tries, for tests."""
    options = _parse(arguments)
    downloader = Downloader(options.tries, options.timeout, sleep)
    return run(options, lambda: _download_table(options, downloader))


def _download_table(options: argparse.Namespace, downloader: Downloader) -> int:
    """Return the exit status. Raises DataError, or FolderError where the disk takes no more."""
    images = read_image_table(options.table)
    tally, failures = Tally(len(images)), list[Outcome]()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with _alone(options.out), _progress(len(images)) as show:

            def count(outcome: Outcome) -> None:
                tally.add(outcome)
                show(tally)
                if outcome.problem:
                    failures.append(outcome)

            download_all(images, options.out, downloader, options.workers, count)
        write_failures(options.out / FAILURES, failures)
    except WriteFailed as error:
        raise FolderError(f"{error.message}; what arrived is kept") from error
    except OSError as error:
        where = error.filename or options.out
        raise FolderError(f"{where}: {error.strerror}; what arrived is kept") from error
    print(f"{options.out}: {tally}")
    _name_failures(failures, options.out / FAILURES)
    return 1 if failures else 0


def _name_failures(failures: Sequence[Outcome], path: Path) -> None:
    for failure in failures[:_SHOWN]:
        print(f"  {failure.image.row['filename']}: {failure.problem}", file=sys.stderr)
    if failures:
        print(f"All {len(failures)} that failed are in {path}, which is a table for this script")


if __name__ == "__main__":
    raise SystemExit(main())
