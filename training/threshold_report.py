"""How good are the thresholds? Score with five rules beside the best threshold in hindsight.

    python training/threshold_report.py sample
    python training/threshold_report.py lion --open-set DIR --systems FOLDER

`sample` looks at the two submissions as they are, on the sample's final task. `--open-set` takes
what training/split_open_set.py makes, and `--systems` a folder with `triplet_centroids` and
`megadescriptor_cosine`, each trained on DIR/train. Writes the table into THRESHOLDS.md. The rules
see the database only; hindsight, the best threshold of each dataset, sees the answers.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibrate_threshold import Answers, answers, best_threshold
from hybrid_data import DataError
from marked_block import write_block
from numpy.typing import NDArray
from reid_data import Database, read_database
from threshold_rules import extreme_value_threshold, robust_z_threshold
from threshold_systems import System, megadescriptor_cosine, raw_pixels, triplet_centroids

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scoring_program"))

from reid import threshold_curve  # noqa: E402

PAGE = ROOT / "training" / "THRESHOLDS.md"
RULES = ("published", "ours", "ours, trained pictures too", "robust z", "extreme value")


@dataclass(frozen=True)
class Test:
    """Queries (q,) with their answers."""

    paths: tuple[Path, ...]
    identity: NDArray[np.str_]
    dataset: NDArray[np.str_]
    new: NDArray[np.bool_]


def read_test(pictures: Path, reference: Path) -> Test:
    """Raises DataError where the table or a picture is not there."""
    try:
        with reference.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        paths = tuple(pictures / row["filename"] for row in rows)
        columns = [np.array([row[key] for row in rows]) for key in ("identity", "dataset")]
        new = np.array([row["new_identity"].lower() == "true" for row in rows])
    except (OSError, KeyError) as error:
        raise DataError(f"{reference}: expected a reid reference table: {error}") from error
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise DataError(f"{len(missing)} pictures of {reference} are missing: {missing[:5]}")
    return Test(paths, columns[0], columns[1], new)


def thresholds(
    system: System, database: Database, found: NDArray[np.floating]
) -> dict[str, dict[str, float]]:
    """For each rule the threshold of each dataset, from the database alone."""
    nearest = system.rule(found, database.identity)
    rounds = answers(nearest, database.identity, database.dataset, system.unseen)
    anything = answers(nearest, database.identity, database.dataset)
    return {
        "published": dict.fromkeys(rounds, system.fixed),
        "ours": {name: best_threshold(one).value for name, one in rounds.items()},
        "ours, trained pictures too": {
            name: best_threshold(one).value for name, one in anything.items()
        },
        "robust z": {name: robust_z_threshold(one) for name, one in rounds.items()},
        "extreme value": {name: extreme_value_threshold(one) for name, one in rounds.items()},
    }


def test_answers(
    system: System, database: Database, found: NDArray[np.floating], test: Test
) -> dict[str, Answers]:
    """For each dataset, what the system says about the test pictures."""
    together = np.concatenate([found, system.embed(test.paths)])
    nearest = system.rule(together, np.concatenate([database.identity, test.identity]))
    result = {}
    for name in np.unique(test.dataset).tolist():
        queries = np.flatnonzero(test.dataset == name)
        gallery = np.flatnonzero(database.dataset == name)
        best, score = nearest(gallery, queries + len(database))
        result[name] = Answers(test.identity[queries], best, score, test.new[queries])
    return result


def scores_of(system: System, database: Database, test: Test) -> dict[str, float]:
    """The leaderboard's score with each rule, and `hindsight`."""
    found = system.embed(database.paths)
    by_dataset = test_answers(system, database, found, test)
    result = {
        rule: float(np.mean([one.at(values[name]) for name, one in by_dataset.items()]))
        for rule, values in thresholds(system, database, found).items()
    }
    curves = [
        threshold_curve(one.identity, one.new, one.nearest, one.score)
        for one in by_dataset.values()
    ]
    return {**result, "hindsight": float(np.mean([curve.score.max() for curve in curves]))}


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """One line a system; the last column is how much of hindsight ours reaches."""
    titles = ["system", *RULES, "hindsight", "ours / hindsight"]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for title, scores in rows.items():
        cells = [f"{scores[rule]:.3f}" for rule in (*RULES, "hindsight")]
        best = scores["hindsight"]
        share = f"{scores['ours'] / best:.0%}" if best else "\u2013"
        lines.append(f"| {title} | " + " | ".join([*cells, share]) + " |")
    return "\n".join(lines)


def report(train: Path, test: Test, folders: Sequence[Path]) -> str:
    """folders: of triplet_centroids and megadescriptor_cosine."""
    database = read_database(train)
    systems = [
        raw_pixels(database),
        triplet_centroids(folders[0], database),
        megadescriptor_cosine(folders[1], database),
    ]
    rows = {}
    for system in systems:
        rows[system.title] = scores_of(system, database, test)
        print(system.title, {key: round(item, 3) for key, item in rows[system.title].items()})
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
    folders = [options.systems / n for n in ("triplet_centroids", "megadescriptor_cosine")]
    try:
        if options.open_set:
            train, dev = options.open_set / "train", options.open_set / "dev"
            test = read_test(dev / "images", dev / "ref_dev.csv")
        else:
            train = sample / "train"
            reference = sample / "reference_data" / "final" / "ref.csv"
            test = read_test(sample / "input_data" / "final", reference)
        write_block(options.page, options.block, report(train, test, folders))
    except (DataError, OSError, ValueError) as error:
        print(f"threshold_report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
