"""One folder of predictions and a reference, as the content of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wildlife_scoring.analysis.comparison import comparison
from wildlife_scoring.analysis.labelled import labelled_content
from wildlife_scoring.analysis.ranked import anomaly_view, hybrid_view, ranked_content
from wildlife_scoring.bootstrap.comparison import METADATA, Grouping, group, number, table_of
from wildlife_scoring.bootstrap.intervals import RESAMPLES, Method, intervals
from wildlife_scoring.bootstrap.tracks import statistic_of
from wildlife_scoring.input_files import find_reference
from wildlife_scoring.problems import Problems
from wildlife_scoring.step import choose_track
from wildlife_scoring.tables import Aligned, Truth, read_columns, read_header
from wildlife_scoring.tracks import Track

# BCa leaves each unit out once: rows x units weights.
MOST_LEFT_OUT = 5_000
# Resamples of a test set of more rows than that: minutes otherwise.
FEWER_RESAMPLES = 1_000
LEVEL = 0.95


def analyse_folder(folder: Path, resamples: int | None = None) -> dict[str, Any]:
    """Return the report's content; analyse.py says what the folder holds.

    resamples: None for RESAMPLES, and fewer of a large test set. Raises ScoringError that lists
    the problems of the tables.
    """
    problems = Problems()
    reference = find_reference(folder, problems)
    track = choose_track(reference, problems) if reference else None
    if reference is None or track is None:
        problems.stop()
    runs = sorted((folder / "runs").iterdir(), key=lambda path: int(path.name))
    tables = [table_of(track, reference, run / "predictions.txt") for run in runs]
    grouping = group(reference, folder / METADATA, tables[0].truth["filename"])
    if resamples is None:
        is_large = grouping.units.count > MOST_LEFT_OUT
        resamples = FEWER_RESAMPLES if is_large else RESAMPLES
    content = {
        "format": 1,
        "track": track.name,
        "images": len(tables[0].truth["filename"]),
        "resampled": {
            "resamples": resamples,
            "level": LEVEL,
            "column": grouping.column,
            "units": grouping.units.count,
        },
        "runs": [{"scores": _scores(track, table, grouping, resamples)} for table in tables],
    }
    if len(tables) > 1:
        return content | {"comparison": comparison(track, tables, grouping, resamples)}
    return content | {"detail": _detail(track, reference, tables[0])}


def _scores(
    track: Track, table: Aligned, grouping: Grouping, resamples: int
) -> list[dict[str, Any]]:
    keys, statistic = statistic_of(track, table, by_individual=grouping.by_individual)
    method: Method = "bca" if grouping.units.count <= MOST_LEFT_OUT else "percentile"
    found = intervals(statistic, grouping.units, level=LEVEL, method=method, resamples=resamples)
    return [
        {
            "key": key,
            "value": number(one.value),
            "low": number(one.low),
            "high": number(one.high),
            "method": one.method,
        }
        for key, one in zip(keys, found, strict=True)
    ]


def _detail(track: Track, reference: Path, table: Aligned) -> dict[str, Any]:
    scored = track.scorer().evaluate(table)
    if track.prediction == "label":
        return labelled_content(track.name, scored, table)
    view = hybrid_view(scored) if track.name == "hybrid" else anomaly_view(scored)
    return ranked_content(view, _other_columns(track, reference))


def _other_columns(track: Track, reference: Path) -> Truth:
    """Return the columns that the metrics do not need, such as subspecies or location."""
    titles = [
        title
        for title in read_header(reference, Problems())
        if title and title not in track.columns
    ]
    return read_columns(reference, titles, Problems()) or {}
