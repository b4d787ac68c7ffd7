"""Compare M x K, margin and learning rate of `triplet_centroids`; run by its `--search`.

Each trial trains on the pictures that are not kept back, for the preset's number of epochs, and is
judged by rank-1 on the kept-back ones: the share of known queries, in open-set splits of the
database, whose nearest individual is the right one; the mean over datasets. Finished trials are
kept by Optuna in OUT/search.db, so a search that was killed goes on with what is missing; only the
trials in progress are lost. Trials run in processes of their own, with their share of the threads.
Into OUT also go trials.csv, after every trial, and trials.png at the end.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import optuna
import torch
from numpy.typing import NDArray
from optuna.distributions import CategoricalDistribution

from training.common.errors import DataError
from training.reid.database import Database, read_database
from training.reid.embedding.images import read_squares, with_more
from training.reid.embedding.recipe import Recipe, embeddings, kept_back, trained_network
from training.reid.embedding.trainer import TrainingError
from training.reid.landmarks.files import WHOLE, Pose, read_landmarks
from training.reid.thresholds.calibrate import calibrate, nearest_centroid

GRID: dict[str, tuple[Any, ...]] = {
    "batch": ("8x8", "16x4", "32x2"),
    "margin": (0.1, 0.3, 0.5),
    "rate": (1e-4, 1e-3, 2e-3),
}
COLUMNS = ("batch", "margin", "rate", "rank1", "state")

Point = dict[str, Any]


def search(
    data: Path,
    out: Path,
    recipe: Recipe,
    jobs: int,
    trials: int | None = None,
    pose: Pose = WHOLE,
) -> None:
    """Run the grid's points that are not finished, `jobs` at a time, at most `trials` of them.

    Raises DataError where OUT holds a search of other data or another recipe.
    """
    prepared = prepare(data, recipe, pose)
    out.mkdir(parents=True, exist_ok=True)
    study = _study(data, out, recipe, pose)
    done = [trial.params for trial in study.trials]
    points = [dict(zip(GRID, row, strict=True)) for row in itertools.product(*GRID.values())]
    left = [point for point in points if point not in done]
    print(f"{len(points)} points, {len(points) - len(left)} finished; {jobs} at a time")
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        asked = {
            pool.submit(trial_rank1, prepared, recipe, point, threads): point
            for point in left[:trials]
        }
        for ended in as_completed(asked):
            _keep(study, asked[ended], ended.result())
            write_table(study, out)
    plot(write_table(study, out), out / "trials.png")


@dataclass(frozen=True)
class Prepared:
    """What all trials share: squares (n, 3, s, s) of the database and which are kept back (n,);
    pictures (m, 3, s, s) to train on and their identity (m,). Arrays, because tensors would go to
    the processes through shared memory, of which a container may have little."""

    database: Database
    squares: NDArray[np.uint8]
    unseen: NDArray[np.bool_]
    pictures: NDArray[np.uint8]
    identity: NDArray[np.str_]


def prepare(data: Path, recipe: Recipe, pose: Pose) -> Prepared:
    """Read every picture once. Raises DataError."""
    database = read_database(data)
    unseen = kept_back(database)
    landmarks, fit = read_landmarks(pose.landmarks), np.flatnonzero(~unseen)
    squares = read_squares(database.paths, recipe.side, landmarks)
    pictures, identity = with_more(squares[fit], database.identity[fit], pose.more, landmarks)
    return Prepared(database, squares.numpy(), unseen, pictures.numpy(), identity)


def trial_rank1(prepared: Prepared, recipe: Recipe, point: Point, threads: int) -> float | None:
    """Rank-1 of one point; None where its loss was not finite."""
    torch.set_num_threads(threads)
    database, squares = prepared.database, torch.from_numpy(prepared.squares)
    try:
        network, settings = trained_network(
            at_point(recipe, point), torch.from_numpy(prepared.pictures), prepared.identity
        )
    except TrainingError:
        return None
    found = embeddings(network, squares, settings)
    nearest = nearest_centroid(found, database.identity)
    chosen = calibrate(nearest, database.identity, database.dataset, prepared.unseen)
    return float(np.mean([item.rank1 for item in chosen.values()]))


def at_point(recipe: Recipe, point: Point) -> Recipe:
    individuals, views = map(int, point["batch"].split("x"))
    return replace(
        recipe, classes=individuals, views=views, margin=point["margin"], rate=point["rate"]
    )


def _study(data: Path, out: Path, recipe: Recipe, pose: Pose) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    digest = hashlib.sha256((data / "metadata.csv").read_bytes()).hexdigest()[:16]
    searched = {"classes": 0, "views": 0, "margin": 0, "rate": 0}
    same = {**asdict(recipe), **searched, "data": digest + pose.as_given()}
    said = json.dumps(same, sort_keys=True)
    study = optuna.create_study(
        study_name="triplet_centroids",
        storage=f"sqlite:///{(out / 'search.db').resolve()}",
        direction="maximize",
        load_if_exists=True,
    )
    theirs = study.user_attrs.get("settings", said)
    if theirs != said:
        raise DataError(f"{out} holds a search with {theirs}, now {said}; give another --out")
    study.set_user_attr("settings", said)
    return study


def _keep(study: optuna.Study, point: Point, rank1: float | None) -> None:
    state = optuna.trial.TrialState.FAIL if rank1 is None else optuna.trial.TrialState.COMPLETE
    ranges = {name: CategoricalDistribution(values) for name, values in GRID.items()}
    study.add_trial(
        optuna.trial.create_trial(state=state, params=point, distributions=ranges, value=rank1)
    )
    said = "the loss was not finite" if rank1 is None else f"rank-1 {rank1:.3f}"
    print(", ".join(f"{name} {item}" for name, item in point.items()) + f": {said}", flush=True)


def write_table(study: optuna.Study, out: Path) -> list[optuna.trial.FrozenTrial]:
    """trials.csv, best first; returned are the trials in this order."""
    order = sorted(study.trials, key=lambda t: (t.value is None, -(t.value or 0), str(t.params)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for trial in order:
        value = "" if trial.value is None else f"{trial.value:.4f}"
        writer.writerow([*(trial.params[name] for name in GRID), value, trial.state.name.lower()])
    part = out / "trials.csv.part"
    part.write_text(text.getvalue(), encoding="utf-8")
    part.replace(out / "trials.csv")
    return order


def plot(order: list[optuna.trial.FrozenTrial], path: Path) -> None:
    """Rank-1 over each setting, of the trials that have one."""
    trials = [trial for trial in order if trial.value is not None]
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(GRID), figsize=(9, 3), sharey=True)
    for axis, (name, values) in zip(axes, GRID.items(), strict=True):
        places = [values.index(trial.params[name]) for trial in trials]
        axis.plot(places, [trial.value for trial in trials], "o", alpha=0.6)
        axis.set_xticks(range(len(values)), [str(item) for item in values])
        axis.set_xlabel(name)
    axes[0].set_ylabel("rank-1, kept-back pictures")
    figure.tight_layout()
    part = path.with_name(path.stem + ".part.png")
    figure.savefig(part, dpi=120)
    pyplot.close(figure)
    part.replace(path)
