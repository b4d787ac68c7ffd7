"""Compare five rules for thresholds, and the oracle threshold; write THRESHOLDS.md.

    python -m training.reid.threshold_report.report sample
    python -m training.reid.threshold_report.report lion --open-set DIR --systems FOLDER

`sample` takes the submissions as they are and the sample's final task. `--open-set` takes a folder
of training/reid/split.py, and `--systems` a folder with the five submissions, each trained on
DIR/train. The rules see the database only; the oracle threshold, the best one of each dataset, sees
the labels of the test. Of the submissions that fuse several scores, only the threshold that they
ship with is compared (training/reid/threshold_report/shipped.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.markdown import read_block, write_block
from kit.markdown import table as markdown_table
from training.common.console import say
from training.common.errors import DataError
from training.common.script import parser, run
from training.reid.database import Database, read_database
from training.reid.split_bundle import INPUT, QUERIES, TRUTH
from training.reid.threshold_report import halves
from training.reid.threshold_report.labelled_queries import (
    ORACLE,
    LabelledQueries,
    read_queries,
    rule_scores,
)
from training.reid.threshold_report.shipped import SHIPPED, shipped_scores
from training.reid.threshold_report.systems import (
    System,
    megadescriptor_cosine,
    raw_pixels,
    sift,
    triplet_centroids,
)
from training.reid.thresholds.choose import Predictions, best_threshold, predict, predict_splits
from training.reid.thresholds.nearest import Nearest
from training.reid.thresholds.rules import extreme_value_threshold, robust_z_threshold
from training.reid.thresholds.splits import Split, draw_splits

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "training" / "THRESHOLDS.md"
SAMPLE = ROOT / "sample_data" / "reid"
OURS, TRAINED_TOO = "ours", "ours, trained images too"
RULES = ("published", OURS, TRAINED_TOO, "robust z", "extreme value")
# The last columns: the share that the first score is of the second.
SHARES = {
    "ours / oracle": (OURS, ORACLE),
    "on halves, ours / oracle": (halves.OURS, halves.ORACLE),
    "on halves, the other half's best / oracle": (halves.LEARNED, halves.ORACLE),
}
ByDataset = dict[str, float]
DASH = "\u2013"  # where a rule does not apply


def rule_thresholds(system: System, database: Database, nearest: Nearest) -> dict[str, ByDataset]:
    """For each rule the threshold of each dataset, chosen from the database alone."""
    labels = database.identity, database.dataset
    rounds, trained_too = (
        predict_splits(nearest, database.identity, draw_splits(*labels, validation))
        for validation in (system.validation, None)
    )
    rules = {
        OURS: {name: best_threshold(own).value for name, own in rounds.items()},
        TRAINED_TOO: {name: best_threshold(own).value for name, own in trained_too.items()},
        "robust z": {name: robust_z_threshold(own) for name, own in rounds.items()},
        "extreme value": {name: extreme_value_threshold(own) for name, own in rounds.items()},
    }
    if system.published is not None:
        rules["published"] = dict.fromkeys(rounds, system.published)
    return rules


def query_predictions(
    nearest: Nearest, database: Database, queries: LabelledQueries
) -> dict[str, Predictions]:
    """The system's predictions for the test images of each dataset."""
    # Systems number the test images after those of the database.
    identity = np.concatenate([database.identity, queries.identity])
    predictions = {}
    for name in np.unique(queries.dataset).tolist():
        rows = np.flatnonzero(queries.dataset == name)
        gallery = np.flatnonzero(database.dataset == name)
        split = Split(gallery, rows + len(database), queries.new[rows])
        predictions[name] = predict(nearest, identity, split)
    return predictions


def scores_of(system: System, database: Database, queries: LabelledQueries) -> dict[str, float]:
    """The leaderboard's score with each rule, and with the oracle threshold."""
    paths = (*database.paths, *queries.paths)
    nearest = system.nearest(paths, np.concatenate([database.identity, queries.identity]))
    predictions = query_predictions(nearest, database, queries)
    return rule_scores(predictions, rule_thresholds(system, database, nearest))


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown, one line a system; the last columns are shares of the oracle threshold's score."""
    lines = []
    for title, scores in rows.items():
        cells = [f"{scores[rule]:.3f}" if rule in scores else DASH for rule in (*RULES, ORACLE)]
        shares = [
            f"{scores[rule] / scores[best]:.0%}" if scores.get(best) else DASH
            for rule, best in SHARES.values()
        ]
        lines.append([title, *cells, *shares])
    return "\n".join(markdown_table(["system", *RULES, ORACLE, *SHARES], lines))


def report(train: Path, queries: LabelledQueries, metadata: Path, folder: Path) -> str:
    """The table. folder: with the five submissions, trained on `train`; metadata: the test's."""
    database = read_database(train)
    systems = [
        raw_pixels(database),
        sift(database),
        triplet_centroids(folder / "triplet_centroids", database),
        megadescriptor_cosine(folder / "megadescriptor_cosine", database),
    ]
    rows = {system.title: scores_of(system, database, queries) for system in systems}
    for name, published in SHIPPED.items():
        rows[name] = shipped_scores(folder / name, queries, metadata, published)
    for title, scores in rows.items():
        say(f"{title} { {key: round(item, 3) for key, item in scores.items()} }")
    return table(rows)


def inputs(open_set: Path | None) -> tuple[Path, LabelledQueries, Path]:
    """Training folder, test images and the test's metadata, of a split or of the sample."""
    if open_set:
        queries = read_queries(open_set / INPUT, open_set / TRUTH)
        return open_set / "train", queries, open_set / QUERIES
    images = SAMPLE / "input_data" / "final"
    queries = read_queries(images, SAMPLE / "reference_data" / "final" / "ref.csv")
    return SAMPLE / "train", queries, images / "metadata.csv"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = parser("training.reid.threshold_report.report", "Compare threshold rules.")
    made.add_argument("block", choices=("sample", "lion"))
    made.add_argument("--open-set", type=Path)
    made.add_argument("--systems", type=Path, default=ROOT / "submissions")
    made.add_argument("--page", type=Path, default=PAGE)
    options = made.parse_args(arguments)
    if (options.block == "sample") == bool(options.open_set):
        made.error("lion needs --open-set, sample takes none")
    return options


def work(options: argparse.Namespace) -> None:
    """Compare the rules and write the page. Raises DataError."""
    try:
        read_block(options.page, options.block)  # a page without the block is told before all work
    except ValueError as error:
        raise DataError(str(error)) from error
    train, queries, metadata = inputs(options.open_set)
    write_block(options.page, options.block, report(train, queries, metadata, options.systems))


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
