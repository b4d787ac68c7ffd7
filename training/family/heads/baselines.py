"""What the simplest methods give, for the same table: on features, and a CNN from scratch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.common.cache import Features
from training.family.features import varied

Logits = NDArray[np.float64]
Labels = NDArray[np.intp]
NEVER = -1e3  # the logit of a family without a training image
_NEIGHBOURS = 5
_LEAST_STD = 1e-3


def standardised(fit: Features, seen: Features) -> tuple[Features, Features]:
    """Return both (n, d), with mean 0 and variance 1 over the training images."""
    mean, std = fit.mean(axis=0), fit.std(axis=0) + _LEAST_STD
    return (fit - mean) / std, (seen - mean) / std


def linear_probe(
    fit: Features, labels: Labels, seen: Features, families: int, strength: float = 0.03
) -> Logits:
    """Return logits (m, families) of a logistic regression with balanced weights.

    strength: scikit-learn's C, on standardised features.
    """
    learned, asked = standardised(fit, seen)
    model = LogisticRegression(C=strength, max_iter=300, class_weight="balanced")
    model.fit(learned, labels)
    logits = np.full((len(seen), families), NEVER)
    found = model.decision_function(asked)
    # Of two families scikit-learn gives one number, the second's lead.
    logits[:, model.classes_] = np.c_[-found / 2, found / 2] if found.ndim == 1 else found
    return logits


def nearest_mean(fit: Features, labels: Labels, seen: Features, families: int) -> Logits:
    """Return minus the squared distance (m, families) to each family's mean, per feature."""
    learned, asked = standardised(fit, seen)
    logits = np.full((len(seen), families), NEVER)
    for family in np.unique(labels):
        away = asked - learned[labels == family].mean(axis=0)
        logits[:, family] = -np.square(away, dtype=np.float64).mean(axis=1)
    return logits


def nearest_neighbours(fit: Features, labels: Labels, seen: Features, families: int) -> Logits:
    """Return the logarithm of the votes (m, families) of the 5 most alike training images.

    A vote weighs as much as its cosine; a family without a vote has a hundredth of one.
    """
    learned, asked = standardised(fit, seen)
    cosines = _unit(asked) @ _unit(learned).T
    votes = np.full((len(seen), families), 0.01)
    for row, alike in enumerate(np.argsort(-cosines, axis=1)[:, :_NEIGHBOURS]):
        np.add.at(votes[row], labels[alike], np.maximum(cosines[row, alike], 0.01))
    return np.asarray(np.log(votes))


def _unit(rows: Features) -> Features:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


BASELINES = {
    "linear probe (balanced logistic regression)": linear_probe,
    "nearest class mean": nearest_mean,
    f"{_NEIGHBOURS} nearest neighbours": nearest_neighbours,
}


def small_cnn(families: int, width: int = 32) -> nn.Module:
    """Return four convolutions with batch norm and pooling, then a linear layer."""
    layers: list[nn.Module] = []
    before = 3
    for after in (width, 2 * width, 4 * width, 4 * width):
        convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        before = after
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, families)
    )


def from_scratch(
    fit: Tensor, labels: Labels, seen: Tensor, families: int, epochs: int = 20, seed: int = 0
) -> Logits:
    """Return logits (m, families) of `small_cnn` trained on squares (n, 3, s, s) of bytes."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network, targets = small_cnn(families), torch.from_numpy(labels)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(epochs):
        network.train()
        for rows in torch.split(torch.randperm(len(fit)), 32):
            if len(rows) < 2:
                continue  # batch norm learns nothing from one image
            batch = torch.cat([varied(fit[row, None], rng) for row in rows.tolist()])
            loss = cross_entropy(network(_scaled(batch)), targets[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    network.eval()
    with torch.inference_mode():
        found = [network(_scaled(part)) for part in torch.split(seen, 64)]
    return np.asarray(torch.cat(found).double().numpy())


def _scaled(pixels: Tensor) -> Tensor:
    return pixels.float() / 127.5 - 1
