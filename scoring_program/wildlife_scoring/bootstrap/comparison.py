"""Compare two files of predictions for one reference table: metrics, their noise, and images."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wildlife_scoring.bootstrap.credits import TRUTH, credits_of
from wildlife_scoring.bootstrap.intervals import RESAMPLES, differences
from wildlife_scoring.bootstrap.resampling import Units, whole
from wildlife_scoring.bootstrap.tracks import statistic_of
from wildlife_scoring.input_files import find_predictions, find_reference
from wildlife_scoring.problems import Problems
from wildlife_scoring.step import choose_track
from wildlife_scoring.tables import Aligned, aligned, read_columns, read_header
from wildlife_scoring.tracks import Track

# Columns that say which images are no independent evidence, the first one that is there. They are
# compared without regard to case.
GROUPS = ("specimen", "camid", "individual", "identity", "sequence")
METADATA = "metadata.csv"
STORED = Path("stored", "predictions.txt")


@dataclass(frozen=True)
class Grouping:
    """Which column the resamples draw by ("" for single images), and its units."""

    column: str
    units: Units

    @property
    def by_individual(self) -> bool:
        """Whether a unit is an individual: one that is drawn twice counts as two."""
        return self.column.casefold() in ("identity", "individual")


@dataclass(frozen=True)
class Metric:
    """One metric with both predictions; low and high: the 95 % interval of the difference.

    below and above: the shares of the resamples in which the metric falls and rises.
    undefined: how many resamples have no value.
    """

    key: str
    stored: float | None
    new: float | None
    low: float | None
    high: float | None
    below: float | None
    above: float | None
    undefined: int


@dataclass(frozen=True)
class Image:
    """One image whose prediction changed, and what it earned before and earns now (credits.py)."""

    filename: str
    truth: str
    stored: str
    new: str
    credit_stored: float
    credit_new: float


def compare_folder(folder: Path, resamples: int | None = None) -> dict[str, Any]:
    """Compare FOLDER/stored/predictions.txt and FOLDER/res/predictions.txt for FOLDER/ref.

    FOLDER/metadata.csv may say which images belong together. resamples: None for RESAMPLES. Raises
    ScoringError that lists the problems of the tables.
    """
    problems = Problems()
    reference = find_reference(folder, problems)
    find_predictions(folder, problems)
    track = choose_track(reference, problems) if reference else None
    if reference is None or track is None:
        problems.stop()
    problems.stop_if_any()
    stored = table_of(track, reference, folder / STORED)
    new = table_of(track, reference, folder / "res" / "predictions.txt")
    grouping = group(reference, folder / METADATA, stored.truth["filename"])
    metrics = _metrics(track, stored, new, grouping, resamples or RESAMPLES)
    return {
        "format": 1,
        "track": track.name,
        "images": len(stored.truth["filename"]),
        "grouped_by": grouping.column,
        "units": grouping.units.count,
        "metrics": [asdict(one) for one in metrics],
        "changed": [asdict(one) for one in _changed(track, stored, new)],
    }


def group(reference: Path, metadata: Path, names: list[str]) -> Grouping:
    """Return the units that resamples draw: by the first column of GROUPS in one of the tables.

    An image without a value in that column is a unit of its own.
    """
    for path in (reference, metadata):
        titles = read_header(path, Problems()) if path.is_file() else []
        by_name = {title.casefold(): title for title in reversed(titles)}
        found = next((by_name[name] for name in GROUPS if name in by_name), None)
        if found is None or "filename" not in titles:
            continue
        columns = read_columns(path, ["filename", found], Problems())
        if columns is None:
            continue
        of_image = dict(zip(columns["filename"], columns[found], strict=True))
        labels = [
            f"{found}\0{value}" if (value := of_image.get(name, "").strip()) else name
            for name in names
        ]
        return Grouping(found, Units.groups(labels))
    return Grouping("", Units.rows(len(names)))


def table_of(track: Track, reference: Path, predictions: Path) -> Aligned:
    """Return predictions next to the reference table. Raises ScoringError."""
    scorer, problems = track.scorer(), Problems()
    return aligned(
        reference, predictions, track.columns, scorer.check_truth, scorer.parse, problems
    )


def _metrics(
    track: Track, stored: Aligned, new: Aligned, grouping: Grouping, resamples: int
) -> list[Metric]:
    keys, first = statistic_of(track, stored, by_individual=grouping.by_individual)
    _, second = statistic_of(track, new, by_individual=grouping.by_individual)
    units = grouping.units
    before, after = whole(first, units), whole(second, units)
    found = differences(first, second, units, resamples=resamples)
    return [
        Metric(
            key=key,
            stored=number(before[at]),
            new=number(after[at]),
            low=number(one.low),
            high=number(one.high),
            below=number(one.below - one.ties / 2),
            above=number(1 - one.below - one.ties / 2),
            undefined=one.undefined,
        )
        for at, (key, one) in enumerate(zip(keys, found, strict=True))
    ]


def _changed(track: Track, stored: Aligned, new: Aligned) -> list[Image]:
    """Return the images with another prediction, those first that lost most."""
    names, truth = stored.truth["filename"], stored.truth[TRUTH[track.name]]
    before, after = credits_of(track, stored), credits_of(track, new)
    rows = np.flatnonzero(np.asarray(stored.predicted != new.predicted))
    order = rows[np.argsort((after - before)[rows], kind="stable")]
    return [
        Image(
            filename=names[row],
            truth=truth[row],
            stored=str(stored.predicted[row]),
            new=str(new.predicted[row]),
            credit_stored=float(before[row]),
            credit_new=float(after[row]),
        )
        for row in order.tolist()
    ]


def number(value: float) -> float | None:
    """Return a number that JSON can hold: None where it is undefined."""
    return float(value) if np.isfinite(value) else None
