"""The tables of stored scores in the top README, one for each track.

    python -m benchmarks.stored_scores

writes them from what `kit compare --update` stored in tests/scores.
"""

from __future__ import annotations

from pathlib import Path

from kit import bundles, submissions
from kit.markdown import table, write_block
from kit.regression.cases import Case
from kit.regression.store import read_stored
from kit.submissions import Submission
from wildlife_scoring.tracks import TRACKS

ROOT = Path(__file__).resolve().parents[1]
Scored = tuple[Case, dict[str, float]]
# By track: the columns of its table in the README, the one that orders the rows first. A track
# that is not here shows all of its leaderboard keys.
_SHOWN = {
    "hybrid": {
        "challenge_score": "challenge score",
        "A_score_major_recall": "major recall",
        "A_score_minor_recall": "minor recall",
        "mimic_recall": "mimic recall",
    },
    "reid": {"geometric_mean": "score", "BAKS": "BAKS (known)", "BAUS": "BAUS (new)"},
}


def cases() -> list[Case]:
    """Every submission with every task of its track's sample bundle."""
    found = []
    for submission in submissions.discover():
        bundle = bundles.read(bundle_folder(submission))
        found += [Case(submission, bundle, task) for task in bundle.tasks]
    return found


def track_of(submission: Submission) -> str:
    """The track that the submission's metadata names."""
    track = submissions.track_of(submission.path)
    assert track, f"{submission.name}: its metadata names no track"
    return track


def bundle_folder(submission: Submission) -> Path:
    """The sample bundle of the submission's track."""
    return ROOT / "sample_data" / track_of(submission)


def readme_tables() -> str:
    """Return the stored scores as Markdown, a table for each track with the best final score first.

    A case without stored scores has no row; tests/submissions says how to store them.
    """
    stored = [
        (case, read_stored(case.slot, case.submission.name).scores)
        for case in cases()
        if case.slot.scores.is_file()
    ]
    parts = []
    for name, track in TRACKS.items():
        shown = _SHOWN.get(name) or {key: key.replace("_", " ") for key in track.keys}
        of_track = [(case, scores) for case, scores in stored if track_of(case.submission) == name]
        if of_track:
            parts.append(f"Track `{name}`:\n\n{_table(of_track, shown)}")
    return "\n\n".join(parts)


def _table(stored: list[Scored], shown: dict[str, str]) -> str:
    """Return one track's rows; the last task of a submission, the final one, decides its place."""
    first = next(iter(shown))
    best = {case.submission.name: scores[first] for case, scores in stored}
    rows = [
        [
            f"[{case.submission.name}](submissions/{case.submission.name}/)",
            case.slot.scores.stem,
            *(f"{scores[key]:.4f}" for key in shown),
        ]
        for case, scores in sorted(stored, key=lambda item: -best[item[0].submission.name])
    ]
    titles = ["submission", "task", *shown.values()]
    return "\n".join(table(titles, rows, numbers=range(2, len(titles))))


if __name__ == "__main__":
    write_block(ROOT / "README.md", "scores", readme_tables())
