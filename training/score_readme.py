"""Write what a hybrid submission scores into its README, by running the platform's two programs.

    python training/score_readme.py wing_pattern_sgd
    python training/score_readme.py wing_pattern_sgd --photographs DIR

The README needs `<!-- scores:begin -->` and `<!-- scores:end -->`. With `--photographs`, a copy of
the submission is trained by `training/NAME.py --data DIR/train` and scored on DIR/dev (images/ and
ref_dev.csv); without it the row that is there stays.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from marked_block import read_block, write_block

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "sample_data" / "hybrid"
TASKS = ("development", "final")
KEYS = ("challenge_score", "A_score_major_recall", "A_score_minor_recall", "mimic_recall")
HEADER = [
    "| scored on | challenge score | major recall | minor recall | mimic recall |",
    "|---|---|---|---|---|",
]
PHOTOGRAPHS = "| **real photographs (train -> dev)**"
# Published or measured elsewhere, with the source; nothing here comes from this submission.
YARDSTICKS = [
    "| yardstick, real photographs: raw pixels 48x32, PCA 80, logistic regression, margin score "
    "(README of the photographs' folder) | 0.113 | 0.125 | 0.081 | 0.160 |",
    "| yardstick, the real challenge: sample result with a pretrained backbone, other pictures "
    "(Imageomics/HDR-anomaly-challenge) | 0.301 | 0.921 | 0.143 | 0.532 |",
]


def run_program(*command: object) -> None:
    """Run one of our Python programs. Raises RuntimeError with the end of what it printed."""
    result = subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        tail = (result.stdout + result.stderr)[-2000:]
        raise RuntimeError(f"{command[0]} ended with status {result.returncode}:\n{tail}")


def score_pictures(submission: Path, pictures: Path, reference: Path) -> dict[str, float]:
    """The leaderboard's values of a submission folder on one folder of pictures."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        output, scored = work / "output", work / "scored"
        for folder in (output, scored, work / "input" / "res", work / "input" / "ref"):
            folder.mkdir(parents=True)
        program = ROOT / "ingestion_program"
        run_program(program / "ingestion.py", pictures, output, program, submission)
        shutil.copy(output / "predictions.txt", work / "input" / "res")
        shutil.copy(reference, work / "input" / "ref")
        run_program(ROOT / "scoring_program" / "scoring.py", work / "input", scored)
        scores: dict[str, float] = json.loads((scored / "scores.json").read_text(encoding="utf-8"))
        return scores


def row(title: str, scores: dict[str, float]) -> str:
    return f"| {title} | " + " | ".join(f"{scores[key]:.3f}" for key in KEYS) + " |"


def photograph_row(name: str, submission: Path, folder: Path) -> str:
    """Train a copy of the submission on the photographs and score it on their development part."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / name
        shutil.copytree(submission, copy, ignore=shutil.ignore_patterns("__pycache__"))
        script = ROOT / "training" / f"{name}.py"
        run_program(script, "--data", folder / "train", "--out", copy)
        images = plain_pictures(folder / "dev", Path(temporary) / "pictures")
        scores = score_pictures(copy, images, folder / "dev" / "ref_dev.csv")
    tables = [(folder / t).read_bytes() for t in ("train/train.csv", "dev/ref_dev.csv")]
    digest = hashlib.sha256(b"".join(tables)).hexdigest()[:12]
    today = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    return row(f"{PHOTOGRAPHS[2:]}, {today}, tables sha256 {digest}", scores)


def plain_pictures(folder: Path, target: Path) -> Path:
    """A folder of exactly the pictures that the reference names, as on the platform."""
    target.mkdir()
    with (folder / "ref_dev.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            shutil.copy(folder / "images" / record["filename"], target)
    return target


def kept_photograph_row(readme: Path) -> list[str]:
    lines = read_block(readme, "scores").splitlines()
    return [line for line in lines if line.startswith(PHOTOGRAPHS)]


def histogram_rows() -> list[str]:
    """The colour-histogram rows that the sample data's own command measured."""
    found = []
    for line in read_block(BUNDLE / "README.md", "baselines").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("colour histogram"):
            found.append("| " + " | ".join([f"{cells[0]}, sample {cells[1]}", *cells[2:]]) + " |")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write a submission's scores into its README.")
    parser.add_argument("name")
    parser.add_argument("--photographs", type=Path)
    options = parser.parse_args(arguments)
    submission = ROOT / "submissions" / options.name
    readme = submission / "README.md"
    try:
        kept = kept_photograph_row(readme)
        rows = [
            row(
                f"**sample {task}**",
                score_pictures(
                    submission,
                    BUNDLE / "input_data" / task,
                    BUNDLE / "reference_data" / task / "ref.csv",
                ),
            )
            for task in TASKS
        ]
        if options.photographs:
            kept = [photograph_row(options.name, submission, options.photographs)]
        elif kept:
            print("no --photographs: the row of the photographs stays as it was")
        block = [*HEADER, *rows, *kept, *histogram_rows(), *YARDSTICKS]
        write_block(readme, "scores", "\n".join(block))
    except (OSError, ValueError, RuntimeError) as error:
        print(f"score_readme: {error}", file=sys.stderr)
        return 1
    print("\n".join(block))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
