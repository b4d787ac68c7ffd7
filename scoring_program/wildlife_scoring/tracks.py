"""The registry of tracks: one row for each track that this program scores.

Everything that lists tracks in the program reads `TRACKS`; the lists of the kit and of the
ingestion program are compared with it by tests/repository/test_tracks.py. The metrics of each
track are defined in the README.md of its package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, cast

from numpy.typing import NDArray

from wildlife_scoring.problems import Problems
from wildlife_scoring.tables import Aligned, Predictions, Truth


class Outcome(NamedTuple):
    """What scoring a track gives: the leaderboard's scores, text for the log, the HTML page."""

    scores: dict[str, float]
    summary: str
    html: str


class Scorer(Protocol):
    """The four functions that the module of a track offers, in the order of their calls."""

    def check_truth(self, reference: Path, truth: Truth, problems: Problems) -> None:
        """Add a problem for everything that is wrong with the reference table."""

    def parse(self, given: Predictions, problems: Problems) -> NDArray[Any]:
        """Return the predictions as an array of shape (rows of the file,); add problems."""

    def evaluate(self, aligned: Aligned) -> Any:
        """Score a table without problems; `render` gets the result."""

    def render(self, scored: Any, name_errors: bool) -> Outcome:
        """Write scores, log and page; name_errors: whether the page may tell hidden labels."""


@dataclass(frozen=True)
class Track:
    """One track.

    columns: those that a reference table needs, "filename" first. prediction: "score" (a number,
    higher means more anomalous) or "label" (a text). keys: the leaderboard's keys, the one that
    orders the leaderboard first. keys_per_dataset: keys that are given once more for each dataset,
    as DATASET_KEY. module: the `Scorer`, imported when a table of the track is scored, so that the
    program starts quickly.
    """

    name: str
    columns: tuple[str, ...]
    prediction: Literal["score", "label"]
    keys: tuple[str, ...]
    module: str
    keys_per_dataset: tuple[str, ...] = ()

    def scorer(self) -> Scorer:
        """Import the module of the track and return it."""
        return cast(Scorer, import_module(self.module))

    def leaderboard_keys(self, datasets: Sequence[str] = ()) -> list[str]:
        """List all keys of scores.json in their order, for a test set of these datasets."""
        return [
            *self.keys,
            *(f"{name}_{key}" for name in datasets for key in self.keys_per_dataset),
        ]


_ROWS = (
    Track(
        name="hybrid",
        columns=("filename", "hybrid_stat", "ssp_indicator"),
        prediction="score",
        keys=(
            "challenge_score",
            "A_score_major_recall",
            "A_score_minor_recall",
            "A_PRC_AUC",
            "A_PRC_AUC_major",
            "A_PRC_AUC_minor",
            "mimic_recall",
            "mimic_PRC_AUC",
        ),
        module="wildlife_scoring.hybrid.track",
    ),
    Track(
        name="reid",
        columns=("filename", "identity", "dataset", "new_identity"),
        prediction="label",
        keys=("geometric_mean", "BAKS", "BAUS"),
        keys_per_dataset=("geometric_mean", "BAKS", "BAUS"),
        module="wildlife_scoring.reid.track",
    ),
    Track(
        name="anomaly",
        columns=("filename", "anomaly", "species"),
        prediction="score",
        keys=("auroc", "average_precision", "fpr_at_95_tpr", "recall_at_95_tnr"),
        module="wildlife_scoring.anomaly.track",
    ),
    Track(
        name="family",
        columns=("filename", "family", "phylum"),
        prediction="label",
        keys=("accuracy", "balanced_accuracy", "f1_micro", "f1_macro", "f1_weighted"),
        module="wildlife_scoring.family.track",
    ),
)
TRACKS = {row.name: row for row in _ROWS}
