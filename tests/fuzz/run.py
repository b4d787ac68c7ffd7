"""Fuzz every parser of outside data with atheris (coverage-guided).

    python -m tests.fuzz.run [--cases 100000] [TARGET ...]

Each target runs in a process of its own, with 10 s for a case and 1 GB of memory. What fails is
kept in tests/fuzz/corpus/TARGET/, where tests/fuzz/test_corpus.py runs it; the exit status is
1 then.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.fuzz.limits import MEGABYTES_FOR_A_CASE, SECONDS_FOR_A_CASE

HERE = Path(__file__).resolve().parent
# Targets whose cases are large documents: so many cases of another are one of theirs.
SLOWER = {"yaml_structure": 20}


def fuzz(name: str, cases: int) -> None:
    """Run one target in this process; atheris never returns."""
    import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with atheris.instrument_imports(include=["kit", "wildlife_scoring", "wildlife_ingestion"]):
        from tests.fuzz import targets
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=base))
    warnings.simplefilter("ignore")  # Pillow warns of what it then refuses

    def one_case(data: bytes) -> None:
        targets.check_in(name, data, folder)

    found = HERE / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0],
        tempfile.mkdtemp(prefix="fuzz-corpus-"),  # the first folder is where new inputs go
        str(HERE / "seeds" / name),
        f"-runs={cases}",
        f"-timeout={SECONDS_FOR_A_CASE}",
        f"-rss_limit_mb={MEGABYTES_FOR_A_CASE}",
        f"-artifact_prefix={found}/",
        "-max_len=4096",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup(arguments, one_case)
    atheris.Fuzz()


def main() -> int:
    """Run the targets one after another; 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--cases", type=int, default=100_000, help="for each target")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        fuzz(arguments.targets[0], arguments.cases)
    known = sorted(path.name for path in (HERE / "seeds").iterdir())
    if unknown := sorted(set(arguments.targets) - set(known)):
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(known)}")
    cases = {name: arguments.cases // SLOWER.get(name, 1) for name in arguments.targets or known}
    failed = [name for name, number in cases.items() if not run(name, number)]
    print(f"{'FAILED: ' + ', '.join(failed) if failed else 'no fault found'}")
    return 1 if failed else 0


def run(name: str, cases: int) -> bool:
    """Run one target in a child process and say how it went."""
    started = time.monotonic()
    command = [sys.executable, __file__, "--here", name, "--cases", str(cases)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    good = ended.returncode == 0
    print(f"{name}: {cases:,} cases in {seconds:.0f} s: {'good' if good else 'FAULT'}", flush=True)
    if not good:
        print(ended.stdout[-2000:] + ended.stderr[-4000:], flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
