r"""Write what a submission scores into its README, by running the platform's two programs.

    python -m training.common.readme_scores wing_pattern_sgd
    python -m training.common.readme_scores bioclip_wings --photographs DIR \
        --preset imagenet --seeds 3
    python -m training.common.readme_scores triplet_centroids --variant aligned-base=FOLDER

The README needs `<!-- scores:begin -->` and `<!-- scores:end -->`; the submission's metadata names
the track. With `--photographs`, the submission's training script trains a copy on DIR/train for
each of `--seeds` seeds; the copies are scored on DIR where that is a bundle, as `python -m
training.reid.split` makes one, else on DIR/dev (images/ and ref_dev.csv). Each preset has a row,
and each set of photographs that `--called` gives a name.
Trained copies stay in runs/photographs and are used again. `--variant` adds rows of another
artifact of the same submission on the sample data: its training script filled FOLDER. Rows that
these options do not name stay as they were. The last rows, results of others, are in
benchmarks/published.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kit.markdown import read_block, table, write_block
from training.common.console import say
from training.common.errors import ScriptError
from training.common.photograph_scores import (
    METADATA,
    Photographs,
    cell,
    photograph_scores,
    title,
)
from training.common.platform_scores import score_images
from training.common.script import parser, run
from wildlife_scoring.tracks import TRACKS

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "benchmarks" / "published.json"
TASKS = ("development", "final")
PHOTOGRAPHS = "**real photographs"
VARIANT = "variant "
DASH = "\u2013"  # where a value does not exist


@dataclass(frozen=True)
class View:
    """How the scores of a track are shown.

    columns: a title for each score key that is shown. baselines: how the rows begin that are taken
    over from the sample data's README. baseline_title: the title of such a row, with its name and
    its task in place of the two {}. table: the file name of the table in DIR/train.
    """

    columns: Mapping[str, str]
    baselines: tuple[str, ...] = ()
    baseline_title: str = "{}, sample {}"
    table: str = "train.csv"


VIEWS = {
    "hybrid": View(
        columns={
            "challenge_score": "challenge score",
            "A_score_major_recall": "major recall",
            "A_score_minor_recall": "minor recall",
            "mimic_recall": "mimic recall",
        },
        baselines=("colour histogram",),
    ),
    "reid": View(
        columns={
            "geometric_mean": "score",
            "BAKS": "BAKS",
            "BAUS": "BAUS",
            "cat_geometric_mean": "cat",
            "salamander_geometric_mean": "salamander",
            "turtle_geometric_mean": "turtle",
        },
        baselines=("pixels", "SIFT"),
        baseline_title="nearest by {}, oracle threshold, sample {}",
        table=METADATA,
    ),
    "anomaly": View(
        columns={key: key for key in TRACKS["anomaly"].keys},
        baselines=("whole frames, RGB", "true boxes"),
        baseline_title="nearest by {}, sample {}",
        table="annotations.json",
    ),
    "family": View(
        columns={
            "accuracy": "accuracy",
            "balanced_accuracy": "balanced accuracy",
            "f1_macro": "macro F1",
        },
    ),
}


def track_of(submission: Path) -> str:
    """Return the track that a submission's metadata names.

    Raises ScriptError where the scoring program has no such track.
    """
    text = (submission / "metadata").read_text(encoding="utf-8")
    track = str((yaml.safe_load(text) or {}).get("track"))
    if track not in TRACKS:
        known = " or ".join(TRACKS)
        raise ScriptError(f"{submission}/metadata: expected the track {known}, found {track}")
    return track


def view_of(track: str) -> View:
    """Return how a track is shown: without an entry in VIEWS, by all its own keys."""
    return VIEWS.get(track) or View({key: key for key in TRACKS[track].keys})


def row(title: str, scores: Mapping[str, float], view: View) -> list[str]:
    """Return the cells of a row; photographs may be of other datasets than the sample's."""
    return [title, *(f"{scores[key]:.3f}" if key in scores else DASH for key in view.columns)]


def sample_row(title: str, task: str, submission: Path, track: str) -> list[str]:
    """Score a submission folder on one task of the sample data."""
    bundle = ROOT / "sample_data" / track
    reference = bundle / "reference_data" / task / "ref.csv"
    scores = score_images(submission, bundle / "input_data" / task, reference)
    return row(title, scores, view_of(track))


def variant_rows(submission: Path, given: str, track: str) -> list[list[str]]:
    """Score TITLE=FOLDER on both sample tasks, the folder's files in a copy of the submission.

    Raises ScriptError where `given` is something else, or the folder has no config.json.
    """
    title, _, folder = given.partition("=")
    if not title or not Path(folder, "config.json").is_file():
        raise ScriptError(f"--variant {given}: expected TITLE=FOLDER, and FOLDER/config.json there")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary, submission.name)
        shutil.copytree(submission, copy, ignore=shutil.ignore_patterns("__pycache__", "weights"))
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        begin = f"{VARIANT}`{title}`"
        return [sample_row(f"{begin}, sample {task}", task, copy, track) for task in TASKS]


def row_begin(preset: str, called: str) -> str:
    """Return how a row of photographs begins; "" for the script's own preset, and for no name."""
    begin = f"{PHOTOGRAPHS}{called and f': {called}'} (train -> dev)**,"
    return f"{begin} preset `{preset}`," if preset else begin


def is_of_preset(cells: Sequence[str], begin: str) -> bool:
    """Say whether a row of photographs is the one that begins so; without preset, of none."""
    return cells[0].startswith(begin) and ("preset `" in begin or "preset `" not in cells[0])


def photograph_row(submission: Path, options: argparse.Namespace, view: View) -> list[str]:
    """Train on the photographs as the options say; return the cells of the row of that preset."""
    photographs = Photographs(options.photographs.resolve(), view.table)
    work = ROOT / "runs" / "photographs" / photographs.digest()
    scores = photograph_scores(submission, photographs, options.preset, options.seeds, work)
    begin = title(photographs, row_begin(options.preset, options.called), scores)
    cells = (cell(scores, key) if key in scores[0] else DASH for key in view.columns)
    return [begin, *cells]


def block_rows(readme: Path, name: str) -> list[list[str]]:
    """Return the cells of the table in a block of a README, titles first, without the rule.

    Raises ScriptError where the README has no such block.
    """
    try:
        lines = [line for line in read_block(readme, name).splitlines() if line.startswith("|")]
    except ValueError as error:
        raise ScriptError(str(error)) from error
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    return [*rows[:1], *rows[2:]]


def baseline_rows(readme: Path, view: View) -> list[list[str]]:
    """Return the rows of `view.baselines` that the sample data's own command measured.

    Their table has a name, a task, and values under the titles of `view.columns`; a title that is
    missing leaves a dash.
    """
    titles, *rows = block_rows(readme, "baselines")
    found = []
    for cells in rows:
        if cells[0].startswith(view.baselines):
            by_title = dict(zip(titles, cells, strict=True))
            title = view.baseline_title.format(cells[0], cells[1])
            found.append([title, *(by_title.get(name, DASH) for name in view.columns.values())])
    return found


def published_rows(track: str, view: View) -> list[list[str]]:
    """Return a row for each result of others in benchmarks/published.json."""
    entries: list[dict[str, Any]] = json.loads(PUBLISHED.read_text(encoding="utf-8")).get(track, [])
    rows = []
    for entry in entries:
        title = f"reference value, {entry['title']} ({entry['source']})"
        # Where the published dataset is another one than the column's, the cell names it.
        names = ["", *(entry.get("shown_as", {}).get(key, "") for key in view.columns)]
        cells = row(title, entry["scores"], view)
        rows.append([f"{name} {cell}".strip() for name, cell in zip(names, cells, strict=True)])
    return rows


def write_scores(options: argparse.Namespace) -> None:
    """Score the submission and write the block. Raises ScriptError."""
    submission = ROOT / "submissions" / options.name
    readme = submission / "README.md"
    track = track_of(submission)
    view = view_of(track)
    old = block_rows(readme, "scores")
    variants = [cells for cells in old if cells[0].startswith(VARIANT)]
    photographs = [cells for cells in old if cells[0].startswith(PHOTOGRAPHS)]
    if options.variant:
        variants = variant_rows(submission, options.variant, track)
    rows = [sample_row(f"**sample {task}**", task, submission, track) for task in TASKS]
    if options.photographs:
        made = photograph_row(submission, options, view)
        begin = row_begin(options.preset, options.called)
        photographs = [made, *(cells for cells in photographs if not is_of_preset(cells, begin))]
        photographs.sort()
    elif photographs:
        say("no --photographs: the rows of the photographs stay as they were")
    rows += [*variants, *photographs]
    if view.baselines:
        rows += baseline_rows(ROOT / "sample_data" / track / "README.md", view)
    rows += published_rows(track, view)
    block = "\n".join(table(["scored on", *view.columns.values()], rows))
    write_block(readme, "scores", block)
    say(block)


def main(arguments: list[str] | None = None) -> int:
    """Run the script."""
    options = parser(
        "training.common.readme_scores", "Write a submission's scores into its README."
    )
    options.add_argument("name", help="of a folder in submissions/")
    options.add_argument(
        "--photographs", type=Path, metavar="DIR", help="train/, and dev/ or a bundle"
    )
    options.add_argument("--preset", default="", help="of the training script; else its own")
    options.add_argument(
        "--called", default="", metavar="NAME", help="of the photographs, if several"
    )
    options.add_argument("--seeds", type=int, default=1, help="trainings to average, default 1")
    options.add_argument("--variant", metavar="TITLE=FOLDER", help="another artifact's folder")
    given = options.parse_args(arguments)
    if given.seeds < 1:
        options.error(f"--seeds {given.seeds}: expected 1 or more")
    return run(given, lambda: write_scores(given))


if __name__ == "__main__":
    raise SystemExit(main())
