"""The scoring step: read predictions and reference table, write scores.json and a report.

    python3 scoring.py INPUT_DIR OUTPUT_DIR

reads INPUT_DIR/res/predictions.txt and the one CSV file of INPUT_DIR/ref, whose columns say which
track it is. Exit status: 0 scored; 1 the input cannot be scored or the output cannot be written,
with one message and no output; 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from wildlife_scoring.output import remove_results, write_results
from wildlife_scoring.problems import ScoringError
from wildlife_scoring.step import score_folder


def main(arguments: Sequence[str]) -> int:
    """Score INPUT_DIR into OUTPUT_DIR and return the exit status."""
    if len(arguments) != 2:
        print("usage: python3 scoring.py INPUT_DIR OUTPUT_DIR", file=sys.stderr)
        return 2
    input_dir, output_dir = map(Path, arguments)
    try:
        remove_results(output_dir)
        outcome = score_folder(input_dir)
        write_results(output_dir, outcome)
    except ScoringError as error:
        print(f"scoring: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"scoring: no score was written: {error}", file=sys.stderr)
        return 1
    print(outcome.summary)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
