"""Train the artifacts of all anomaly submissions on the sample data (`make artifacts-anomaly`)."""

from __future__ import annotations

from training.common.steps import run_modules

COMMANDS = (
    ("training.anomaly.species_ensemble", "--preset", "imagenet", "--overwrite"),
    ("training.anomaly.simclr_ocsvm", "--preset", "imagenet", "--overwrite"),
)

if __name__ == "__main__":
    raise SystemExit(run_modules(COMMANDS))
