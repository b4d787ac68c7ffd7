"""Write every generated block that follows from files of this repository, nothing being run.

    python docs/write_blocks.py            # make docs
    python docs/write_blocks.py --check    # make docs-check: write nothing, exit 1 if one is stale

A block stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. Blocks with measurements
(benchmarks/README.md, the submissions' READMEs, training/LOG.md) have commands of their own, which
stand next to them: these measure again, and that takes minutes or photographs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from benchmarks.stored_scores import readme_tables
from benchmarks.submissions_table import submissions_table
from kit.files import replacing
from kit.findings.guide import codes_table
from kit.isolation.promises import markdown_table
from kit.markdown import filled
from wildlife_scoring.tracks import TRACKS

ROOT = Path(__file__).resolve().parents[1]


def counts_of(track: str) -> Callable[[], str]:
    """Return what writes the table of images of a track's sample bundle."""
    counts: Callable[[], str] = import_module(
        f"sample_data.{track}_generator.baselines"
    ).counts_table
    return counts


# File and name of each block, and what writes its content.
BLOCKS: tuple[tuple[str, str, Callable[[], str]], ...] = (
    ("README.md", "scores", readme_tables),
    ("kit/checks/README.md", "codes", codes_table),
    ("docker/README.md", "promises", markdown_table),
    ("submissions/README.md", "submissions", submissions_table),
    *((f"sample_data/{name}/README.md", "counts", counts_of(name)) for name in TRACKS),
)

# File and first words of each line of code that repeats the registry of tracks: the kit and the
# ingestion program do not import the scoring program.
_TRACKS = f"{ {name: track.prediction for name, track in TRACKS.items()} }".replace("'", '"')
LINES = (
    ("kit/contract.py", "PREDICTION_OF_TRACK: Final = ", _TRACKS),
    ("ingestion_program/wildlife_ingestion/submission.py", "PREDICTION_OF_TRACK = ", _TRACKS),
)


def current_files() -> dict[Path, str]:
    """Return what each file with a generated block or line should hold.

    Raises ValueError: a file lacks the markers of its block, or the line.
    """
    files: dict[Path, str] = {}
    for name, block, content in BLOCKS:
        path = ROOT / name
        files[path] = filled(files.get(path) or path.read_text("utf-8"), block, content())
    for name, start, rest in LINES:
        path = ROOT / name
        text, count = re.subn(
            rf"^{re.escape(start)}.*$", start + rest, path.read_text("utf-8"), flags=re.MULTILINE
        )
        if count != 1:
            raise ValueError(f"{name}: expected one line that begins with {start!r}, found {count}")
        files[path] = text
    return files


def main(arguments: list[str]) -> int:
    """Write the files, or say which are stale; return the exit status."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    files = current_files()
    stale = [path for path, new in files.items() if path.read_text(encoding="utf-8") != new]
    for path in stale:
        name = path.relative_to(ROOT)
        if arguments:
            print(f"{name}: a generated part is not current. To do: `make docs`")
            continue
        with replacing(path) as temporary:
            temporary.write_text(files[path], encoding="utf-8")
        print(f"{name}: written")
    return int(bool(arguments and stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
