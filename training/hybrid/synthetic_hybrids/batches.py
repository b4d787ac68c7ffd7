"""Batches of training examples that depend on seed and step alone, so that training can resume."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.hybrid.synthetic_hybrids.images import read_square, to_tensor
from training.hybrid.synthetic_hybrids.lists import Pair
from training.hybrid.synthetic_hybrids.warps import Example, make_example

Key = tuple[int, int]  # which pair, and the seed of its warps


class Examples(Dataset[Example]):
    """An example for each (pair, seed)."""

    def __init__(self, base: Path, pairs: list[Pair], size: int) -> None:
        self.base, self.pairs, self.size = base, pairs, size

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Key) -> Example:
        pair, seed = self.pairs[key[0]], key[1]
        edge, colour = (
            to_tensor(read_square(self.base / path, self.size)) for path in (pair.edge, pair.colour)
        )
        return make_example(edge, colour, seed)


def batch_keys(count: int, batch: int, seed: int, first: int, last: int) -> Iterator[list[Key]]:
    """Yield the keys of the batches of steps first to last-1; each epoch has its own order."""
    per_epoch = steps_per_epoch(count, batch)
    epoch, order = -1, list[int]()
    for step in range(first, last):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = random.Random(f"{seed} order {epoch}").sample(range(count), count)
        start = step % per_epoch * batch
        warps = random.Random(f"{seed} warps {step}")
        yield [(index, warps.getrandbits(62)) for index in order[start : start + batch]]


def steps_per_epoch(count: int, batch: int) -> int:
    """Return the number of batches of an epoch; the last one may be smaller."""
    return -(-count // batch)


def load_batches(
    examples: Examples, keys: Iterator[list[Key]], workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield for each batch the generator's input (n, 6, s, s) and the target (n, 3, s, s)."""
    return iter(DataLoader(examples, batch_sampler=keys, num_workers=workers, collate_fn=_stacked))


def _stacked(examples: list[Example]) -> tuple[Tensor, Tensor]:
    inputs = [torch.cat([example.edge, example.reference]) for example in examples]
    return torch.stack(inputs), torch.stack([example.target for example in examples])
