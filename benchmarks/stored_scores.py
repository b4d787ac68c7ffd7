"""The stored scores of every submission on every task of the sample data.

    python -m benchmarks.stored_scores [NAME ...]

writes tests/scores/NAME/TASK.json and TASK.predictions.txt again for the named submissions (all of
them by default), shows what moved, and writes the tables of the top README, one for each track,
from what is stored.
tests/submissions/test_submissions.py compares with them.
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kit import bundles, runs, submissions
from kit.files import replacing, write_json
from kit.markdown import table, write_block
from kit.run_record import installed_versions
from kit.submissions import Submission
from wildlife_scoring.tracks import TRACKS

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "tests" / "scores"
# What may move the last digits of a prediction: arithmetic, decoding, and the processor.
_PACKAGES = ("numpy", "pillow", "scikit-learn", "torch")
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


@dataclass(frozen=True)
class Case:
    """A submission on one task of its track's sample bundle."""

    name: str
    track: str
    task: str

    @property
    def scores(self) -> Path:
        """Where the scores are stored."""
        return STORE / self.name / f"{self.task}.json"

    @property
    def predictions(self) -> Path:
        """Where the predictions are stored."""
        return STORE / self.name / f"{self.task}.predictions.txt"


@dataclass(frozen=True)
class Result:
    """What a run of a case gave."""

    predictions: str
    scores: dict[str, float]


def cases() -> list[Case]:
    """Every submission with every task of its track's sample bundle."""
    found = []
    for submission in submissions.discover():
        bundle = bundles.read(bundle_folder(submission))
        track = track_of(submission)
        found += [Case(submission.name, track, task.name.lower()) for task in bundle.tasks]
    return found


def track_of(submission: Submission) -> str:
    """The track that the submission's metadata names."""
    track = submissions.track_of(submission.path)
    assert track, f"{submission.name}: its metadata names no track"
    return track


def bundle_folder(submission: Submission) -> Path:
    """The sample bundle of the submission's track."""
    return ROOT / "sample_data" / track_of(submission)


def run_case(case: Case) -> Result:
    """Run a case as `kit run` does.

    Raises:
        AssertionError: the run failed; its last log lines are in the message.
    """
    submission = submissions.find(case.name)
    bundle = bundles.read(bundle_folder(submission))
    with TemporaryDirectory() as folder:
        result = runs.run(
            submission,
            bundle,
            bundle.task(case.task),
            Path(folder, "run"),
            time_limit_s=None,
            on_tick=lambda step, seconds, log: None,
        )
        log = "\n".join(runs.tail(result.steps[-1].log))
        assert not result.failure, f"{case.name} on {case.task}: {result.failure}\n{log}"
        predictions = (result.folder / "predictions.txt").read_text(encoding="utf-8")
    return Result(predictions, result.scores)


def machine_type() -> dict[str, Any]:
    """What has to be equal before bytes are expected to be equal."""
    found = installed_versions(_PACKAGES)
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "system": f"{platform.system()} {platform.machine()}",
        "avx512": _has_avx512(),
        "packages": {name: found.get(name, "not installed") for name in _PACKAGES},
    }


def _has_avx512() -> bool:
    cpu = Path("/proc/cpuinfo")
    return cpu.is_file() and "avx512f" in cpu.read_text()


def store(case: Case) -> str:
    """Run a case, store what it gave, and return a line that says what moved."""
    before = json.loads(case.scores.read_text())["scores"] if case.scores.is_file() else {}
    result = run_case(case)
    write_json(case.scores, {"scores": result.scores, "machine": machine_type()})
    with replacing(case.predictions) as temporary:
        temporary.write_text(result.predictions, encoding="utf-8")
    moved = [
        f"{key} {before.get(key, float('nan')):.4f} -> {value:.4f}"
        for key, value in result.scores.items()
        if before.get(key) != value
    ]
    return f"{case.name} {case.task}: {', '.join(moved) or 'unchanged'}"


def readme_tables() -> str:
    """Return the stored scores as Markdown, a table for each track with the best final score first.

    A case without stored scores has no row; tests/submissions says how to store them.
    """
    stored = [
        (case, json.loads(case.scores.read_text())["scores"])
        for case in cases()
        if case.scores.is_file()
    ]
    parts = []
    for name, track in TRACKS.items():
        shown = _SHOWN.get(name) or {key: key.replace("_", " ") for key in track.keys}
        of_track = [(case, scores) for case, scores in stored if case.track == name]
        if of_track:
            parts.append(f"Track `{name}`:\n\n{_table(of_track, shown)}")
    return "\n\n".join(parts)


def _table(stored: list[tuple[Case, dict[str, float]]], shown: dict[str, str]) -> str:
    """Return one track's rows; the last task of a submission, the final one, decides its place."""
    first = next(iter(shown))
    best = {case.name: scores[first] for case, scores in stored}
    rows = [
        [
            f"[{case.name}](submissions/{case.name}/)",
            case.task,
            *(f"{scores[key]:.4f}" for key in shown),
        ]
        for case, scores in sorted(stored, key=lambda item: -best[item[0].name])
    ]
    titles = ["submission", "task", *shown.values()]
    return "\n".join(table(titles, rows, numbers=range(2, len(titles))))


def main(names: list[str]) -> None:
    """Store the named submissions' cases, all by default."""
    chosen = [case for case in cases() if not names or case.name in names]
    if unknown := set(names) - {case.name for case in chosen}:
        sys.exit(f"no such submission: {', '.join(sorted(unknown))}")
    for case in chosen:
        print(store(case), flush=True)
    write_block(ROOT / "README.md", "scores", readme_tables())


if __name__ == "__main__":
    main(sys.argv[1:])
