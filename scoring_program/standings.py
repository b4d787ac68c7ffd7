"""Compare several files of predictions for one reference table; print the result as JSON.

    python3 standings.py INPUT_DIR [--resamples N] [--difference D] [--public SHARE] [--splits N]

reads INPUT_DIR/res/0/predictions.txt (the best), INPUT_DIR/res/1/predictions.txt, ..., the one CSV
file of INPUT_DIR/ref, and INPUT_DIR/metadata.csv where it exists. `kit leaderboard` and `kit power`
start it; the platform does not. Exit status: 0 compared; 1 a table cannot be used, with a message;
2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wildlife_scoring.bootstrap.intervals import RESAMPLES
from wildlife_scoring.bootstrap.shake_up import PUBLIC, SPLITS
from wildlife_scoring.bootstrap.standings import standings_of
from wildlife_scoring.problems import ScoringError


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what INPUT_DIR holds and return the exit status."""
    parser = argparse.ArgumentParser(prog="standings.py", description="Compare submissions.")
    parser.add_argument("input_dir", type=Path, metavar="INPUT_DIR")
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    parser.add_argument("--difference", type=float, help="in the track's first metric")
    parser.add_argument("--public", type=float, default=PUBLIC, help="share of the public part")
    parser.add_argument("--splits", type=int, default=SPLITS)
    options = parser.parse_args(arguments)
    try:
        found = standings_of(
            options.input_dir,
            resamples=options.resamples,
            wanted=options.difference,
            public=options.public,
            splits=options.splits,
        )
    except (ScoringError, OSError, ValueError) as error:
        print(f"standings: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
