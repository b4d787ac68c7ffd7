"""Compare one-class SVMs of each species with other measures on an encoder's features.

    python -m training.anomaly.fit_species_svms --data DIR
    python -m training.anomaly.fit_species_svms --data DIR --encoder FOLDER --log feeder

Each species of DIR is left out in turn and whole sequences are held out
(training/anomaly/species/validation.py): nu and gamma of the SVMs, relative Mahalanobis distance,
nearest neighbours, and their means, all on the same features, in one table. Without --encoder the
features are those of the frozen base network. `--log NAME` writes the table into training/LOG.md,
between the marks of the block NAME.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kit.markdown import table
from training.anomaly.parts import encoder_folder
from training.anomaly.simclr.recipe import FROZEN
from training.anomaly.species.choose import TITLES, table_rows
from training.anomaly.species.submission import fit_on
from training.common.log_blocks import expect_block, log_table
from training.common.script import parser, run


def compare(options: argparse.Namespace) -> None:
    """Print the table, and write it where it is asked for. Raises ScriptError."""
    if options.log:
        expect_block(options.log)
    folder = encoder_folder(options.encoder, options.data, "frozen", FROZEN)
    fitted, _, _ = fit_on(options.data, folder, mixed=True)
    if options.log:
        log_table(options.log, "\n".join(table(TITLES, table_rows(fitted.choice))))


def main(arguments: list[str] | None = None) -> int:
    made = parser("training.anomaly.fit_species_svms", "Compare measures of unlike animals.")
    made.add_argument("--data", type=Path, required=True, help="annotations.json and images/")
    made.add_argument("--encoder", type=Path, help="folder of training.anomaly.train_simclr")
    made.add_argument("--log", metavar="NAME", help="write the table into training/LOG.md")
    options = made.parse_args(arguments)
    return run(options, lambda: compare(options))


if __name__ == "__main__":
    raise SystemExit(main())
