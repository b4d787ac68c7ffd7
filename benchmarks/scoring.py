"""How long scoring takes, and how much memory: the program compared with the loop.

    python -m benchmarks.scoring            # a table: 2,350, 23,500 and 1,000,000 rows
    python -m benchmarks.scoring --full     # the loop for 23,500 rows too, which takes minutes
    python -m benchmarks.scoring --write    # also put the table into benchmarks/README.md
    python -m benchmarks.scoring --json     # JSON instead of a table; --out FILE keeps it

Both run in a process of their own, which starts Python, reads the two CSV files and writes the
scores; ours also draws the report. The loop does what the official program of the Imageomics HDR
anomaly challenge does: for each distinct prediction, from the smallest, it converts all
predictions in a Python loop and asks scikit-learn for the non-hybrids' recall, until that reaches
0.95. It reads with the csv module, where the official program loads pandas.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.machine import machine
from kit.markdown import read_block, table, write_block

ROOT = Path(__file__).parents[1]
README = ROOT / "benchmarks" / "README.md"

SIZES = (2_350, 23_500, 1_000_000)
OUR_RUNS = {2_350: 7, 23_500: 7, 1_000_000: 3}
LOOP_RUNS = {2_350: 3, 23_500: 1}
LOOP_UNTIL = 2_350  # rows; --full goes on to 23,500


@dataclass(frozen=True)
class Row:
    """One size: medians over the runs, in seconds and MiB; None where the loop was not run."""

    rows: int
    seconds: float
    peak_mib: float
    runs: int
    loop_seconds: float | None
    loop_runs: int
    ratio: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the scoring program.")
    parser.add_argument("--full", action="store_true", help="run the loop for 23,500 rows too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the rows as JSON in FILE")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--loop", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        score_by_loop(options.loop)
        return

    if options.write:
        read_block(README, "scoring")  # a missing marker shows before minutes of measuring
    measured = [measure(size, options.full) for size in SIZES]
    as_json = json.dumps([asdict(row) for row in measured], indent=2)
    print(as_json if options.json else scoring_table(measured))
    if options.out:
        options.out.write_text(as_json + "\n", encoding="utf-8")
    if options.write:
        command = "python -m benchmarks.scoring --write" + (" --full" if options.full else "")
        text = f"{scoring_table(measured)}\n\n{conditions()}, written by `{command}`."
        write_block(README, "scoring", text)


def measure(size: int, full: bool) -> Row:
    """Time our program on a generated task of `size` rows, and the loop if it is not too slow."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_task(folder, size)
        ours = [sys.executable, str(ROOT / "scoring_program" / "scoring.py")]
        runs = [run([*ours, str(folder), str(folder / "out")]) for _ in range(OUR_RUNS[size])]
        loop_runs = 0
        if size <= LOOP_UNTIL or (full and size in LOOP_RUNS):
            loop_runs = LOOP_RUNS[size]
        loop = [sys.executable, __file__, "--loop", str(folder)]
        loops = [run(loop)[0] for _ in range(loop_runs)]
        if loops:
            check_equal(folder)
    seconds = statistics.median(wall for wall, _ in runs)
    loop_seconds = statistics.median(loops) if loops else None
    return Row(
        rows=size,
        seconds=round(seconds, 3),
        peak_mib=round(statistics.median(peak for _, peak in runs), 1),
        runs=len(runs),
        loop_seconds=round(loop_seconds, 2) if loop_seconds else None,
        loop_runs=loop_runs,
        ratio=round(loop_seconds / seconds, 1) if loop_seconds else None,
    )


def run(command: list[str]) -> tuple[float, float]:
    """Run a command to its end: wall-clock seconds and peak memory in MiB.

    Linux counts a child's peak from the fork on, so it is never below this process's own size: this
    script imports no numpy before its children have run.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    return wall, usage.ru_maxrss * unit / 2**20


def write_task(folder: Path, size: int) -> None:
    """A task whose hybrids score higher than the others on average, with 4 decimals as usual."""
    chance = random.Random(size)
    (folder / "ref").mkdir()
    (folder / "res").mkdir()
    (folder / "out").mkdir()
    with (
        (folder / "ref" / "ref.csv").open("w", encoding="utf-8", newline="") as reference,
        (folder / "res" / "predictions.txt").open("w", encoding="utf-8") as predictions,
    ):
        reference.write("filename,hybrid_stat,ssp_indicator\n")
        for number in range(size):
            group = chance.choices(("major", "minor", "mimic"), (6, 2, 2))[0]
            stat = int(chance.random() < 0.25)
            score = 1 / (1 + math.exp(1.5 - 2 * stat - chance.gauss(0, 1)))
            reference.write(f"img_{number:07d}.jpg,{stat},{group}\n")
            predictions.write(f"img_{number:07d}.jpg,{score:.4f}\n")


def score_by_loop(folder: Path) -> None:
    """The scores by trying every threshold, as the official program does."""
    from sklearn.metrics import average_precision_score, recall_score

    with (folder / "res" / "predictions.txt").open(encoding="utf-8", newline="") as file:
        predicted = {name: float(score) for name, score in csv.reader(file)}
    with (folder / "ref" / "ref.csv").open(encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))

    recall: dict[str, float] = {}
    precision: dict[str, float] = {}
    for groups in (("major", "minor"), ("mimic",)):
        rows = [row for row in truth if row["ssp_indicator"] in groups]
        stat = [int(row["hybrid_stat"]) for row in rows]
        scores = [predicted[row["filename"]] for row in rows]
        for threshold in sorted(set(scores)):
            converted = [1 if score > threshold else 0 for score in scores]
            if recall_score(stat, converted, pos_label=0) >= 0.95:
                break
        precision["+".join(groups)] = float(average_precision_score(stat, scores))
        for group in groups:
            kept = [k for k, row in enumerate(rows) if row["ssp_indicator"] == group]
            group_stat = [stat[k] for k in kept]
            recall[group] = float(recall_score(group_stat, [converted[k] for k in kept]))
            precision[group] = float(average_precision_score(group_stat, [scores[k] for k in kept]))
    result = {
        "challenge_score": statistics.harmonic_mean(recall.values()),
        "A_score_major_recall": recall["major"],
        "A_score_minor_recall": recall["minor"],
        "A_PRC_AUC": precision["major+minor"],
        "A_PRC_AUC_major": precision["major"],
        "A_PRC_AUC_minor": precision["minor"],
        "mimic_recall": recall["mimic"],
        "mimic_PRC_AUC": precision["mimic"],
    }
    (folder / "out" / "loop.json").write_text(json.dumps(result), encoding="utf-8")


def check_equal(folder: Path) -> None:
    """A fast wrong answer is no answer: both have to give the same eight scores."""
    ours, loop = (
        json.loads((folder / "out" / name).read_text(encoding="utf-8"))
        for name in ("scores.json", "loop.json")
    )
    if ours.keys() != loop.keys() or any(abs(ours[key] - loop[key]) > 1e-12 for key in ours):
        raise SystemExit(f"the scores differ:\n{ours}\n{loop}")


def scoring_table(measured: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    rows = []
    for row in measured:
        loop, ratio = "not run", ""
        if row.loop_seconds is not None:
            loop = f"{row.loop_seconds:.1f} s ({count(row.loop_runs)})"
            ratio = f"{row.ratio:.0f}x"
        ours = f"{row.seconds:.2f} s ({count(row.runs)})"
        rows.append([f"{row.rows:,}", ours, f"{row.peak_mib:.0f} MiB", loop, ratio])
    titles = ["rows", "`scoring_program`", "peak memory", "loop over thresholds", "ratio"]
    return "\n".join(table(titles, rows, numbers=range(len(titles))))


def count(runs: int) -> str:
    return "1 run" if runs == 1 else f"median of {runs}"


def conditions() -> str:
    """Return what was measured, and on which machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Whole processes, from the start of Python on. {machine(f'{cores} cores')}"


if __name__ == "__main__":
    main()
