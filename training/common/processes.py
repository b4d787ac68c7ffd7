"""The processes of one training, as `torchrun` or `accelerate launch` starts them.

Every process reads the same data and draws the same batches; training/common/parallel.py shares the
work of a batch between them. Only the first process writes files and reports progress. A script
that was started without a launcher is its own first and only process.
"""

from __future__ import annotations

import os
import sys

from training.common.errors import TrainingError


def count() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Say whether this process is the one that writes files and reports."""
    return count() == 1 or int(os.environ.get("RANK", "0")) == 0


def precision() -> str:
    """Return the precision that the launcher asks for: no, bf16 or fp16."""
    return os.environ.get("ACCELERATE_MIXED_PRECISION", "no")


def refuse_several(instead: str) -> None:
    """Stop a script that several processes cannot share; `instead`: what to do.

    Raises TrainingError.
    """
    if count() > 1:
        raise TrainingError(f"{count()} processes were launched for a script of one: {instead}")


def wait() -> None:
    """Wait until every process is here: what the first one has written can be read then."""
    if count() > 1:
        import torch
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available()).wait_for_everyone()


def end_others() -> None:
    """Let the first process go on alone; the others end here, with success.

    A script calls it after its last training, because nothing that follows is shared.
    """
    first = is_first()
    if _connected():
        from torch import distributed

        distributed.barrier()
        distributed.destroy_process_group()
    os.environ.pop("WORLD_SIZE", None)
    if not first:
        raise SystemExit(0)


def _connected() -> bool:
    """Say whether processes are connected; torch is not imported to find out that they are not."""
    if count() == 1 or "torch" not in sys.modules:
        return False
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized()
