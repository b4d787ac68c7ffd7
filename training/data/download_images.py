"""Download the pictures of a training table into a folder by class.

    python -m training.data.download_images TABLE.csv --out DIR

The real challenge's butterfly_anomaly_train.csv works as it is. Columns: filename, file_url, md5,
hybrid_stat (hybrid/non-hybrid or 1/0) and subspecies. A picture of subspecies 8.0 becomes
DIR/8/FILENAME, a hybrid DIR/hybrid/FILENAME. Pictures that are there with the right MD5 are not
fetched again, half of one is gone on with: after Ctrl-C or a failure, give the same command.

Exit status: 0 all pictures are there, 1 some failed (DIR/failures.csv, itself such a table, says
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

from training.common.errors import DataError
from training.data.download_file import Downloader, Failed, Patience, Stopped, has_md5
from training.data.image_table import NEEDED, Picture, read_picture_table

FAILURES = "failures.csv"
_SECONDS_BETWEEN_LINES = 10.0
_SHOWN = 10
_LEAVING_S = 1.0  # for threads in the middle of a block; all that they write can be resumed


@dataclass(frozen=True)
class Outcome:
    """What became of a picture: its size, whether it was fetched now, why not if it failed."""

    picture: Picture
    bytes: int = 0
    fetched: bool = False
    problem: str = ""


@dataclass
class Tally:
    """Pictures so far; `bytes` are those of the fetched ones."""

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
        """Pictures that need no more work in this run."""
        return self.present + self.fetched + self.failed

    @property
    def short(self) -> str:
        """What fits beside a bar."""
        return f"{self.done:,}/{self.total:,}, {self.bytes / 1e6:,.0f} MB, {self.failed:,} failed"

    def __str__(self) -> str:
        return (
            f"{self.done:,} of {self.total:,} pictures: {self.fetched:,} fetched "
            f"({self.bytes / 1e6:,.1f} MB), {self.present:,} were there, {self.failed:,} failed"
        )


def download_all(
    pictures: Sequence[Picture],
    out: Path,
    downloader: Downloader,
    stop: threading.Event,
    workers: int,
    on_outcome: Callable[[Outcome], None],
) -> None:
    """Fetch every picture, `workers` at a time; `on_outcome` hears of each, in this thread.

    What a thread raises (a full disk) is raised here. However this ends, the threads are told
    to stop; they are daemons, so that one that waits for a server does not keep the program.
    """
    waiting: SimpleQueue[Picture] = SimpleQueue()
    outcomes: SimpleQueue[Outcome | BaseException] = SimpleQueue()
    for picture in pictures:
        waiting.put(picture)
    threads = [
        threading.Thread(
            target=_work,
            args=(waiting, outcomes, out, downloader),
            name=f"download {number}",
            daemon=True,
        )
        for number in range(min(workers, len(pictures)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in pictures:
            outcome = outcomes.get()
            if isinstance(outcome, BaseException):
                raise outcome
            on_outcome(outcome)
    finally:
        stop.set()
        deadline = time.monotonic() + _LEAVING_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _work(
    waiting: SimpleQueue[Picture],
    outcomes: SimpleQueue[Outcome | BaseException],
    out: Path,
    downloader: Downloader,
) -> None:
    try:
        while True:
            outcomes.put(_outcome(waiting.get_nowait(), out, downloader))
    except (Empty, Stopped):
        return
    except BaseException as error:
        outcomes.put(error)


def _outcome(picture: Picture, out: Path, downloader: Downloader) -> Outcome:
    target = out / picture.path
    fetched = not has_md5(target, picture.md5)
    if fetched:
        try:
            downloader.fetch(picture.url, target, picture.md5)
        except Failed as error:
            return Outcome(picture, problem=str(error))
    return Outcome(picture, target.stat().st_size, fetched)


def write_failures(path: Path, failures: Sequence[Outcome]) -> None:
    """Write the rows that failed, with a column `reason`; without any, remove the file."""
    if not failures:
        path.unlink(missing_ok=True)
        return
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        # A list of failures is a table too: its own `reason` gives way to the new one.
        columns = [name for name in failures[0].picture.row if name != "reason"]
        writer = csv.DictWriter(file, [*columns, "reason"])
        writer.writeheader()
        for failure in sorted(failures, key=lambda f: f.picture.path):
            writer.writerow(failure.picture.row | {"reason": failure.problem})
    part.replace(path)


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
    parser = argparse.ArgumentParser(description="Download the pictures of a training table.")
    parser.add_argument("table", type=Path, help="CSV: " + ", ".join(NEEDED))
    parser.add_argument("--out", type=Path, required=True, help="folder; classes become folders")
    parser.add_argument("--workers", type=_at_least(1, int), default=4, help="default %(default)s")
    parser.add_argument(
        "--tries", type=_at_least(1, int), default=Patience.tries, help="default %(default)s"
    )
    parser.add_argument(
        "--timeout",
        type=_at_least(0.001, float),
        default=Patience.timeout_s,
        help="seconds without a byte after which a try is given up; default %(default)s",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, sleep: Callable[[float], object] | None = None) -> int:
    options = _parse(arguments)
    stop = threading.Event()
    downloader = Downloader(Patience(options.tries, options.timeout), stop, sleep)
    failures: list[Outcome] = []
    try:
        pictures = read_picture_table(options.table)
        tally = Tally(len(pictures))
        options.out.mkdir(parents=True, exist_ok=True)
        with _alone(options.out), _progress(len(pictures)) as show:

            def count(outcome: Outcome) -> None:
                tally.add(outcome)
                show(tally)
                if outcome.problem:
                    failures.append(outcome)

            download_all(pictures, options.out, downloader, stop, options.workers, count)
        write_failures(options.out / FAILURES, failures)
    except DataError as error:
        print(f"download_images: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = error.filename or options.out
        print(f"download_images: {where}: {error.strerror}; what arrived is kept", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("download_images: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{options.out}: {tally}")
    _name_failures(failures, options.out / FAILURES)
    return 1 if failures else 0


def _name_failures(failures: Sequence[Outcome], path: Path) -> None:
    for failure in failures[:_SHOWN]:
        print(f"  {failure.picture.row['filename']}: {failure.problem}", file=sys.stderr)
    if failures:
        print(f"All {len(failures)} that failed are in {path}, which is a table for this script")


if __name__ == "__main__":
    raise SystemExit(main())
