"""Compare batch (M classes x K images), margin and learning rate of `triplet_centroids`.

Run by its `--search`. Each trial trains on the images that are not for validation, for the preset's
number of epochs, and is judged by rank-1 on the validation images: the share of known queries, in
open-set splits of the database, whose nearest individual is the right one; the mean over datasets.
Optuna keeps finished trials in OUT/search.db, so a killed search resumes with the missing ones;
only the trials in progress are lost. Trials run in processes of their own, with their share of the
threads. Writes OUT/trials.csv after every trial, and OUT/trials.png at the end.
"""

from __future__ import annotations

import csv
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
from optuna.distributions import BaseDistribution, CategoricalDistribution

from training.common import processes
from training.common.atomic import replaced, write_text
from training.common.console import say
from training.common.errors import DataError, TrainingError
from training.reid.database import Database, read_database
from training.reid.embedding.batches import with_more
from training.reid.embedding.recipe import Recipe, train_embedding
from training.reid.embedding.triplet import build, embed_squares
from training.reid.images import read_squares, table_digest
from training.reid.landmarks.files import WHOLE, Pose, read_landmarks
from training.reid.thresholds.choose import choose_thresholds
from training.reid.thresholds.nearest import nearest_centroid
from training.reid.thresholds.validation import validation_rows

GRID: dict[str, tuple[Any, ...]] = {
    "batch": ("8x8", "16x4", "32x2"),
    "margin": (0.1, 0.3, 0.5),
    "learning_rate": (1e-4, 1e-3, 2e-3),
}
COLUMNS = (*GRID, "rank1", "state")

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
    processes.refuse_several("start a search without a launcher")
    out.mkdir(parents=True, exist_ok=True)
    study = _study(data, out, recipe, pose)
    done = [trial.params for trial in study.trials]
    points = [dict(zip(GRID, row, strict=True)) for row in itertools.product(*GRID.values())]
    left = [point for point in points if point not in done]
    say(f"{len(points)} points, {len(points) - len(left)} finished; {jobs} at a time")
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
    """The data that all trials share.

    squares (n, 3, s, s) of the database, validation (n,) which of them are for validation; images
    (m, 3, s, s) to train on and their identity (m,). Arrays, because tensors would go to the
    processes through shared memory, of which a container may have little.
    """

    database: Database
    squares: NDArray[np.uint8]
    validation: NDArray[np.bool_]
    images: NDArray[np.uint8]
    identity: NDArray[np.str_]


def prepare(data: Path, recipe: Recipe, pose: Pose) -> Prepared:
    """Read every image once. Raises DataError."""
    database = read_database(data)
    validation = validation_rows(database)
    landmarks, fit = read_landmarks(pose.landmarks), np.flatnonzero(~validation)
    squares = read_squares(database.paths, recipe.image_size, landmarks)
    images, identity = with_more(squares[fit], database.identity[fit], pose.more, landmarks)
    return Prepared(database, squares.numpy(), validation, images.numpy(), identity)


def trial_rank1(prepared: Prepared, recipe: Recipe, point: Point, threads: int) -> float | None:
    """Rank-1 of one point; None where its loss was not finite."""
    torch.set_num_threads(threads)
    database, squares = prepared.database, torch.from_numpy(prepared.squares)
    changed = at_point(recipe, point)
    network, settings = build(changed)
    images = torch.from_numpy(prepared.images)
    try:
        train_embedding(changed, network, images, prepared.identity, report=None)
    except TrainingError:
        return None
    nearest = nearest_centroid(embed_squares(network, squares, settings), database.identity)
    chosen = choose_thresholds(nearest, database.identity, database.dataset, prepared.validation)
    return float(np.mean([item.rank1 for item in chosen.values()]))


def at_point(recipe: Recipe, point: Point) -> Recipe:
    """The recipe with the settings of one point of the grid."""
    count, samples = map(int, point["batch"].split("x"))
    others = {name: item for name, item in point.items() if name != "batch"}
    return replace(recipe, classes_per_batch=count, samples_per_class=samples, **others)


def _study(data: Path, out: Path, recipe: Recipe, pose: Pose) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Everything but what the grid varies; trials of different settings do not compare.
    varied = {"classes_per_batch": 0, "samples_per_class": 0, "margin": 0, "learning_rate": 0}
    fixed = {**asdict(recipe), **varied, "data": table_digest(data) + pose.as_given()}
    settings = json.dumps(fixed, sort_keys=True)
    study = optuna.create_study(
        study_name="triplet_centroids",
        storage=f"sqlite:///{(out / 'search.db').resolve()}",
        direction="maximize",
        load_if_exists=True,
    )
    theirs = study.user_attrs.get("settings", settings)
    if theirs != settings:
        raise DataError(f"{out} holds a search with {theirs}, now {settings}; give another --out")
    study.set_user_attr("settings", settings)
    return study


def _keep(study: optuna.Study, point: Point, rank1: float | None) -> None:
    state = optuna.trial.TrialState.FAIL if rank1 is None else optuna.trial.TrialState.COMPLETE
    ranges: dict[str, BaseDistribution] = {
        name: CategoricalDistribution(values) for name, values in GRID.items()
    }
    study.add_trial(
        optuna.trial.create_trial(state=state, params=point, distributions=ranges, value=rank1)
    )
    outcome = "the loss was not finite" if rank1 is None else f"rank-1 {rank1:.3f}"
    say(", ".join(f"{name} {item}" for name, item in point.items()) + f": {outcome}")


def write_table(study: optuna.Study, out: Path) -> list[optuna.trial.FrozenTrial]:
    """Write trials.csv, best first; return the trials in this order."""
    order = sorted(study.trials, key=lambda t: (t.value is None, -(t.value or 0), str(t.params)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for trial in order:
        value = "" if trial.value is None else f"{trial.value:.4f}"
        writer.writerow([*(trial.params[name] for name in GRID), value, trial.state.name.lower()])
    write_text(out / "trials.csv", text.getvalue())
    return order


def plot(order: list[optuna.trial.FrozenTrial], path: Path) -> None:
    """Plot rank-1 over each setting, of the trials that have one."""
    trials = [trial for trial in order if trial.value is not None]
    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(GRID), figsize=(9, 3), sharey=True)
    for axis, (name, values) in zip(axes, GRID.items(), strict=True):
        positions = [values.index(trial.params[name]) for trial in trials]
        axis.plot(positions, [trial.value for trial in trials], "o", alpha=0.6)
        axis.set_xticks(range(len(values)), [str(item) for item in values])
        axis.set_xlabel(name)
    axes[0].set_ylabel("rank-1, validation images")
    figure.tight_layout()
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    pyplot.close(figure)
