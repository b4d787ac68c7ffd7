"""Train a submission on your photographs: one command, also where it takes another's network.

    python -m training NAME --data DIR --out FOLDER [--preset imagenet] [--seed N]

FOLDER/NAME becomes a submission for `kit run FOLDER/NAME`. The submissions whose networks it takes
are trained on the same images first, next to it. A second call resumes: what is finished stays.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.common import processes
from training.common.console import say
from training.common.script import parser, run
from training.common.submission_files import SUBMISSIONS
from training.common.train_submission import refuse_untaken, script_of, train_submission

TRAINED = sorted(path.name for path in SUBMISSIONS.iterdir() if script_of(path.name))


def train(options: argparse.Namespace) -> None:
    """Train the submission. Raises ScriptError."""
    processes.refuse_several(f"launch the submission's own script, {script_of(options.name)}")
    seed = f"--seed {options.seed}" if options.seed else ""
    refuse_untaken(options.name, options.preset, seed)
    submission = SUBMISSIONS / options.name
    copy = train_submission(submission, options.data, options.out, options.preset, options.seed)
    say(f"{copy}: kit run {copy}")


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, train and return the exit status."""
    made = parser("training", "Train a submission on your photographs.")
    made.add_argument("name", choices=TRAINED, metavar="NAME", help=", ".join(TRAINED))
    made.add_argument("--data", type=Path, required=True, help="the training data")
    made.add_argument("--out", type=Path, required=True, help="the folder to put submissions in")
    made.add_argument("--preset", default="", help="of the training script, such as imagenet")
    made.add_argument("--seed", type=int, default=0, help="of all that is drawn, default 0")
    options = made.parse_args(arguments)
    return run(options, lambda: train(options))


if __name__ == "__main__":
    raise SystemExit(main())
