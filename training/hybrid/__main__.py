"""Train the artifacts of all hybrid submissions on the sample data: `make artifacts-hybrid`."""

from __future__ import annotations

from training.common.steps import run_modules

COMMANDS = (
    ("training.hybrid.wing_pattern_sgd", "--overwrite"),
    ("training.hybrid.bioclip_wings", "--preset", "imagenet", "--overwrite"),
    ("training.hybrid.dinov2_ensemble", "--overwrite"),
)

if __name__ == "__main__":
    raise SystemExit(run_modules(COMMANDS))
