"""The scoring step between its files: choose the track, align the tables, score, render."""

from __future__ import annotations

import os
from pathlib import Path

from wildlife_scoring.input_files import find_predictions, find_reference
from wildlife_scoring.problems import Problems, name_some
from wildlife_scoring.tables import aligned, read_header
from wildlife_scoring.tracks import TRACKS, Outcome, Track


def score_folder(input_dir: Path) -> Outcome:
    """Score INPUT_DIR/res against INPUT_DIR/ref.

    Raises ScoringError that lists the problems of both tables.
    """
    problems = Problems()
    predictions = find_predictions(input_dir, problems)
    reference = find_reference(input_dir, problems)
    track = choose_track(reference, problems) if reference else None
    if reference is None or track is None:
        problems.stop()
    scorer = track.scorer()
    table = aligned(
        reference, predictions, track.columns, scorer.check_truth, scorer.parse, problems
    )
    # On the platform participants see the report, and must not learn hidden labels from it.
    name_errors = os.environ.get("SCORING_NAME_ERRORS") == "1"
    return scorer.render(scorer.evaluate(table), name_errors)


def choose_track(reference: Path, problems: Problems) -> Track | None:
    """Return the track whose columns the reference table has; otherwise None, and a problem."""
    titles = read_header(reference, problems)
    if not titles:
        return None
    # Every track's table has "filename", so it cannot tell them apart.
    known = {name: set(track.columns[1:]) & set(titles) for name, track in TRACKS.items()}
    missing = {
        name: [column for column in track.columns if column not in titles]
        for name, track in TRACKS.items()
    }
    likely = min(TRACKS, key=lambda name: (len(missing[name]), -len(known[name])))
    if not missing[likely]:
        return TRACKS[likely]
    has = f"the table has {name_some(titles, len(titles))}"
    found = f"a table of no known track: {has}"
    if known[likely]:
        found = f"no column {name_some(missing[likely], len(missing[likely]))}: {has}, "
        found += f"and resembles the track '{likely}'"
    tracks = "; ".join(f"{name} needs {', '.join(row.columns)}" for name, row in TRACKS.items())
    problems.add(reference, found, f"tracks that can be scored: {tracks}")
    return None
