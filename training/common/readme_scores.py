"""Write what a submission scores into its README, by running the platform's two programs.

    python -m training.common.readme_scores wing_pattern_sgd
    python -m training.common.readme_scores wing_pattern_sgd --photographs DIR
    python -m training.common.readme_scores triplet_centroids --variant aligned-base=FOLDER

The README needs `<!-- scores:begin -->` and `<!-- scores:end -->`; the submission's metadata says
which track it is of. With `--photographs`, a copy of the submission is trained by
`training/NAME.py --data DIR/train` and scored on DIR/dev (images/, ref_dev.csv and, on the reid
track, metadata.csv: what split_open_set.py makes). `--variant` adds rows of another artifact of the
same submission on the sample data: FOLDER is what its training script filled. Without one of these
the rows that are there stay.
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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from kit.markdown import read_block, write_block

ROOT = Path(__file__).resolve().parents[2]
TASKS = ("development", "final")
PHOTOGRAPHS = "| **real photographs (train -> dev)**"
VARIANT = "| variant "
METADATA = "metadata.csv"
# Whose networks a submission takes, and by which options of its training script.
DESCRIPTORS = {
    "wildfusion": {"--descriptor": "megadescriptor_cosine"},
    "megadescriptor_convnext": {"--descriptor": "megadescriptor_cosine"},
    "open_set_ensemble": {"--triplet": "triplet_centroids", "--swin": "megadescriptor_cosine"},
}


@dataclass(frozen=True)
class Track:
    """What differs between the tracks.

    columns: a title for each score key that is shown; baselines: how the rows begin that are taken
    over from the sample data's README, and baseline_title: their text here, of name and task;
    table: DIR/train's own; yardsticks: rows with published values or ones measured elsewhere, with
    their source, nothing of which comes from a submission.
    """

    columns: Mapping[str, str]
    baselines: tuple[str, ...]
    baseline_title: str
    table: str
    yardsticks: tuple[str, ...]


TRACKS = {
    "hybrid": Track(
        columns={
            "challenge_score": "challenge score",
            "A_score_major_recall": "major recall",
            "A_score_minor_recall": "minor recall",
            "mimic_recall": "mimic recall",
        },
        baselines=("colour histogram",),
        baseline_title="{}, sample {}",
        table="train.csv",
        yardsticks=(
            "| yardstick, real photographs: raw pixels 48x32, PCA 80, logistic regression, margin "
            "score (README of the photographs' folder) | 0.113 | 0.125 | 0.081 | 0.160 |",
            "| yardstick, the real challenge: sample result with a pretrained backbone, other "
            "pictures (Imageomics/HDR-anomaly-challenge) | 0.301 | 0.921 | 0.143 | 0.532 |",
        ),
    ),
    "reid": Track(
        columns={
            "geometric_mean": "score",
            "BAKS": "BAKS",
            "BAUS": "BAUS",
            "cat_geometric_mean": "cat",
            "salamander_geometric_mean": "salamander",
            "turtle_geometric_mean": "turtle",
        },
        baselines=("pixels", "SIFT"),
        baseline_title="nearest by {}, threshold in hindsight, sample {}",
        table=METADATA,
        # AnimalCLEF 2025, private part. Its datasets: lynx, salamander, sea turtle; BAKS and BAUS
        # are the means of the three published pairs.
        yardsticks=(
            "| yardstick, the real challenge, other pictures: MegaDescriptor-L-384, cosine nearest "
            "neighbour, threshold 0.6 (wildlife-datasets, baselines/AnimalCLEF2025) | 0.444 | "
            "0.209 | 0.992 | lynx 0.312 | 0.451 | 0.568 |",
            "| yardstick, the real challenge, other pictures: the winning entry (same source) | "
            "0.714 | \u2013 | \u2013 | \u2013 | \u2013 | \u2013 |",
        ),
    ),
}


def track_of(submission: Path) -> str:
    """The track that a submission names. Raises ValueError where it is none of TRACKS."""
    text = (submission / "metadata").read_text(encoding="utf-8")
    track = str((yaml.safe_load(text) or {}).get("track"))
    if track not in TRACKS:
        raise ValueError(
            f"{submission}/metadata: expected the track {' or '.join(TRACKS)}: {track}"
        )
    return track


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


def header(track: Track) -> list[str]:
    titles = ["scored on", *track.columns.values()]
    return ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]


def row(title: str, scores: Mapping[str, float], track: Track) -> str:
    """The values that there are: photographs may be of other datasets than the sample's."""
    cells = [f"{scores[key]:.3f}" if key in scores else "\u2013" for key in track.columns]
    return f"| {title} | " + " | ".join(cells) + " |"


def sample_row(title: str, task: str, submission: Path, track: str) -> str:
    bundle = ROOT / "sample_data" / track
    scores = score_pictures(
        submission, bundle / "input_data" / task, bundle / "reference_data" / task / "ref.csv"
    )
    return row(title, scores, TRACKS[track])


def variant_rows(submission: Path, given: str, track: str) -> list[str]:
    """Rows of TITLE=FOLDER on both sample tasks, the folder's files in a copy of the submission.

    Raises ValueError where it is not that, or the folder has no config.json.
    """
    title, _, folder = given.partition("=")
    if not title or not Path(folder, "config.json").is_file():
        raise ValueError(f"--variant {given}: expected TITLE=FOLDER, and FOLDER/config.json there")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary, submission.name)
        shutil.copytree(submission, copy, ignore=shutil.ignore_patterns("__pycache__", "weights"))
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        begin = f"{VARIANT[2:]}`{title}`"
        return [sample_row(f"{begin}, sample {task}", task, copy, track) for task in TASKS]


def photograph_row(submission: Path, folder: Path, track: Track) -> str:
    """Train a copy of the submission on the photographs and score it on their development part."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = train_copy(submission, folder / "train", Path(temporary))
        images = plain_pictures(folder / "dev", Path(temporary) / "pictures")
        scores = score_pictures(copy, images, folder / "dev" / "ref_dev.csv")
    tables = [(folder / t).read_bytes() for t in (f"train/{track.table}", "dev/ref_dev.csv")]
    digest = hashlib.sha256(b"".join(tables)).hexdigest()[:12]
    today = datetime.datetime.now(tz=datetime.timezone.utc).date().isoformat()
    return row(f"{PHOTOGRAPHS[2:]}, {today}, tables sha256 {digest}", scores, track)


def train_copy(submission: Path, data: Path, work: Path) -> Path:
    """A copy in `work`, trained by `training/TRACK/NAME.py`; on the descriptor of the same pictures."""
    name = submission.name
    copy = work / name
    shutil.copytree(submission, copy, ignore=shutil.ignore_patterns("__pycache__"))
    script = next((ROOT / "training").glob(f"*/{name}.py"), None)
    if script is None:  # the smallest submissions are not trained
        return copy
    more: list[object] = []
    for option, other in DESCRIPTORS.get(name, {}).items():
        more += [option, train_copy(submission.with_name(other), data, work)]
    run_program(script, "--data", data, "--out", copy, *more)
    return copy


def plain_pictures(folder: Path, target: Path) -> Path:
    """A folder of exactly the pictures that the reference names, as on the platform, with their
    metadata.csv where there is one."""
    target.mkdir()
    with (folder / "ref_dev.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            shutil.copy(folder / "images" / record["filename"], target)
    if (folder / METADATA).is_file():
        shutil.copy(folder / METADATA, target)
    return target


def kept_rows(readme: Path, start: str) -> list[str]:
    lines = read_block(readme, "scores").splitlines()
    return [line for line in lines if line.startswith(start)]


def baseline_rows(readme: Path, track: Track) -> list[str]:
    """The rows of `track.baselines` that the sample data's own command measured: name, task, and
    values under the titles of `track.columns`; a title that is not there leaves a dash."""
    lines = [cells_of(line) for line in read_block(readme, "baselines").splitlines() if line]
    found = []
    for cells in lines[2:]:
        if cells[0].startswith(track.baselines):
            by_title = dict(zip(lines[0], cells, strict=True))
            values = [by_title.get(title, "\u2013") for title in track.columns.values()]
            title = track.baseline_title.format(cells[0], cells[1])
            found.append("| " + " | ".join([title, *values]) + " |")
    return found


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write a submission's scores into its README.")
    parser.add_argument("name")
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--variant", metavar="TITLE=FOLDER")
    options = parser.parse_args(arguments)
    submission = ROOT / "submissions" / options.name
    readme = submission / "README.md"
    try:
        name = track_of(submission)
        track = TRACKS[name]
        variants, kept = kept_rows(readme, VARIANT), kept_rows(readme, PHOTOGRAPHS)
        if options.variant:
            variants = variant_rows(submission, options.variant, name)
        rows = [sample_row(f"**sample {task}**", task, submission, name) for task in TASKS]
        if options.photographs:
            kept = [photograph_row(submission, options.photographs, track)]
        elif kept:
            print("no --photographs: the row of the photographs stays as it was")
        baselines = baseline_rows(ROOT / "sample_data" / name / "README.md", track)
        block = [*header(track), *rows, *variants, *kept, *baselines, *track.yardsticks]
        write_block(readme, "scores", "\n".join(block))
    except (OSError, ValueError, RuntimeError) as error:
        print(f"score_readme: {error}", file=sys.stderr)
        return 1
    print("\n".join(block))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
