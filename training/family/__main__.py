"""Train the artifacts of all family submissions on the sample data: `make artifacts-family`."""

from __future__ import annotations

from training.common.steps import run_modules

# The sample's images have about 140 pixels; photographs are worth the presets' 288 and 320.
SMALL = ("--image-size", "160")
# The published optimiser is ahead of the preset's inside the sample's training data.
PUBLISHED = ("--optimiser", "adagrad", "--learning-rate", "0.01")
COMMANDS = (
    ("training.family.train_families", *SMALL, *PUBLISHED, "--overwrite"),
    ("training.family.two_lite_towers", *SMALL, "--overwrite"),
)

if __name__ == "__main__":
    raise SystemExit(run_modules(COMMANDS))
