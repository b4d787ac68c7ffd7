"""Train the submission `simclr_ocsvm`, every step: detector, SimCLR encoder, SVMs of the species.

    python -m training.anomaly.simclr_ocsvm --out FOLDER
    python -m training.anomaly.simclr_ocsvm --data DIR --out FOLDER --preset imagenet

DIR holds annotations.json (COCO camera traps) and images/. nu and gamma are chosen by leaving
species out in turn. `--detector` and `--encoder` name folders of networks that are trained already;
else they are trained first and kept in runs/anomaly, where a killed run resumes.
"""

from __future__ import annotations

import argparse

from training.anomaly.parts import add_part_options, detector_folder, encoder_folder
from training.anomaly.species.submission import Build, check_data, publish
from training.anomaly.train_simclr import add_options, chosen_recipe
from training.common.script import run, submission_parser

NAME = "simclr_ocsvm"


def work(options: argparse.Namespace) -> None:
    """Train what is missing, and write the submission. Raises ScriptError."""
    check_data(options.data)
    recipe = chosen_recipe(options)
    encoder = encoder_folder(options.encoder, options.data, options.preset, recipe)
    kind = "small" if options.preset == "small" else "imagenet"
    detector = detector_folder(options.detector, options.data, kind)
    command = f"python -m training.anomaly.{NAME} --preset {options.preset}"
    publish(Build(NAME, options.out, options.data, command), encoder, detector, mixed=False)


def main(arguments: list[str] | None = None) -> int:
    made = submission_parser("anomaly", NAME, f"Train the submission {NAME}.")
    add_options(made)
    add_part_options(made)
    options = made.parse_args(arguments)
    return run(options, lambda: work(options))


if __name__ == "__main__":
    raise SystemExit(main())
