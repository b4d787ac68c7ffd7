"""A network as it serves: on an accelerator where the machine has one, a batch as one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from wildlife_submission.in_threads import MAX_THREADS, in_threads

ON_CPU, ON_ACCELERATOR = 16, 64  # images in a batch; few leave most of an accelerator idle


def serving_device() -> torch.device:
    """Return CUDA if the machine has it, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half_of(device: torch.device) -> torch.dtype | None:
    """Return the half precision of an accelerator; None on a CPU, which computes in single.

    float16 and not bfloat16: its 11 digits keep a score within 1e-3, the 8 of bfloat16 do not.
    """
    return None if device.type == "cpu" else torch.float16


def served_batch_size() -> int:
    """Return how many images the ingestion program should hand over at once."""
    return ON_CPU if serving_device().type == "cpu" else ON_ACCELERATOR


class ServedNetwork:
    """(n, ...) on any device -> what the network answers, (n, ...) in float32 on the CPU.

    An accelerator has the batch as one tensor. A CPU has a tensor for each of its processors, in
    single precision: image by image the networks here take 1.5 to 5 times as long, in double
    precision up to 20 times. One tensor on several of torch's own threads is as fast where nothing
    else runs, and many times slower where threads prepare the next images, for which it waits in
    every layer.
    """

    def __init__(self, network: nn.Module, channels_last: bool = True) -> None:
        """channels_last: for convolutions, and Swin; a plain transformer is slower with it."""
        self.device = serving_device()
        self._half = half_of(self.device)
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        # For ever, not per batch: the weights of a convolution have a memory format too.
        self._network = network.to(self.device, torch.float32).to(memory_format=self._format).eval()

    def __call__(self, pixels: Tensor | Sequence[Tensor]) -> Tensor:
        """Run one tensor (n, ...), or n tensors (...) as one."""
        batch = pixels if isinstance(pixels, Tensor) else torch.stack(list(pixels))
        # Bytes travel to the accelerator as bytes.
        batch = batch.to(self.device).to(torch.float32, memory_format=self._format)
        return self._in_single(batch) if self._half is None else self._in_half(batch, self._half)

    @torch.inference_mode()
    def _run(self, batch: Tensor) -> Tensor:
        answer: Tensor = self._network(batch)
        return answer

    def _in_half(self, batch: Tensor, half: torch.dtype) -> Tensor:
        with torch.autocast(self.device.type, half):
            answer = self._run(batch)
        if not bool(answer.isfinite().all()):
            # float16 ends at 65,504; what is not finite in single precision either stays so.
            answer = self._run(batch)
        return answer.float().cpu()

    def _in_single(self, batch: Tensor) -> Tensor:
        threads = torch.get_num_threads()
        shares = min(threads, MAX_THREADS, len(batch))
        if shares < 2:
            return self._run(batch)
        torch.set_num_threads(threads // shares)  # new threads take it over
        try:
            return torch.cat(in_threads(self._run, batch.chunk(shares)))
        finally:
            torch.set_num_threads(threads)
