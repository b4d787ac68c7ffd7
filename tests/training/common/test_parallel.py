"""Several processes, parts of a batch and mixed precision: the same training as in one step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support.repository import ROOT
from tests.training.common import small_training
from training.common import processes
from training.common.checkpoints import Checkpoint
from training.common.errors import TrainingError
from training.common.parallel import Parallel

PARTS, PRECISION = "ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "ACCELERATE_MIXED_PRECISION"
Launched = dict[str, dict[str, tuple[dict[str, Tensor], list[float]]]]  # by parts and kind
LAUNCHED = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


@pytest.fixture(autouse=True)
def unlaunched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accelerate keeps what it read of the environment for the whole process."""
    from accelerate.state import AcceleratorState, GradientState

    monkeypatch.setattr(AcceleratorState, "_shared_state", {})
    monkeypatch.setattr(GradientState, "_shared_state", {})


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-9, atol=1e-11, msg=name)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Launched:
    """The small training by two processes, as one part and as two."""
    target = tmp_path_factory.mktemp("launched") / "found.pt"
    done = subprocess.run(
        [*LAUNCHED, "-m", "tests.training.common.small_training", str(target)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: Launched = torch.load(target, weights_only=True)
    return found


@pytest.mark.parametrize("kind", small_training.LAYERS)
def test_two_processes_train_as_one(launched: Launched, kind: str) -> None:
    tensors, losses = small_training.train(kind)
    found, found_losses = launched["1"][kind]
    assert found_losses == pytest.approx(losses, rel=1e-9)
    assert_same(found, tensors)


@pytest.mark.parametrize("kind", ["plain", "drawn"])
def test_two_processes_train_in_parts_as_one_in_one(launched: Launched, kind: str) -> None:
    tensors, losses = small_training.train(kind)
    found, found_losses = launched["2"][kind]
    assert found_losses == pytest.approx(losses, rel=1e-9)
    assert_same(found, tensors)


@pytest.mark.parametrize("parts", ["2", "3", "100"])
@pytest.mark.parametrize("kind", ["plain", "drawn"])
def test_parts_train_as_one_step(kind: str, parts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors, losses = small_training.train(kind)
    monkeypatch.setenv(PARTS, parts)
    found, found_losses = small_training.train(kind)
    assert found_losses == pytest.approx(losses, rel=1e-9)
    assert_same(found, tensors)


def test_a_batch_norm_follows_each_part_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PARTS, "3")
    found, _ = small_training.train("normed")
    assert found["norm.num_batches_tracked"] == 2 * (3 + 2 + 3)


def test_bfloat16_trains_with_a_loss_in_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PRECISION, "bf16")
    torch.manual_seed(0)
    network, seen = torch.nn.Linear(64, 4), []
    parallel = Parallel()
    parallel.prepare(network)

    def loss_of(outputs: Tensor) -> Tensor:
        seen.append((outputs.dtype, outputs.detach().clone()))
        return outputs.square().mean()

    parallel.backward(network, torch.randn(8, 64), loss_of)
    assert network.weight.grad is not None
    assert network.weight.grad.dtype == torch.float32
    dtype, outputs = seen[0]
    assert dtype == torch.float32
    assert torch.equal(outputs, outputs.bfloat16().float())


def test_what_this_machine_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(PRECISION, "fp16")
    with pytest.raises(TrainingError, match="fp16 needs a GPU; on a processor take bf16"):
        Parallel()
    monkeypatch.setenv(PRECISION, "fp8")
    with pytest.raises(TrainingError, match="mixed precision fp8: expected one of no, bf16, fp16"):
        Parallel()


def test_a_checkpoint_knows_its_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path / "last.pt", {"layers": 2})
    checkpoint.save({"step": 1})
    monkeypatch.setenv(PRECISION, "bf16")
    with pytest.raises(TrainingError, match="mixed precision: None then, bf16 now"):
        checkpoint.read()


def test_only_the_first_process_writes_removes_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from training.common.atomic import discard, replaced_folder, write_text
    from training.common.console import say

    kept = tmp_path / "kept.txt"
    write_text(kept, "first")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    write_text(kept, "second")
    write_text(tmp_path / "new.txt", "second")
    with replaced_folder(tmp_path / "folder") as temporary:
        (temporary / "one.txt").write_text("second", encoding="utf-8")
    discard(kept)
    say("second")
    assert {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()} == {
        "kept.txt": "first"
    }
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit, match="0"):
        processes.end_others()
