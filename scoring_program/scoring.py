"""The scoring step: predictions and reference table in, scores.json and detailed_results.html out.

    python3 scoring.py INPUT_DIR OUTPUT_DIR

reads INPUT_DIR/res/predictions.txt and the one CSV file of INPUT_DIR/ref, whose columns say which
track it is. Exit status: 0 scored; 1 the input cannot be scored or the output cannot be written,
with one message and no output; 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wildlife_scoring.hybrid import track as hybrid_track
from wildlife_scoring.input_files import find_predictions, find_reference
from wildlife_scoring.problems import Problems, ScoringError, name_some
from wildlife_scoring.reid import track as reid_track
from wildlife_scoring.report.page import Outcome
from wildlife_scoring.tables import read_header

TRACK_COLUMNS = {
    "hybrid": hybrid_track.COLUMNS,
    "reid": reid_track.COLUMNS,
    "anomaly": ("filename", "anomaly", "species"),
    "family": ("filename", "family", "phylum"),
}
SCORED_TRACKS = {"hybrid": hybrid_track.run, "reid": reid_track.run}

SCORES, REPORT = "scores.json", "detailed_results.html"


def main(arguments: Sequence[str]) -> int:
    """Score INPUT_DIR into OUTPUT_DIR; returns the exit status."""
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


def score_folder(input_dir: Path) -> Outcome:
    """Score INPUT_DIR/res against INPUT_DIR/ref; raises ScoringError with all problems of both."""
    problems = Problems()
    predictions = find_predictions(input_dir, problems)
    reference = find_reference(input_dir, problems)
    track = choose_track(reference, problems) if reference else None
    if reference is None or track is None:
        problems.stop_if_any()
        raise AssertionError("a missing reference table or track is a problem")
    return SCORED_TRACKS[track](reference, predictions, problems)


def choose_track(reference: Path, problems: Problems) -> str | None:
    """The track whose columns the reference table has; otherwise None and a problem."""
    titles = read_header(reference, problems)
    if not titles:
        return None
    # "filename" is in every track's table, so it cannot tell them apart.
    known = {t: len(set(c) & set(titles) - {"filename"}) for t, c in TRACK_COLUMNS.items()}
    lacking = {t: [c for c in cs if c not in titles] for t, cs in TRACK_COLUMNS.items()}
    likely = min(lacking, key=lambda track: (len(lacking[track]), -known[track]))
    if not lacking[likely] and likely in SCORED_TRACKS:
        return likely
    has = f"the table has {name_some(titles, len(titles))}"
    tracks = "; ".join(f"{t} needs {', '.join(TRACK_COLUMNS[t])}" for t in SCORED_TRACKS)
    if not known[likely]:
        found = f"a table of no known track: {has}"
    elif lacking[likely]:
        found = f"no column {name_some(lacking[likely], len(lacking[likely]))}: {has}, "
        found += f"and resembles the track '{likely}'"
    else:
        found = f"a table of the track '{likely}', which this program does not score"
    problems.add(reference, found, f"tracks that can be scored: {tracks}")
    return None


def remove_results(output_dir: Path) -> None:
    """Delete the results of an earlier run: after a failure they would pass for this run's."""
    for name in (SCORES, REPORT):
        (output_dir / name).unlink(missing_ok=True)


def write_results(output_dir: Path, outcome: Outcome) -> None:
    """Write both files, or neither: each under a temporary name first, the scores renamed last.

    Raises ScoringError where the folder cannot be written, for example because the disk is full.
    """
    texts = {
        REPORT: outcome.html,
        SCORES: json.dumps(outcome.scores, indent=2, allow_nan=False) + "\n",
    }
    temporary = {name: output_dir / f"{name}.tmp" for name in texts}
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            temporary[name].write_text(text, encoding="utf-8")
        for name in texts:
            temporary[name].replace(output_dir / name)
    except OSError as error:
        for path in (*temporary.values(), *(output_dir / name for name in texts)):
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue  # the first error is the one to tell
        raise ScoringError(
            f"no score was written: cannot write to {output_dir}: {error.strerror or error}\n"
            "     -> free some space, or make the folder writable, and run again"
        ) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
