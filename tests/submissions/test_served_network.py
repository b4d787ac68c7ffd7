"""Networks as they serve. A CPU that is told to use half precision stands in for an accelerator."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from kit import submissions
from tests.support.agreement import differing_scores
from wildlife_submission import served_network
from wildlife_submission.in_threads import in_threads
from wildlife_submission.served_network import ServedNetwork, served_batch_size

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = [
    item.name
    for item in submissions.discover()
    if "ServedNetwork" in "".join(p.read_text() for p in item.path.rglob("*.py"))
]
TAKEN = 6  # images of the development task


class Counting(nn.Module):
    """A linear layer that notes the shape and type of what it got."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2, bias=False)
        nn.init.constant_(self.layer.weight, weight)
        self.seen: list[tuple[tuple[int, ...], torch.dtype]] = []

    def forward(self, pixels: Tensor) -> Tensor:
        answer: Tensor = self.layer(pixels.flatten(1))
        self.seen.append((tuple(pixels.shape), answer.dtype))
        return answer


@pytest.fixture
def fake_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_network, "half_of", lambda device: torch.float16)


@pytest.mark.parametrize(("threads", "shares"), [(1, [3]), (2, [1, 2]), (8, [1, 1, 1])])
def test_a_cpu_gets_a_tensor_for_each_processor_in_single_precision(
    threads: int, shares: list[int]
) -> None:
    network, before = Counting().double(), torch.get_num_threads()
    images = [torch.full((1, 2, 2), level, dtype=torch.uint8) for level in (1, 2, 3)]
    torch.set_num_threads(threads)
    try:
        answer = ServedNetwork(network)(images)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert sorted(network.seen) == [((count, 1, 2, 2), torch.float32) for count in shares]
    assert answer.tolist() == [[4.0, 4.0], [8.0, 8.0], [12.0, 12.0]]


def test_an_accelerator_computes_in_half_precision(fake_accelerator: None) -> None:
    network = Counting()
    answer = ServedNetwork(network)(torch.ones(3, 1, 2, 2))
    assert network.seen == [((3, 1, 2, 2), torch.float16)]
    assert answer.dtype == torch.float32
    assert answer.tolist() == [[4.0, 4.0]] * 3


def test_what_half_precision_cannot_hold_is_computed_again(fake_accelerator: None) -> None:
    network = Counting(weight=1e4)
    answer = ServedNetwork(network)(torch.full((2, 1, 2, 2), 10.0))
    assert [kind for _, kind in network.seen] == [torch.float16, torch.float32]
    assert answer.tolist() == [[4e5, 4e5]] * 2


def test_an_accelerator_gets_larger_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert served_batch_size() == 16
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert served_batch_size() == 64
    assert served_network.half_of(torch.device("cuda")) == torch.float16


def test_threads_keep_the_order_and_raise() -> None:
    assert in_threads(lambda number: number**2, range(20)) == [n**2 for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda number: 1 / number, [1, 0])


def model_of(name: str) -> Any:
    path = ROOT / "submissions" / name / "model.py"
    spec = importlib.util.spec_from_file_location(f"served_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    model = module.Model()
    model.load()
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_in_half_precision_a_batch_runs_each_network_once_and_answers_as_single_images(
    name: str, fake_accelerator: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(name)
    calls: list[tuple[int, int]] = []
    call = ServedNetwork.__call__

    def counted(network: ServedNetwork, pixels: Any) -> Tensor:
        calls.append((id(network), len(pixels)))
        return call(network, pixels)

    monkeypatch.setattr(ServedNetwork, "__call__", counted)
    track = submissions.track_of(ROOT / "submissions" / name)
    folder = ROOT / "sample_data" / str(track) / "input_data" / "development"
    prepared = [model.preprocess(Image.open(path)) for path in sorted(folder.glob("*.jpg"))[:TAKEN]]
    assert not calls  # no network runs image by image
    together = scores_of(model, prepared)
    assert len(calls) == len({network for network, _ in calls})
    # Two views of an image; or all frames by the detector, then all animals in them.
    sizes = [size for _, size in calls]
    assert sizes[0] == TAKEN if track == "anomaly" else {size // TAKEN for size in sizes} <= {1, 2}
    alone = [scores_of(model, [one])[0] for one in prepared]
    assert np.ptp(together) > 0
    assert not differing_scores(by_number(alone), by_number(together))


def scores_of(model: Any, prepared: list[Any]) -> list[float]:
    """The score of each image; of the best individual where the model answers with a label."""
    answers = model.predict_batch(prepared)
    if isinstance(answers[0], float):
        return list(answers)
    return [individuals[0][1] for individuals in model.explain_batch(prepared)]


def by_number(scores: list[float]) -> dict[str, str]:
    return {str(number): str(score) for number, score in enumerate(scores)}
