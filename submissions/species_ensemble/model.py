"""Is an animal of no known species? Measures on frozen features and colours (README.md)"""

from __future__ import annotations

from pathlib import Path

from wildlife_anomaly.anomaly_model import AnomalyModel


class Model(AnomalyModel):
    """`load()` once; then `predict(image)`, or `preprocess` in threads and `predict_batch`."""

    folder = Path(__file__).resolve().parent
