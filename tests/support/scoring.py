"""The two folders of the scoring step, in which tests run the real program."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import scoring

PROGRAM = Path(__file__).parents[2] / "scoring_program" / "scoring.py"
HYBRID = ("filename", "hybrid_stat", "ssp_indicator")
Rows = Sequence[tuple[str, ...]]
# Of the hybrid track: four images of each group, all answered right.
TRUTH: Rows = [
    (f"{group} {stat}{n}.jpg", str(stat), group)
    for group in ("major", "minor", "mimic")
    for stat in (0, 1)
    for n in (0, 1)
]
ANSWERS: Rows = [(name, f"0.{1 + 7 * int(stat)}000") for name, stat, _ in TRUTH]


@dataclass(frozen=True)
class Run:
    """One run of the program and what it left."""

    status: int
    stdout: str
    stderr: str
    output: Path

    @property
    def scores(self) -> dict[str, float]:
        scores: dict[str, float] = json.loads(
            (self.output / "scores.json").read_text(encoding="utf-8")
        )
        return scores

    @property
    def report(self) -> str:
        return (self.output / "detailed_results.html").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Folders:
    """The input folder and the output folder of one scoring step."""

    root: Path

    @property
    def predictions(self) -> Path:
        return self.root / "input" / "res" / "predictions.txt"

    @property
    def reference(self) -> Path:
        return self.root / "input" / "ref" / "ref.csv"

    @property
    def output(self) -> Path:
        return self.root / "output"

    def run(self) -> Run:
        """Run the program's main function here, because most tests have no time for a process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = scoring.main([str(self.root / "input"), str(self.output)])
        return Run(status, out.getvalue(), err.getvalue(), self.output)

    def run_as_program(self, before: Callable[[], None] | None = None, **environment: str) -> Run:
        """Run it as the platform does, in a process of its own; a traceback is never an answer."""
        command = [sys.executable, str(PROGRAM), str(self.root / "input"), str(self.output)]
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            check=False,
            preexec_fn=before,
            env={**os.environ, **environment},
        )
        assert "Traceback" not in done.stderr
        return Run(done.returncode, done.stdout, done.stderr, self.output)

    def refused(self, *words: str) -> str:
        """Run the program: it has to fail, name each of the words, and leave nothing."""
        run = self.run()
        assert run.status == 1, run.stderr
        for word in words:
            assert word in run.stderr
        assert run.stdout == ""
        assert leftovers(self.output) == []
        return run.stderr

    def predict(self, rows: Rows) -> None:
        write_rows(self.predictions, rows)

    def refer(self, rows: Rows, header: tuple[str, ...] = HYBRID) -> None:
        write_rows(self.reference, [header, *rows])


def write_rows(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_folders(root: Path) -> Folders:
    """The folders as the platform makes them, without tables."""
    made = Folders(root)
    for folder in (made.predictions.parent, made.reference.parent, made.output):
        folder.mkdir(parents=True)
    return made


def make_answered_folders(root: Path) -> Folders:
    """The folders with `TRUTH` and `ANSWERS`."""
    made = make_folders(root)
    made.refer(TRUTH)
    made.predict(ANSWERS)
    return made


def text_of(report: str) -> str:
    """Return the words of a report, without its tags."""
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", report))
