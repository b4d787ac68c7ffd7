"""How long the nearest gallery rows take, and how much memory: blocks beside the plain ways.

    python benchmarks/similarity.py            # 2,135 queries, 13,074 gallery rows, 1,536 features
    python benchmarks/similarity.py --write    # also put the table into benchmarks/README.md
    python benchmarks/similarity.py --json     # JSON instead of a table; --repeats 3

The sizes are those of AnimalCLEF 2025 with a MegaDescriptor. Each run is a process of its own,
which draws the same features, finds the ten best rows of each query, and tells its seconds without
the drawing; peak memory is that of the whole process, features and imports included. The plain
ways: scikit-learn's cosine_similarity in float64 with a full sort of each row, and a loop over the
queries, one product and one full sort each. All three have to give the same scores.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Found = tuple[NDArray[np.intp], NDArray[np.floating]]

ROOT = Path(__file__).parents[1]
README = ROOT / "benchmarks" / "README.md"
BEGIN, END = "<!-- similarity:begin -->", "<!-- similarity:end -->"

QUERIES, GALLERY, FEATURES, KEPT = 2_135, 13_074, 1_536, 10
METHODS = {
    "blocks": "`training/similarity.py`: blocks in float32, ten best kept",
    "sklearn": "cosine_similarity in float64, full sort",
    "loop": "loop over the queries in float32, full sort",
}
LOADED = 0.5  # a load average from which the machine counts as busy


@dataclass(frozen=True)
class Row:
    """One method: medians over the runs, in seconds and MiB."""

    method: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    runs: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the search for the nearest gallery rows.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--run", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_here(options.run, options.out)
        return
    load = os.getloadavg()[0]
    measured = measure(options.repeats)
    as_json = json.dumps([asdict(row) for row in measured], indent=2)
    print(as_json if options.json else table(measured))
    if options.write:
        command = f"python benchmarks/similarity.py --write --repeats {options.repeats}"
        write_block(f"{table(measured)}\n\n{machine(load)}, written by `{command}`.")


def measure(repeats: int) -> list[Row]:
    """Run the methods in turn, so that other work on the machine meets all of them."""
    found: dict[str, list[tuple[float, float, float]]] = {method: [] for method in METHODS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeats):
            for method in METHODS:
                found[method].append(run(method, Path(folder, f"{method}.npz")))
        check_equal(Path(folder))
    rows = []
    for method, runs in found.items():
        seconds, cpu, peak = (statistics.median(column) for column in zip(*runs, strict=True))
        rows.append(Row(method, round(seconds, 2), round(cpu, 2), round(peak, 1), repeats))
    return rows


def run(method: str, out: Path) -> tuple[float, float, float]:
    """Seconds and processor seconds of the search, peak memory in MiB of the process.

    Linux counts a child's peak from the fork on, so it is never below this process's own size: this
    script imports no numpy before its children have run.
    """
    command = [sys.executable, __file__, "--run", method, "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    seconds, cpu_seconds = json.loads(told)
    return seconds, cpu_seconds, usage.ru_maxrss * unit / 2**20


def run_here(method: str, out: Path) -> None:
    """The child: draw the features, search, keep what was found, print the two times."""
    import numpy as np

    drawn = np.random.default_rng(2025)
    gallery = drawn.standard_normal((GALLERY, FEATURES), dtype=np.float32)
    queries = drawn.standard_normal((QUERIES, FEATURES), dtype=np.float32)
    search = {"blocks": by_blocks, "sklearn": by_sklearn, "loop": by_loop}[method]
    search(queries[:2], gallery[:20])  # imports, and BLAS starts its threads
    start, cpu_start = time.perf_counter(), time.process_time()
    index, score = search(queries, gallery)
    times = (time.perf_counter() - start, time.process_time() - cpu_start)
    np.savez(out, index=index, score=score)
    print(json.dumps(times))


def by_blocks(queries: Floats, gallery: Floats) -> Found:
    sys.path.insert(0, str(ROOT / "training"))
    from similarity import nearest

    found = nearest(queries, gallery, KEPT)
    return found.index, found.score


def by_sklearn(queries: Floats, gallery: Floats) -> Found:
    import numpy as np
    from sklearn.metrics.pairwise import cosine_similarity

    scores = cosine_similarity(queries.astype(np.float64), gallery.astype(np.float64))
    order = np.argsort(-scores, axis=1)[:, :KEPT]
    return order, np.take_along_axis(scores, order, axis=1)


def by_loop(queries: Floats, gallery: Floats) -> Found:
    import numpy as np

    unit = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    index, best = [], []
    for query in queries:
        scores = unit @ (query / np.linalg.norm(query))
        order = np.argsort(-scores)[:KEPT]
        index.append(order)
        best.append(scores[order])
    return np.array(index), np.array(best)


def check_equal(folder: Path) -> None:
    """A fast wrong answer is no answer: the ten scores have to be equal, and nearly all rows (two
    scores that differ in the seventh digit may change places)."""
    import numpy as np

    ours, *others = (np.load(folder / f"{method}.npz") for method in METHODS)
    for other in others:
        apart = float(np.max(np.abs(ours["score"] - other["score"])))
        same = float(np.mean(ours["index"] == other["index"]))
        if apart > 1e-5 or same < 0.999:
            raise SystemExit(f"the results differ: scores by {apart}, {same:.2%} of the rows equal")


def table(measured: list[Row]) -> str:
    """The rows as a Markdown table."""
    ours = measured[0].seconds
    lines = [
        f"| {QUERIES:,} queries x {GALLERY:,} rows x {FEATURES:,} features | seconds | processor "
        "seconds | peak memory | times ours |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {METHODS[row.method]} | {row.seconds:.2f} | {row.cpu_seconds:.2f} "
        f"| {row.peak_mib:,.0f} MiB | {row.seconds / ours:.1f} |"
        for row in measured
    ]
    return "\n".join(lines)


def machine(load: float) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", with a load of {load:.1f} from other work when it began" if load > LOADED else ""
    runs = "Medians of runs in turn, each a process of its own"
    return (
        f"{runs}. {platform.system()} {platform.machine()}, {cores} cores{busy}, "
        f"Python {platform.python_version()}"
    )


def write_block(text: str) -> None:
    """Replace what stands between the markers in benchmarks/README.md."""
    whole = README.read_text(encoding="utf-8")
    if BEGIN not in whole or END not in whole:
        raise SystemExit(f"{README} lacks the lines {BEGIN} and {END}: add them for the table")
    before, after = whole.partition(BEGIN)[0], whole.partition(END)[2]
    temporary = README.with_suffix(".tmp")
    temporary.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    temporary.replace(README)


if __name__ == "__main__":
    main()
