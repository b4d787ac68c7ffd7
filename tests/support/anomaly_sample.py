"""The anomaly sample as it lies in the repository, for tests."""

from __future__ import annotations

from pathlib import Path

from sample_data.anomaly_generator.baselines import image_path
from sample_data.anomaly_generator.collection import PlannedFrame

ANOMALY = Path(__file__).parents[2] / "sample_data" / "anomaly"


def path_of(one: PlannedFrame) -> Path:
    return image_path(ANOMALY, one)
