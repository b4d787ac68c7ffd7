"""The engines by name."""

from __future__ import annotations

from functools import partial
from typing import Final

from kit.errors import UsageProblem
from kit.predicting import local_engine
from kit.predicting.job import Engine

ENGINES: Final = ("local", "ray")


def engine_of(name: str, address: str | None) -> Engine:
    """Return an engine.

    Args:
        name: one of ENGINES.
        address: of a Ray cluster; None starts one here.

    Raises:
        UsageProblem: an address for another engine than Ray, or Ray is not installed.
    """
    if name == "ray":
        from kit.predicting.ray_engine import predict_shards

        return partial(predict_shards, address)
    if address:
        raise UsageProblem("--address names a Ray cluster: it needs --engine ray")
    return local_engine.predict_shards
