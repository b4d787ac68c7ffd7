"""Train the submission `species_ensemble`: several measures on frozen features and on colours.

    python -m training.anomaly.species_ensemble --out FOLDER
    python -m training.anomaly.species_ensemble --data DIR --out FOLDER --preset imagenet

DIR holds annotations.json (COCO camera traps) and images/. Which measures are fused is chosen by
leaving species out in turn. The preset `imagenet` takes frozen EfficientNet-Lite0 features, `small`
an encoder that learns from scratch. `--detector` and `--encoder` as for `simclr_ocsvm`.
"""

from __future__ import annotations

import argparse

from training.anomaly.parts import add_part_options, detector_folder, encoder_folder
from training.anomaly.simclr.recipe import FROZEN, PRESETS
from training.anomaly.species.submission import Build, check_data, publish
from training.common.script import run, submission_parser

NAME = "species_ensemble"


def work(options: argparse.Namespace) -> None:
    """Train what is missing, and write the submission. Raises ScriptError."""
    check_data(options.data)
    recipe = FROZEN if options.preset == "imagenet" else PRESETS["small"]
    kept = "frozen" if options.preset == "imagenet" else "small"
    encoder = encoder_folder(options.encoder, options.data, kept, recipe)
    detector = detector_folder(options.detector, options.data, options.preset)
    command = f"python -m training.anomaly.{NAME} --preset {options.preset}"
    publish(Build(NAME, options.out, options.data, command), encoder, detector, mixed=True)


def main(arguments: list[str] | None = None) -> int:
    made = submission_parser("anomaly", NAME, f"Train the submission {NAME}.")
    made.add_argument("--preset", choices=("small", "imagenet"), default="imagenet")
    add_part_options(made)
    options = made.parse_args(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
