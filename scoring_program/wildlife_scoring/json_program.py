"""The frame of the programs that the kit starts for an analysis: a folder in, one JSON out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wildlife_scoring.problems import ScoringError

# Input folder and number of resamples (None: the analysis' own) -> what is printed.
Analysis = Callable[[Path, int | None], dict[str, Any]]


def run_analysis(name: str, arguments: Sequence[str], analysis: Analysis) -> int:
    """Print the analysis of `INPUT_DIR [RESAMPLES]` and return the exit status."""
    if not 1 <= len(arguments) <= 2 or not all(text.isdigit() for text in arguments[1:]):
        print(f"usage: python3 {name}.py INPUT_DIR [RESAMPLES]", file=sys.stderr)
        return 2
    resamples = int(arguments[1]) if len(arguments) > 1 else None
    try:
        found = analysis(Path(arguments[0]), resamples)
    except (ScoringError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, allow_nan=False))
    return 0
