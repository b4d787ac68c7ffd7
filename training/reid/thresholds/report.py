"""How good are the thresholds? Score with five rules beside the best threshold in hindsight.

    python -m training.reid.thresholds.report sample
    python -m training.reid.thresholds.report lion --open-set DIR --systems FOLDER

`sample` looks at the submissions as they are, on the sample's final task. `--open-set` takes what
training/reid/split.py makes, and `--systems` a folder with the five submissions, each trained
on DIR/train. Writes the table into THRESHOLDS.md. The rules see the database only; hindsight, the
best threshold of each dataset, sees the answers. Of submissions that fuse several scores
(training/reid/thresholds/shipped.py) only the threshold that they ship with is compared.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.markdown import write_block
from training.common.errors import DataError
from training.reid.database import Database, read_database
from training.reid.thresholds.calibrate import Answers, Nearest, answers, best_threshold
from training.reid.thresholds.halves import HINDSIGHT, LEARNED, OURS
from training.reid.thresholds.labelled_test import Test, read_test, rule_scores
from training.reid.thresholds.rules import extreme_value_threshold, robust_z_threshold
from training.reid.thresholds.shipped import SHIPPED, shipped_scores
from training.reid.thresholds.systems import (
    System,
    megadescriptor_cosine,
    raw_pixels,
    sift,
    triplet_centroids,
)

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "training" / "THRESHOLDS.md"
RULES = ("published", "ours", "ours, trained pictures too", "robust z", "extreme value")
SHARES = {
    "ours / hindsight": ("ours", "hindsight"),
    "on halves, ours / hindsight": (OURS, HINDSIGHT),
    "on halves, the other half's best / hindsight": (LEARNED, HINDSIGHT),
}
ByDataset = dict[str, float]


def thresholds(system: System, database: Database, nearest: Nearest) -> dict[str, ByDataset]:
    """For each rule the threshold of each dataset, from the database alone."""
    rounds = answers(nearest, database.identity, database.dataset, system.unseen)
    anything = answers(nearest, database.identity, database.dataset)
    found = {
        "ours": {name: best_threshold(one).value for name, one in rounds.items()},
        "ours, trained pictures too": {
            name: best_threshold(one).value for name, one in anything.items()
        },
        "robust z": {name: robust_z_threshold(one) for name, one in rounds.items()},
        "extreme value": {name: extreme_value_threshold(one) for name, one in rounds.items()},
    }
    if system.fixed is not None:
        found["published"] = dict.fromkeys(rounds, system.fixed)
    return found


def test_answers(nearest: Nearest, database: Database, test: Test) -> dict[str, Answers]:
    """For each dataset, what the system says about the test pictures."""
    result = {}
    for name in np.unique(test.dataset).tolist():
        queries = np.flatnonzero(test.dataset == name)
        gallery = np.flatnonzero(database.dataset == name)
        best, score = nearest(gallery, queries + len(database))
        result[name] = Answers(test.identity[queries], best, score, test.new[queries])
    return result


def scores_of(system: System, database: Database, test: Test) -> dict[str, float]:
    """The leaderboard's score with each rule, and `hindsight`."""
    paths = (*database.paths, *test.paths)
    nearest = system.nearest(paths, np.concatenate([database.identity, test.identity]))
    return rule_scores(test_answers(nearest, database, test), thresholds(system, database, nearest))


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """One line a system; the last columns are shares of hindsight."""
    titles = ["system", *RULES, "hindsight", *SHARES]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for title, scores in rows.items():
        cells = [
            f"{scores[rule]:.3f}" if rule in scores else "\u2013" for rule in (*RULES, "hindsight")
        ]
        for rule, best in SHARES.values():
            cells.append(f"{scores[rule] / scores[best]:.0%}" if scores.get(best) else "\u2013")
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(train: Path, test: Test, metadata: Path, folder: Path) -> str:
    """folder: with the five submissions, trained on `train`; metadata: the test's table."""
    database = read_database(train)
    systems = [
        raw_pixels(database),
        sift(database),
        triplet_centroids(folder / "triplet_centroids", database),
        megadescriptor_cosine(folder / "megadescriptor_cosine", database),
    ]
    rows = {system.title: scores_of(system, database, test) for system in systems}
    for name, fixed in SHIPPED.items():
        rows[name] = shipped_scores(folder / name, test, metadata, fixed)
    for title, scores in rows.items():
        print(title, {key: round(item, 3) for key, item in scores.items()})
    return table(rows)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare threshold rules; write THRESHOLDS.md.")
    parser.add_argument("block", choices=("sample", "lion"))
    parser.add_argument("--open-set", type=Path)
    parser.add_argument("--systems", type=Path, default=ROOT / "submissions")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    sample = ROOT / "sample_data" / "reid"
    if (options.block == "sample") == bool(options.open_set):
        parser.error("lion needs --open-set, sample takes none")
    try:
        if options.open_set:
            train, dev = options.open_set / "train", options.open_set / "dev"
            test = read_test(dev / "images", dev / "ref_dev.csv")
            metadata = dev / "metadata.csv"
        else:
            train = sample / "train"
            reference = sample / "reference_data" / "final" / "ref.csv"
            test = read_test(sample / "input_data" / "final", reference)
            metadata = sample / "input_data" / "final" / "metadata.csv"
        table_of_rules = report(train, test, metadata, options.systems)
        write_block(options.page, options.block, table_of_rules)
    except (DataError, OSError, RuntimeError, ValueError) as error:
        print(f"threshold_report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
