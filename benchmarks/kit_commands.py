"""What `kit list` and `kit check --quick` cost for a submission with 2 GB of weights.

    python -m benchmarks.kit_commands            # a table
    python -m benchmarks.kit_commands --write    # also put it into benchmarks/README.md

The baseline is hashing the same weights once: a check cannot do without, a list can. Each command
is a process of its own; commands and baseline are run in turn, and medians are given. The weights
are sparse files, so that the disk plays no part.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine
from kit.markdown import table, write_block
from kit.zips import sha256_of

README = Path(__file__).with_name("README.md")
FILES, FILE_BYTES = 2, 10**9
MODEL = """
class Model:
    def load(self):
        pass

    def predict(self, image):
        return 0.5
"""
HASHING = "hashing the weights once"
COMMANDS = {
    "`kit list`": ("list",),
    "`kit check large --quick`": ("check", "large", "--quick"),
}
Cost = tuple[float, float]


def main() -> None:
    """Measure, print the table and write it if asked to."""
    parser = argparse.ArgumentParser(description="Time kit commands on large weights.")
    parser.add_argument("--write", action="store_true", help="replace the block of the README")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="kit-benchmark-") as folder:
        checkout = make_checkout(Path(folder))
        weights = sorted((checkout / "submissions/large/weights").iterdir())
        calls: dict[str, Callable[[], object]] = {HASHING: lambda: [sha256_of(p) for p in weights]}
        for name, arguments in COMMANDS.items():
            calls[name] = kit_call(checkout, arguments)
        text = report(measure(calls, options.repeats), options.repeats)
    print(text)
    if options.write:
        write_block(README, "kit commands", text)


def make_checkout(root: Path) -> Path:
    """Make a checkout with one submission, whose weights are sparse files of zeros."""
    for folder in ("ingestion_program", "scoring_program", "submissions/large/weights"):
        (root / folder).mkdir(parents=True)
    submission = root / "submissions/large"
    (submission / "model.py").write_text(MODEL, encoding="utf-8")
    (submission / "metadata").write_text("description: large\ntrack: hybrid\n", encoding="utf-8")
    entries = []
    for number in range(FILES):
        path = submission / f"weights/part_{number}.dat"
        with path.open("wb") as stream:
            stream.truncate(FILE_BYTES)
        entries.append(
            {
                "path": f"weights/{path.name}",
                "sha256": sha256_of(path),
                "bytes": FILE_BYTES,
                "licence": "CC0-1.0",
                "source": "python -m benchmarks.kit_commands",
            }
        )
    manifest = json.dumps({"format": 1, "files": entries})
    (submission / "weights.json").write_text(manifest, encoding="utf-8")
    return root


def kit_call(checkout: Path, arguments: Sequence[str]) -> Callable[[], object]:
    """Return a function that runs the kit in the checkout and stops if it fails."""
    command = [sys.executable, "-m", "kit", *arguments]
    return lambda: subprocess.run(command, cwd=checkout, capture_output=True, check=True)


def measure(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, Cost]:
    """Run everything in turn; return the median (seconds, processor seconds) of each."""
    costs: dict[str, list[Cost]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            began, used = time.perf_counter(), processor_seconds()
            call()
            costs[name].append((time.perf_counter() - began, processor_seconds() - used))
    return {
        name: (statistics.median(c[0] for c in all_), statistics.median(c[1] for c in all_))
        for name, all_ in costs.items()
    }


def processor_seconds() -> float:
    """Return the processor time of this process and of the children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def report(costs: dict[str, Cost], repeats: int) -> str:
    """Return the table, and the conditions under which it was measured."""
    baseline = costs[HASHING][1]
    rows = [
        [name, f"{seconds:.2f}", f"{used:.2f}", f"{used / baseline:.2f}"]
        for name, (seconds, used) in costs.items()
    ]
    titles = [
        f"{FILES * FILE_BYTES / 1e9:g} GB of weights in {FILES} files",
        "seconds", "processor seconds", "times hashing",
    ]  # fmt: skip
    lines = table(titles, rows, numbers=(1, 2, 3))
    load = os.getloadavg()[0]
    lines += [
        "",
        f"Medians of {repeats} runs in turn. {machine()}, with a load of {load:.1f} when it "
        "ended, written by `python -m benchmarks.kit_commands --write`. The last "
        "column compares processor seconds.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
