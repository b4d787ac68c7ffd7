"""What a second process is worth in training: seconds of a step, by one process and by two.

    python -m benchmarks.launched_training [--repeats 3] [--write]

Each trainer runs on the sample data as a user starts it, once for a few steps and once for more.
The difference is the time of steps alone, with drawing and varying the images. One process has one
thread, then two; two processes have one thread each. `--write` puts the table into
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import machine
from kit.markdown import table, write_block
from training.common.submission_files import ROOT

README = Path(__file__).parent / "README.md"
TITLES = ("trainer", "1 process, 1 thread", "1 process, 2 threads", "2 processes", "gain")
TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
LAUNCHES: Sequence[tuple[Sequence[str], int]] = (((), 1), ((), 2), (TWO, 1))
CAMERA_TRAPS = str(ROOT / "sample_data" / "anomaly" / "train")


@dataclass(frozen=True)
class Trainer:
    """A script and its arguments; the option that decides how long it trains, and two values.

    steps: how many more steps the greater value takes. work: whether it keeps features in --work.
    """

    module: str
    arguments: Sequence[str]
    option: str
    values: tuple[int, int]
    steps: int
    work: bool = False

    def command(self, launch: Sequence[str], out: Path, value: int) -> list[str]:
        """Return the command that trains into the folder `out`."""
        work = ["--work", str(out / "work")] if self.work else []
        return [
            *(sys.executable, *launch, "-m", self.module, *self.arguments, *work),
            *("--out", str(out), self.option, str(value)),
        ]


TRAINERS = (
    Trainer(
        "training.reid.triplet_centroids", ("--preset", "imagenet", "--epochs", "1"), "--steps",
        (2, 22), steps=20,
    ),
    Trainer("training.reid.megadescriptor_cosine", ("--epochs", "1"), "--steps", (2, 42), steps=40),
    Trainer("training.hybrid.dinov2_ensemble", (), "--steps", (20, 220), steps=200, work=True),
    # 320 frames in batches of 8.
    Trainer(
        "training.anomaly.train_detector", ("--data", CAMERA_TRAPS), "--epochs", (1, 2), steps=40,
    ),
)  # fmt: skip


def seconds(command: Sequence[str], threads: int) -> float:
    """Return how long a command takes. Raises CalledProcessError where it fails."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    started = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    return time.perf_counter() - started


def step(trainer: Trainer, launch: Sequence[str], threads: int) -> float:
    """Return the seconds of a step: those of a longer training less those of a shorter one."""
    found = []
    for value in trainer.values:
        with tempfile.TemporaryDirectory() as folder:
            found.append(seconds(trainer.command(launch, Path(folder) / "out", value), threads))
    return (found[1] - found[0]) / trainer.steps


def row(trainer: Trainer, repeats: int) -> list[str]:
    """Measure every launch in turn, `repeats` times; gain: of two processes over one thread."""
    rounds = [[step(trainer, *launch) for launch in LAUNCHES] for _ in range(repeats)]
    medians = [median(times) for times in zip(*rounds, strict=True)]
    gains = [times[0] / times[2] for times in rounds]
    name = trainer.module.rpartition(".")[2]
    cells = [f"{1000 * each:.0f} ms" for each in medians]
    return [f"`{name}`", *cells, f"{median(gains):.2f}"]


def main() -> None:
    """Measure and print the table; where that is asked for, write it."""
    parser = argparse.ArgumentParser(description="Time steps of training by processes.")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--write", action="store_true", help=f"write the table into {README.name}")
    options = parser.parse_args()
    rows = []
    for trainer in TRAINERS:
        rows.append(row(trainer, options.repeats))
        print(" | ".join(rows[-1]), flush=True)
    told = (
        f"A step of each, rounds: {options.repeats}. {machine()}. Written by "
        f"`python -m benchmarks.launched_training --repeats {options.repeats} --write`."
    )
    if options.write:
        lines = [*table(TITLES, rows, (1, 2, 3, 4)), "", told]
        write_block(README, "launched training", "\n".join(lines))


if __name__ == "__main__":
    main()
