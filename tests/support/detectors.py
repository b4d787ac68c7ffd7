"""Settings of a tiny detector that starts at random."""

from __future__ import annotations

from typing import Any

TINY: dict[str, Any] = {
    "scratch": {"name": "lite0", "stages": [1, 2]},
    "canvas": [64, 32],
    "width": 32,
    "convolutions": 1,
    "labels": ["finch", "jay"],
    "overlap": 0.5,
    "threshold": 0.3,
    "weights": "weights/detector.safetensors",
}
