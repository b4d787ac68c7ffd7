"""Train the artifacts of all family submissions on the sample data: `make artifacts-family`."""

from __future__ import annotations

from training.common.steps import run_modules

COMMANDS = (
    ("training.family.train_families", "--overwrite"),
    ("training.family.two_lite_towers", "--overwrite"),
)

if __name__ == "__main__":
    raise SystemExit(run_modules(COMMANDS))
