"""Fit the weights of the evidence, and choose which evidence counts and the thresholds.

A query's own individual never shapes the weights that score it: weights are fitted once without
each fold of individuals, and thresholds are chosen with those. The submission gets weights that
were fitted on all folds. The folds' scores are brought to the scale of those: where the evidence is
weak, folds differ more from each other than scores do, and a threshold between the folds would lie
above, or below, all scores of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from training.common.console import say
from training.common.errors import DataError
from training.reid.database import Database
from training.reid.open_set_ensemble.evidence import SHORTLIST, AllWeights, Tables, Weights
from training.reid.thresholds.choose import Threshold, choose_thresholds, mean_score
from training.reid.thresholds.nearest import Names, Nearest, Rows
from training.reid.thresholds.splits import draw_split
from training.reid.thresholds.validation import FOLDS, TOO_FEW, individual_folds
from wildlife_reid.evidence import EVIDENCE
from wildlife_reid.open_set import POOLED

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Not the seeds that choose thresholds: those should see predictions of weights fitted elsewhere.
FIT_SEEDS = tuple(range(100, 112))
FEWEST_HITS = 30  # right (query, individual) pairs below which a dataset gets the pooled weights
# Evidence that may count, from little to all; validation chooses.
SETS: Mapping[str, Sequence[str]] = {
    "networks": ("cosine", "cosine_lead", "images"),
    "verified": ("verified", "images"),
    "verified and lead": ("verified", "lead", "images"),
    "neighbours": ("neighbours", "images"),
    "all local": ("verified", "lead", "neighbours", "images"),
    "local and viewpoint": ("verified", "lead", "neighbours", "other_viewpoint", "images"),
    "verified and networks": ("verified", "lead", "cosine", "cosine_lead", "images"),
    "verified, networks and viewpoint": (
        "verified",
        "lead",
        "cosine",
        "cosine_lead",
        "other_viewpoint",
        "images",
    ),
    "all": EVIDENCE,
}


@dataclass(frozen=True)
class Examples:
    """Evidence (m, 7) of (query, individual) pairs, whether they are right (m,), and the fold (m,)
    of the query's individual."""

    table: Array
    right: Mask
    fold: Rows

    def without(self, fold: int) -> Examples:
        """The examples of all other folds."""
        kept = self.fold != fold
        return Examples(self.table[kept], self.right[kept], self.fold[kept])


def examples(
    tables: Tables,
    identity: Names,
    validation: Mask,
    shortlist: int = SHORTLIST,
    seeds: Sequence[int] = FIT_SEEDS,
) -> Examples:
    """Pairs of many splits; identity and validation (n,) cover the whole database.

    Raises DataError where the dataset cannot be split.
    """
    folds, table, right, fold = individual_folds(identity), [], [], []
    for seed in seeds:
        split = draw_split(identity, tables.rows, validation, seed)
        gallery = np.searchsorted(tables.rows, split.gallery)
        queries = np.searchsorted(tables.rows, split.queries)
        for row, query in zip(split.queries.tolist(), queries.tolist(), strict=True):
            names, rows = tables.individuals(query, gallery, shortlist)
            table.append(rows)
            right.append(names == identity[row])
            fold.append(np.full(len(names), folds[row]))
    return Examples(np.concatenate(table), np.concatenate(right), np.concatenate(fold))


def fit_weights(table: Array, right: Mask, used: Sequence[str] = EVIDENCE) -> Weights:
    """Fit a logistic regression on the evidence in `used`; the other evidence weighs 0."""
    columns = [EVIDENCE.index(name) for name in used]
    # Scaled for the fit only, because its penalty treats all columns alike.
    scaler = StandardScaler().fit(table[:, columns])
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(scaler.transform(table[:, columns]), right)
    # Back to the evidence's own units, so that serving needs no scaler.
    weights = np.zeros(len(EVIDENCE))
    weights[columns] = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - (weights[columns] * scaler.mean_).sum())
    return Weights(weights, intercept)


def fit(made: Mapping[str, Examples], used: Sequence[str]) -> dict[str, Weights]:
    """Fit weights of each dataset and POOLED, from the examples of each dataset.

    Raises DataError where no example is right.
    """
    table = np.concatenate([one.table for one in made.values()])
    right = np.concatenate([one.right for one in made.values()])
    if not right.any():
        raise DataError(TOO_FEW)
    weights = {POOLED: fit_weights(table, right, used)}
    for name, one in made.items():
        enough = one.right.sum() >= FEWEST_HITS
        weights[name] = fit_weights(one.table, one.right, used) if enough else weights[POOLED]
    return weights


def on_scale_of(whole: AllWeights, part: AllWeights, made: Mapping[str, Examples]) -> AllWeights:
    """`part`, with the mean and standard deviation that `whole` has on each dataset's examples."""
    scaled = dict(part)
    for name, one in made.items():
        own, target = part[name].score(one.table), whole[name].score(one.table)
        factor = float(target.std()) / max(float(own.std()), 1e-12)
        intercept = (part[name].intercept - float(own.mean())) * factor + float(target.mean())
        scaled[name] = Weights(part[name].weights * factor, intercept)
    return scaled


def nearest_of(
    tables: Mapping[str, Tables],
    weights: Sequence[AllWeights],
    database: Database,
    shortlist: int = SHORTLIST,
) -> Nearest:
    """The ensemble's predictions when only some rows are the gallery.

    weights: for each fold of `individual_folds`, fitted without that fold.
    """
    folds = individual_folds(database.identity)

    def nearest(gallery: Rows, queries: Rows) -> tuple[Names, Array]:
        dataset = str(database.dataset[gallery[0]])
        own = tables[dataset]
        positions = np.searchsorted(own.rows, gallery)
        best, score = [], np.zeros(len(queries))
        for number, query in enumerate(np.searchsorted(own.rows, queries).tolist()):
            names, table = own.individuals(query, positions, shortlist)
            values = weights[folds[own.rows[query]]][dataset].score(table)
            best.append(str(names[int(values.argmax())]))
            score[number] = values.max()
        return np.array(best), score

    return nearest


def choose(
    tables: Mapping[str, Tables], database: Database, validation: Mask
) -> tuple[str, dict[str, Weights], dict[str, Threshold]]:
    """The set of SETS with the best validation score, its weights and its thresholds.

    Raises DataError where a dataset cannot be split.
    """
    identity, dataset = database.identity, database.dataset
    made = {name: examples(table, identity, validation) for name, table in tables.items()}
    parts = [{name: one.without(k) for name, one in made.items()} for k in range(FOLDS)]
    tried = []
    for name, used in SETS.items():
        whole = fit(made, used)
        folds = [on_scale_of(whole, fit(part, used), made) for part in parts]
        nearest = nearest_of(tables, folds, database)
        thresholds = choose_thresholds(nearest, identity, dataset, validation)
        score = mean_score(thresholds)
        rank1 = float(np.mean([one.rank1 for one in thresholds.values()]))
        say(f"{name}: validation score {score:.3f}, rank-1 of known {rank1:.3f}")
        tried.append((score, name, whole, thresholds))
    # `max` takes the first of equals, which is the smaller set.
    _, name, weights, thresholds = max(tried, key=lambda one: one[0])
    return name, weights, thresholds
