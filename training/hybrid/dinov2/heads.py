"""Fit the two classifiers of `dinov2_ensemble` on features: calibrated SGD and the MLP."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import SGDClassifier
from torch.nn.functional import cross_entropy

from training.common.errors import DataError, TrainingError
from training.hybrid.dinov2.recipe import Recipe
from wildlife_wings.dinov2_heads import Array, CalibratedLinear, HybridMLP

Labels = NDArray[np.bool_]
FOLDS = 5
LEAST_STD = 1e-3  # of the largest: a feature that hardly varies is not blown up


def fit_calibrated(
    features: NDArray[np.float32], hybrid: Labels, seed: int
) -> CalibratedClassifierCV:
    """Fit the published classifier, probabilities by a sigmoid in each of five folds.

    features (n, d), hybrid (n,). Raises DataError where a side has fewer images than folds.
    """
    counts = {"hybrids": int(hybrid.sum()), "non-hybrids": int((~hybrid).sum())}
    few = [f"{count} {name}" for name, count in counts.items() if count < FOLDS]
    if few:
        raise DataError(
            f"{' and '.join(few)}: at least {FOLDS} of each are needed, one for each fold of the "
            "calibration; add images, or synthetic ones with --synthetic"
        )
    base = SGDClassifier(
        loss="log_loss",
        alpha=1e-3,
        learning_rate="adaptive",
        eta0=1e-3,
        class_weight="balanced",
        max_iter=1000,
        random_state=seed,
    )
    classifier = CalibratedClassifierCV(base, method="sigmoid", cv=FOLDS)
    return classifier.fit(features, hybrid.astype(int))


def as_arrays(classifier: CalibratedClassifierCV) -> CalibratedLinear:
    """Return the fitted classifier without scikit-learn."""
    folds = classifier.calibrated_classifiers_
    sigmoids = [fold.calibrators[0] for fold in folds]
    return CalibratedLinear(
        np.stack([fold.estimator.coef_[0] for fold in folds]).astype(np.float64),
        np.array([fold.estimator.intercept_[0] for fold in folds]),
        np.array([sigmoid.a_ for sigmoid in sigmoids]),
        np.array([sigmoid.b_ for sigmoid in sigmoids]),
    )


def fit_mlp(
    features: NDArray[np.float32],
    hybrid: Labels,
    widths: Sequence[int],
    steps: int,
    learning_rate: float,
    seed: int,
) -> tuple[HybridMLP, list[float]]:
    """Fit the MLP by `steps` of Adam on all images, classes weighing alike; return the losses too.

    Raises TrainingError where the loss is not finite.
    """
    torch.manual_seed(seed)
    mlp = HybridMLP(features.shape[1], widths)
    inputs, targets = torch.from_numpy(features), torch.from_numpy(hybrid.astype(np.int64))
    counts = torch.bincount(targets, minlength=2).clamp(min=1)
    weight = len(targets) / (2.0 * counts)
    optimiser = torch.optim.Adam(mlp.parameters(), lr=learning_rate)
    losses: list[float] = []
    for step in range(steps):
        optimiser.zero_grad()
        loss = cross_entropy(mlp(inputs), targets, weight=weight)
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the MLP's loss is {loss.item()} in step {step + 1}; "
                f"lower --mlp-learning-rate (now {learning_rate:g}); nothing was written"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(loss.item())
    return mlp.eval(), losses


def fit_heads(
    features: NDArray[np.float32], hybrid: Labels, recipe: Recipe
) -> tuple[HybridMLP, CalibratedLinear, list[float]]:
    """Fit both classifiers to features (n, d) and hybrid (n,); return the MLP's losses too.

    A public network's features are standardised, which both classifiers then do in their weights.
    Raises DataError, TrainingError.
    """
    mean, std = np.zeros(features.shape[1]), np.ones(features.shape[1])
    if recipe.lite is not None:
        mean, std = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
        std = np.maximum(std, LEAST_STD * std.max())
    scaled = ((features - mean) / std).astype(np.float32)
    linear = as_arrays(fit_calibrated(scaled, hybrid, recipe.seed))
    mlp, losses = fit_mlp(
        scaled, hybrid, recipe.mlp_widths, recipe.mlp_steps, recipe.mlp_learning_rate, recipe.seed
    )
    return _mlp_of(mlp, mean, std), _linear_of(linear, mean, std), losses


def _mlp_of(mlp: HybridMLP, mean: Array, std: Array) -> HybridMLP:
    """Return the MLP of (features - mean) / std as one of features; it is changed in place."""
    state = mlp.state_dict()
    weight = state["classifier.0.weight"].double() / torch.from_numpy(std)
    bias = state["classifier.0.bias"].double() - weight @ torch.from_numpy(mean)
    scaled = {"classifier.0.weight": weight.float(), "classifier.0.bias": bias.float()}
    mlp.load_state_dict({**state, **scaled})
    return mlp


def _linear_of(linear: CalibratedLinear, mean: Array, std: Array) -> CalibratedLinear:
    """Return the classifiers of (features - mean) / std as some of features."""
    coefficients = linear.coefficients / std
    return replace(
        linear, coefficients=coefficients, intercepts=linear.intercepts - coefficients @ mean
    )


def head_arrays(mlp: HybridMLP, linear: CalibratedLinear) -> dict[str, NDArray[np.generic]]:
    """Return all arrays of weights/heads.npz by name."""
    layers = {name: tensor.numpy() for name, tensor in mlp.state_dict().items()}
    return {**layers, **linear.arrays()}


def log_odds_of(mlp: HybridMLP, linear: CalibratedLinear, features: NDArray[np.float32]) -> Array:
    """Return (n, 2): log-odds of a hybrid by the MLP and by the SGD."""
    with torch.inference_mode():
        logits = mlp(torch.from_numpy(features)).double().numpy()
    sgd = [linear.log_odds(row.astype(np.float64)) for row in features]
    return np.stack([logits[:, 1] - logits[:, 0], np.array(sgd)], axis=1)
