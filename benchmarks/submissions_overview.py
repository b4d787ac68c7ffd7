"""The table of all submissions on the site: source, backbone, size, score with interval, licence.

`make tables` writes it. The scores are those of the stored predictions of the final sample task;
the intervals are those of `kit report`.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from benchmarks.stored_scores import ROOT, bundle_folder, track_of
from benchmarks.submissions_table import description_of, megabytes_of
from kit import submissions
from kit.markdown import table
from kit.submissions import Submission
from wildlife_scoring.bootstrap.comparison import METADATA, group, table_of
from wildlife_scoring.bootstrap.intervals import Interval, intervals
from wildlife_scoring.bootstrap.resampling import Values, Weights
from wildlife_scoring.bootstrap.tracks import statistic_of
from wildlife_scoring.tracks import TRACKS

SOURCES = ROOT / "docs" / "submissions.yaml"
SCORES = ROOT / "tests" / "scores"
TASK = "final"
CODE_LICENCE = "Apache-2.0"  # of the repository, and so of every submission's code
TITLES = ["submission", "score (95 % interval)", "idea", "source", "backbone", "size", "licence"]


def overview_tables() -> str:
    """Return a table for each track, the best score first."""
    tables = {name: track_table(name) for name in TRACKS}
    return "\n\n".join(
        f"## Track `{name}`\n\nScore: `{TRACKS[name].keys[0]}`.\n\n{text}"
        for name, text in tables.items()
        if text
    )


def track_table(track: str) -> str:
    """Return the table of one track, empty without a submission that has stored predictions.

    Raises ValueError for a submission without an entry in docs/submissions.yaml.
    """
    told = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
    found = [one for one in submissions.discover() if track_of(one) == track]
    found = [one for one in found if stored_predictions(one).is_file()]
    if not found:
        return ""
    missing = [one.name for one in found if one.name not in told]
    if missing:
        raise ValueError(f"docs/submissions.yaml: add an entry for {', '.join(missing)}")
    scored = sorted(((scored_interval(one), one) for one in found), key=lambda row: -row[0].value)
    rows = [_row(one, score, told[one.name]) for score, one in scored]
    return "\n".join(table(TITLES, rows, numbers=(5,)))


def _row(submission: Submission, score: Interval, told: dict[str, str]) -> list[str]:
    return [
        f"[{submission.name}](../../submissions/{submission.name}/)",
        f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})",
        description_of(submission),
        told["source"],
        told["backbone"],
        f"{megabytes_of(submission):.1f} MB",
        licence_of(submission.path),
    ]


def stored_predictions(submission: Submission) -> Path:
    """Return the file in which `kit compare --update` stores the final task's predictions."""
    return SCORES / submission.name / f"{TASK}.predictions.txt"


def scored_interval(submission: Submission) -> Interval:
    """Return the key that ranks, with its 95 % interval, of the stored predictions."""
    bundle = bundle_folder(submission)
    (reference,) = (bundle / "reference_data" / TASK).glob("*.csv")
    track = TRACKS[track_of(submission)]
    stored = table_of(track, reference, stored_predictions(submission))
    metadata = bundle / "input_data" / TASK / METADATA
    grouping = group(reference, metadata, stored.truth["filename"])
    _, statistic = statistic_of(track, stored, by_individual=grouping.by_individual)

    def primary(weights: Weights) -> Values:
        first: Values = statistic(weights)[:, :1]
        return first

    return intervals(primary, grouping.units)[0]


def licence_of(folder: Path) -> str:
    """Return the licences of a submission's code and of its weights, each once."""
    path = folder / "weights.json"
    files = json.loads(path.read_text(encoding="utf-8"))["files"] if path.is_file() else []
    licences = [CODE_LICENCE, *(entry["licence"] for entry in files)]
    return ", ".join(dict.fromkeys(licences))
