"""One step of training by any number of processes, in any number of parts, in mixed precision.

The launcher gives the settings, to every trainer alike:

    torchrun --nproc_per_node 2 -m training.reid.triplet_centroids --out FOLDER
    accelerate launch --mixed_precision bf16 --gradient_accumulation_steps 4 \\
        -m training.reid.triplet_centroids --out FOLDER

A batch stays the batch of the recipe. The processes share its images, and each computes its share
in as many parts as gradient accumulation asks for. Losses that compare images with each other
(triplets, contrastive losses) see the whole batch: the outputs of all images are gathered, the loss
is computed from them, and its gradients go back to where the outputs were computed (Gao et al.
2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup"). So one process and
several have the same gradients but for rounding. Parts cost a second forward pass, and a batch norm
sees the images of one part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, distributed, nn

from training.common import processes
from training.common.console import say
from training.common.errors import TrainingError
from training.common.whole_batch import Share, computing, in_32_bits, take_whole_batches

Network = Callable[[Tensor], Tensor]  # inputs (k, ...) of any k images to outputs (k, ...)
LossOf = Callable[[Tensor], Tensor]  # outputs (b, ...) of the whole batch, in 32 bits, to the loss
PRECISIONS = ("no", "bf16", "fp16")


class Parallel:
    """What one process does in the steps of a training.

    Attributes:
        device: where the networks and the batches belong.
        scaler: scales the gradients of fp16, and has a state to resume from; None otherwise.
    """

    def __init__(self) -> None:
        """Raises TrainingError where this machine cannot train as the launcher says."""
        if processes.precision() not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise TrainingError(f"mixed precision {processes.precision()}: expected one of {known}")
        if processes.precision() == "fp16" and not torch.cuda.is_available():
            raise TrainingError("mixed precision fp16 needs a GPU; on a processor take bf16")
        self._accelerator = Accelerator(cpu=not torch.cuda.is_available())
        self.device: torch.device = self._accelerator.device
        self.scaler: Any = self._accelerator.scaler
        self._count, self._rank = processes.count(), self._accelerator.process_index
        self._parts: int = self._accelerator.gradient_accumulation_steps
        self._networks: list[nn.Module] = []

    def prepare(self, *networks: nn.Module) -> None:
        """Put networks on the device, and share what they learn between the processes.

        The tensors of the first process count. The parameters of a loss are not shared: every
        process computes the loss of the whole batch.
        """
        self._networks += networks
        for network in networks:
            network.to(self.device)
            if self._count > 1 or self._parts > 1:
                for name in sorted(take_whole_batches(network)):
                    say(f"{name}: each process takes the statistics of its own images")
            for tensor in network.state_dict().values() if self._count > 1 else ():
                first = tensor.contiguous()
                distributed.broadcast(first, src=0)
                tensor.copy_(first)

    def shares(self, total: int) -> list[Share]:
        """Return which of `total` images this process computes, part by part.

        A batch with fewer images than processes is computed by each process as a whole.
        """
        shared = 1 < self._count <= total
        first, last = 0, total
        if shared:
            first, last = (total * rank // self._count for rank in (self._rank, self._rank + 1))
        # Every process has as many parts, because batch norms wait for each other in each; a part
        # has two images, because a batch norm learns nothing from one.
        parts = max(1, min(self._parts, (total // self._count if shared else total) // 2))
        edges = [first + (last - first) * number // parts for number in range(parts + 1)]
        return [Share(total, range(start, stop), shared) for start, stop in pairwise(edges)]

    def backward(self, network: Network, inputs: Tensor, loss_of: LossOf) -> float:
        """Add the gradients of a batch's loss to the networks' parameters; return the loss.

        inputs: (b, ...) of the whole batch, the same in every process.
        """
        shares = self.shares(len(inputs))
        if len(shares) == 1 and not shares[0].shared:
            loss = loss_of(self._outputs(network, inputs, shares[0]))
            self.scaled(loss).backward()  # type: ignore[no-untyped-call]
        else:
            loss = self._backward_by_shares(network, inputs, loss_of, shares)
        self.add_up(len(inputs))
        return float(loss.item())

    def _backward_by_shares(
        self, network: Network, inputs: Tensor, loss_of: LossOf, shares: Sequence[Share]
    ) -> Tensor:
        """The outputs of every share, the loss of all of them, and its gradients share by share."""
        begun, again = _random_state(), len(shares) > 1
        if again:
            outputs = self._outputs_alone(network, inputs, shares)
        else:
            outputs = [self._outputs(network, inputs, shares[0])]
        whole = self._gathered(outputs, shares).requires_grad_()
        loss = loss_of(whole)
        self.scaled(loss).backward()  # type: ignore[no-untyped-call]
        gradient = whole.grad
        assert gradient is not None
        for share, output in zip(shares, outputs, strict=True):
            if again:
                _set_random_state(begun)
                output = self._outputs(network, inputs, share)
            output.backward(gradient[share.rows.start : share.rows.stop])  # type: ignore[no-untyped-call]
        return loss

    def _outputs(self, network: Network, inputs: Tensor, share: Share) -> Tensor:
        with self.mixed(), computing(share):
            return in_32_bits(network(inputs[share.rows.start : share.rows.stop]))

    @torch.no_grad()
    def _outputs_alone(
        self, network: Network, inputs: Tensor, shares: Sequence[Share]
    ) -> list[Tensor]:
        """Outputs without what gradients need; the networks' statistics stay as they are."""
        begun = _random_state()
        buffers = [one for part in self._networks for one in part.buffers()]
        kept = [one.clone() for one in buffers]
        outputs = []
        for share in shares:
            _set_random_state(begun)
            outputs.append(self._outputs(network, inputs, share))
        for buffer, before in zip(buffers, kept, strict=True):
            buffer.copy_(before)
        return outputs

    def _gathered(self, outputs: Sequence[Tensor], shares: Sequence[Share]) -> Tensor:
        """The outputs (b, ...) of all images, from all processes."""
        whole = outputs[0].new_zeros((shares[0].total, *outputs[0].shape[1:]))
        for output, share in zip(outputs, shares, strict=True):
            whole[share.rows.start : share.rows.stop] = output.detach()
        if shares[0].shared:
            distributed.all_reduce(whole)
        return whole

    def mixed(self) -> AbstractContextManager[None]:
        """The block in which networks compute in the launcher's precision."""
        block: AbstractContextManager[None] = self._accelerator.autocast()
        return block

    def scaled(self, loss: Tensor) -> Tensor:
        """Return the loss that gradients are taken of: with fp16 a multiple of it."""
        return loss if self.scaler is None else self.scaler.scale(loss)

    def add_up(self, total: int) -> None:
        """Add up the gradients of the processes, after a batch of `total` images."""
        if self._count == 1:
            return
        gradients = [
            one.grad for part in self._networks for one in part.parameters() if one.grad is not None
        ]
        flat = torch.cat([one.flatten() for one in gradients])
        distributed.all_reduce(flat)
        if total < self._count:
            flat /= self._count
        sizes = [one.numel() for one in gradients]
        for gradient, values in zip(gradients, torch.split(flat, sizes), strict=True):
            gradient.copy_(values.view(gradient.shape))

    def of_batch(self, values: Mapping[str, float], total: int) -> dict[str, float]:
        """Return sums over the processes of values that each took from its shares of a batch."""
        if not 1 < self._count <= total:
            return dict(values)
        summed = torch.tensor([*values.values()], dtype=torch.float64, device=self.device)
        distributed.all_reduce(summed)
        return dict(zip(values, summed.tolist(), strict=True))

    def step(
        self,
        *optimisers: torch.optim.Optimizer,
        clipped: Iterable[nn.Parameter] = (),
        longest: float = math.inf,
    ) -> None:
        """Take a step of each optimiser; the gradient of `clipped` is cut to the norm `longest`."""
        for optimiser in optimisers if self.scaler else ():
            self.scaler.unscale_(optimiser)
        if longest < math.inf:
            nn.utils.clip_grad_norm_(clipped, longest)
        for optimiser in optimisers:
            if self.scaler:
                self.scaler.step(optimiser)
            else:
                optimiser.step()
        if self.scaler:
            self.scaler.update()


def _random_state() -> list[Tensor]:
    """The states of the generators that layers draw from."""
    cuda = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []
    return [torch.get_rng_state(), *cuda]


def _set_random_state(state: Sequence[Tensor]) -> None:
    torch.set_rng_state(state[0])
    for one in state[1:]:
        torch.cuda.set_rng_state(one)
