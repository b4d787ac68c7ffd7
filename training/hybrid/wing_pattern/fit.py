"""Fit what `wing_pattern_sgd` serves: the class geometry, and the weights of its evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import SGDClassifier

from training.hybrid.covariance import class_statistics, whitening
from training.hybrid.crosses import Groups, cross_maps, lookalike
from wildlife_wings.pattern_features import COLOUR_CHANNELS, pattern_map
from wildlife_wings.pattern_features import aligned_wings as aligned_wings
from wildlife_wings.pattern_geometry import EVIDENCE as EVIDENCE
from wildlife_wings.pattern_geometry import ClassGeometry, ClassSpace, region_blocks
from wildlife_wings.pattern_geometry import to_arrays as to_arrays

Array = NDArray[np.float64]
Labels = NDArray[np.str_]

SEED = 20250
INNER_FOLDS = 4
CROSS_PATCHES = 6
CROSSES_PER_FOLD = 400


@dataclass(frozen=True)
class Settings:
    """Settings of the score, chosen inside the training data (comparisons/, LOG.md)."""

    components: int = 60  # principal components of the whole wing
    region_components: int = 15
    grid: tuple[int, int] = (3, 3)
    shrinkage: float = 0.3  # of the within-class covariance towards a ball
    evidence: tuple[str, ...] = EVIDENCE
    edges: bool = True
    lookalikes: bool = True  # train the weights on hue- and outline-shifted images too
    views: bool = True  # upper and under side are classes of their own, where the table tells
    known_hybrids: bool = True  # train the weights on the table's own hybrids too


@dataclass(frozen=True)
class Examples:
    """Images as aligned wings (n, 72, 96, 4), with their subspecies, specimen and view (n,)."""

    wings: Array
    subspecies: Labels
    specimen: Labels
    view: Labels

    def __getitem__(self, rows: NDArray[np.bool_]) -> Examples:
        return Examples(
            self.wings[rows], self.subspecies[rows], self.specimen[rows], self.view[rows]
        )

    @property
    def groups(self) -> Groups:
        """The images by subspecies and view."""
        return Groups.of(self.subspecies, self.view)

    def maps(self, settings: Settings) -> Array:
        """Return pattern maps (n, 18, 12, 7)."""
        return pattern_maps(self.wings, settings)


@dataclass(frozen=True)
class HybridScore:
    """score = sum(weights * (evidence - centre) / scale), each (3,) in the order of EVIDENCE."""

    geometry: ClassGeometry
    centre: Array
    scale: Array
    weights: Array

    def __call__(self, maps: Array) -> Array:
        """(n, rows, columns, channels) -> (n,) log-odds."""
        scores: Array = (evidence_table(self.geometry, maps) - self.centre) / self.scale
        return scores @ self.weights


def pattern_maps(wings: Array, settings: Settings) -> Array:
    """Map wings (n, 72, 96, 4) to (n, 18, 12, 7); without `edges` those channels are zero."""
    maps = np.stack([pattern_map(w) for w in wings])
    if not settings.edges:
        maps[..., COLOUR_CHANNELS:] = 0.0
    return maps


def evidence_table(geometry: ClassGeometry, maps: Array) -> Array:
    """Return EVIDENCE (distance, midpoint, mosaic) of every map, (n, 3).

    Higher = more likely a cross. `maps` is (n, rows, columns, channels).
    """
    return np.stack([geometry.evidence(m) for m in maps])


def fit_class_space(
    features: Array, groups: Groups, components: int, shrinkage: float
) -> ClassSpace:
    """Fit PCA, then discriminant analysis with a shrunk covariance, to features (n, d).

    A group counts by the root of its size, so that neither the common ones rule nor noise does.
    """
    pca = PCA(min(components, len(features) - 1), svd_solver="full").fit(features)
    scores = pca.transform(features)
    means, within = class_statistics(scores, groups)
    whiten = whitening(within, shrinkage)
    white = means @ whiten
    between = np.linalg.svd(white - white.mean(axis=0), full_matrices=False)[2]
    between = between[: len(means) - 1]
    return ClassSpace(pca.mean_, pca.components_.T @ whiten @ between.T, white @ between.T)


def fit_geometry(maps: Array, groups: Groups, settings: Settings) -> ClassGeometry:
    """Fit the class spaces of the whole wing and of each region, from non-hybrids only."""

    def space(block: Array, components: int) -> ClassSpace:
        flat = block.reshape(len(block), -1)
        return fit_class_space(flat, groups, components, settings.shrinkage)

    regions = region_blocks(maps, settings.grid)
    return ClassGeometry(
        space(maps, settings.components),
        tuple(space(region, settings.region_components) for region in regions),
        settings.grid,
        groups.pairs(),
    )


def assign_folds(specimen: Labels, folds: int, seed: int) -> NDArray[np.int64]:
    """Return fold numbers (n,); images of one specimen share a fold."""
    names, inverse = np.unique(specimen, return_inverse=True)
    assigned = np.random.default_rng(seed).permutation(len(names)) % folds
    return assigned[inverse]


def split_fold(examples: Examples, validation: NDArray[np.bool_]) -> tuple[Examples, Examples]:
    """Return (training, validation), without groups of fewer than two training images."""
    groups = examples.groups
    counts = np.bincount(groups.member[~validation], minlength=len(groups.names))
    usable = counts[groups.member] >= 2
    return examples[~validation & usable], examples[validation & usable]


def fit_score(pure: Examples, hybrids: Examples, settings: Settings) -> HybridScore:
    """Fit geometry to the non-hybrids; evidence weights by cross-fitting on them and crosses.

    The weights see each image through a geometry that did not: images that made a class mean
    lie nearer to it than any new one will.
    """
    if not settings.views:
        pure = replace(pure, view=np.full(len(pure.view), ""))
    tables, targets = [], []
    rng = np.random.default_rng(SEED)
    fold = assign_folds(pure.specimen, INNER_FOLDS, SEED)
    for k in range(INNER_FOLDS):
        training, validation = split_fold(pure, fold == k)
        geometry = fit_geometry(training.maps(settings), training.groups, settings)
        for maps, is_hybrid in _fold_images(validation, hybrids, settings, rng):
            tables.append(evidence_table(geometry, maps))
            targets.append(np.full(len(maps), is_hybrid))
    centre, scale, weights = _weigh(np.vstack(tables), np.concatenate(targets), settings.evidence)
    final = fit_geometry(pure.maps(settings), pure.groups, settings)
    return HybridScore(final, centre, scale, weights)


def _fold_images(
    pure: Examples, hybrids: Examples, settings: Settings, rng: np.random.Generator
) -> list[tuple[Array, bool]]:
    versions = [(pure.wings, hybrids.wings)]
    if settings.lookalikes:
        versions.append((_lookalikes(pure.wings, rng), _lookalikes(hybrids.wings, rng)))
    sets = []
    for pure_wings, hybrid_wings in versions:
        maps = pattern_maps(pure_wings, settings)
        sets.append((maps, False))
        sets.append((cross_maps(maps, pure.groups, CROSSES_PER_FOLD, rng, CROSS_PATCHES), True))
        if settings.known_hybrids and len(hybrid_wings):
            sets.append((pattern_maps(hybrid_wings, settings), True))
    return sets


def _lookalikes(wings: Array, rng: np.random.Generator) -> Array:
    return np.stack([lookalike(w, rng) for w in wings]) if len(wings) else wings


def _weigh(
    table: Array, hybrid: NDArray[np.bool_], used: tuple[str, ...]
) -> tuple[Array, Array, Array]:
    """Logistic regression by stochastic gradient descent; unused evidence weighs 0."""
    centre, scale = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-9)
    columns = [EVIDENCE.index(name) for name in used]
    classifier = SGDClassifier(
        loss="log_loss",
        alpha=1e-3,
        class_weight="balanced",
        average=True,
        max_iter=200,
        tol=None,
        random_state=SEED,
    )
    classifier.fit(((table - centre) / scale)[:, columns], hybrid)
    weights = np.zeros(len(EVIDENCE))
    weights[columns] = classifier.coef_[0]
    return centre, scale, weights
