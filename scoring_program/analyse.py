"""Analyse predictions for one reference table: print what a report shows of them as JSON.

    python3 analyse.py INPUT_DIR [RESAMPLES]

reads INPUT_DIR/runs/N/predictions.txt (N = 0, 1, ...) with candidates.csv where it exists, the one
CSV file of INPUT_DIR/ref, and INPUT_DIR/metadata.csv where it exists. One run is taken apart, image
by image; several are compared. `kit report` starts it; the platform does not. Exit status: 0
analysed; 1 a table cannot be used, with a message; 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wildlife_scoring.analysis.content import analyse_folder
from wildlife_scoring.json_program import run_analysis


def main(arguments: Sequence[str]) -> int:
    """Analyse what INPUT_DIR holds and return the exit status."""
    return run_analysis("analyse", arguments, analyse_folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
