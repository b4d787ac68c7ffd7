"""Compare heads by Hyperband: layers, units, dropout, optimiser; run by `--search`.

Each trial trains a head for every fold of the data, an epoch of all of them at a time, and is
judged by the accuracy over all images, each named by the head that did not see it. Hyperband (Li
et al. 2018) ends a trial early that falls behind. Optuna keeps trials in OUT/search.db, so that a
killed search resumes; only the trial in progress is lost. Writes OUT/trials.csv after every trial,
best first, and OUT/trials.png at the end.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import optuna
from matplotlib.figure import Figure
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from kit.markdown import table
from training.common import processes
from training.common.atomic import replaced, write_text
from training.common.cache import Features
from training.common.console import say
from training.common.digests import short_digest
from training.common.errors import DataError, TrainingError
from training.family.collection import TABLE, read_collection
from training.family.features import Sight, TowerFeatures
from training.family.heads.recipe import ADAGRAD, ADAM, HeadRecipe
from training.family.heads.trainer import HeadTrainer, Labelled, logits_of
from training.family.recipe import Recipe
from training.family.split import folds
from training.family.towers import start_tower, tower_digest

FOLDS = 5
# Adam takes steps of the learning rate's size; a hundredth, as published for Adagrad, ruins a head.
LEARNING_RATES = {ADAM: 1e-3, ADAGRAD: 0.01}
VARIED = ("layers", "units", "dropout", "optimiser")
COLUMNS = (*VARIED, "accuracy", "epochs", "state")
_STEP = 100  # of units


@dataclass(frozen=True)
class Prepared:
    """What all trials share: features (n, copies, d), families by number, folds (n,)."""

    features: Features
    labels: NDArray[np.intp]
    fold: NDArray[np.intp]

    def part(self, rows: NDArray[np.bool_]) -> Labelled:
        """Return some rows, by a mask (n,)."""
        return Labelled(self.features[rows], self.labels[rows])


def search(data: Path, out: Path, recipe: Recipe, trials: int) -> str:
    """Run trials until OUT holds `trials` of them; return the best ones as Markdown.

    Raises DataError where OUT holds a search of other data or another recipe.
    """
    prepared = prepare(data, recipe)
    processes.refuse_several("start a search without a launcher")
    out.mkdir(parents=True, exist_ok=True)
    study = open_study(out, recipe, short_digest(data / TABLE))
    finished = [trial for trial in study.trials if trial.state.is_finished()]
    say(f"{len(finished)} of {trials} trials are finished")
    study.optimize(
        lambda trial: accuracy_of(trial, prepared, recipe.head),
        n_trials=max(trials - len(finished), 0),
        catch=(TrainingError,),
        callbacks=[lambda study, trial: _keep(study, trial, out)],
    )
    order = write_trials(study, out)
    plot(order, out / "trials.png")
    return log_table(order)


def prepare(data: Path, recipe: Recipe) -> Prepared:
    """Return the features of all images, and their folds. Raises DataError."""
    collection = read_collection(data)
    tower, settings = start_tower(recipe.tower)
    sight = Sight(recipe.views(), settings)
    features = TowerFeatures(tower, tower_digest(tower, settings), sight)
    _, labels = np.unique(collection.family, return_inverse=True)
    copies = features.copies(collection.paths, recipe.copies)
    return Prepared(copies, labels.astype(np.intp), folds(collection.family, FOLDS))


def accuracy_of(trial: optuna.Trial, prepared: Prepared, head: HeadRecipe) -> float:
    """Train a head for each fold, an epoch at a time; return the accuracy over all images."""
    tried = suggested(trial, head)
    families = int(prepared.labels.max()) + 1
    parts = [(prepared.part(prepared.fold != k), prepared.fold == k) for k in range(FOLDS)]
    trainers = [HeadTrainer(tried, fit, families, prepared.part(seen)) for fit, seen in parts]
    best = 0.0
    for epoch in range(tried.epochs):
        right = 0
        for trainer, (_, seen) in zip(trainers, parts, strict=True):
            trainer.advance()
            logits = logits_of(trainer.head.eval(), prepared.features[seen, :1])
            right += int((logits.argmax(axis=1) == prepared.labels[seen]).sum())
        best = max(best, right / len(prepared.labels))
        trial.report(best, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return best


def suggested(trial: optuna.Trial, head: HeadRecipe) -> HeadRecipe:
    """Return the recipe with the values that Optuna wants to see, in the published ranges."""
    return replace(
        head,
        layers=trial.suggest_int("layers", 1, 3),
        units=trial.suggest_int("units", 400, 1000, step=_STEP),
        dropout=trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        optimiser=trial.suggest_categorical("optimiser", [ADAM, ADAGRAD]),
        learning_rate=LEARNING_RATES[trial.params["optimiser"]],
    )


def open_study(out: Path, recipe: Recipe, data: str) -> optuna.Study:
    """Open or begin the study in OUT. Raises DataError where it is of other data or settings."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fixed = {**asdict(recipe), "data": data, "folds": FOLDS}
    fixed["head"] = {k: v for k, v in fixed["head"].items() if k not in VARIED}
    settings = json.dumps(fixed, sort_keys=True)
    study = optuna.create_study(
        study_name="efficientnet_families",
        storage=f"sqlite:///{(out / 'search.db').resolve()}",
        direction="maximize",
        pruner=optuna.pruners.HyperbandPruner(max_resource=recipe.head.epochs, reduction_factor=3),
        load_if_exists=True,
    )
    theirs = study.user_attrs.get("settings", settings)
    if theirs != settings:
        raise DataError(f"{out} holds a search with {theirs}, now {settings}; give another --out")
    study.set_user_attr("settings", settings)
    # With one seed a resumed search would suggest the first trials again.
    study.sampler = optuna.samplers.TPESampler(seed=recipe.head.seed + len(study.trials))
    return study


def _keep(study: optuna.Study, trial: FrozenTrial, out: Path) -> None:
    write_trials(study, out)
    value = max(trial.intermediate_values.values(), default=float("nan"))
    settings = ", ".join(f"{name} {trial.params.get(name)}" for name in VARIED)
    say(f"{settings}: accuracy {value:.3f}, {trial.state.name.lower()}")


def write_trials(study: optuna.Study, out: Path) -> list[FrozenTrial]:
    """Write trials.csv, best first; return the trials in this order."""
    order = sorted(study.trials, key=lambda one: (-_reached(one), one.number))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for trial in order:
        reached = f"{_reached(trial):.4f}" if trial.intermediate_values else ""
        values = [_short(trial.params.get(name, "")) for name in VARIED]
        writer.writerow([*values, reached, len(trial.intermediate_values), _state(trial)])
    write_text(out / "trials.csv", text.getvalue())
    return order


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)  # 0.3, not 0.30000000000000004


def _reached(trial: FrozenTrial) -> float:
    return max(trial.intermediate_values.values(), default=-1.0)


def _state(trial: FrozenTrial) -> str:
    return "the loss was not finite" if trial.state == TrialState.FAIL else trial.state.name.lower()


def plot(order: list[FrozenTrial], path: Path) -> None:
    """Plot the accuracy over each setting; trials that were ended early are hollow."""
    figure = Figure(figsize=(11, 3))
    axes = figure.subplots(1, len(VARIED), sharey=True)
    trials = [trial for trial in order if trial.intermediate_values]
    for axis, name in zip(axes, VARIED, strict=True):
        for trial in trials:
            whole = trial.state == TrialState.COMPLETE
            fill = "C0" if whole else "none"
            axis.plot(trial.params[name], _reached(trial), "o", color="C0", mfc=fill, alpha=0.7)
        axis.set_xlabel(name)
    axes[0].set_ylabel("accuracy, validation images")
    figure.tight_layout()
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def log_table(order: list[FrozenTrial], shown: int = 10) -> str:
    """Return the first trials as Markdown, best first, and how many there are."""
    lines = []
    for trial in order[:shown]:
        settings = [_short(trial.params.get(name, "")) for name in VARIED]
        epochs = str(len(trial.intermediate_values))
        reached = f"{_reached(trial):.3f}" if trial.intermediate_values else ""
        lines.append([*settings, reached, epochs, _state(trial)])
    ended = sum(trial.state == TrialState.PRUNED for trial in order)
    count = f"The best {len(lines)} of {len(order)} trials; ended early: {ended}."
    return "\n".join([*table(COLUMNS, lines), "", count])
