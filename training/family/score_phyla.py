"""Score a submission with the images' phyla and without: what the taxonomy is worth.

    python -m training.family.score_phyla two_lite_towers
    python -m training.family.score_phyla FOLDER --images DIR/dev/images \\
        --reference DIR/dev/ref_dev.csv

Runs the ingestion and the scoring program twice on the images that the reference names: with a
metadata.csv that has the reference's phyla, and without one. By default these are the sample's
development images. Families of the reference that the submission does not know are named: its
images of them cannot be right.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kit.markdown import table
from training.common import script
from training.common.console import say
from training.common.errors import DataError, FolderError
from training.common.platform_scores import score_images
from training.common.submission_files import CONFIG, ROOT, SUBMISSIONS
from training.common.tables import Row, read_table, write_table

SAMPLE = ROOT / "sample_data" / "family"
REFERENCE = SAMPLE / "reference_data" / "development" / "ref.csv"
COLUMNS = ("filename", "family", "phylum")


def read_reference(reference: Path, images: Path) -> list[Row]:
    """Read the rows of a reference. Raises DataError naming all that is missing."""
    columns, rows = read_table(reference, "filename,family,phylum of each image")
    missing = [f"column {name}" for name in COLUMNS if name not in columns]
    if not missing:
        names = [row["filename"] for row in rows]
        missing = [f"image {name}" for name in names if not (images / name).is_file()]
    if missing:
        raise DataError("\n  ".join([f"{reference} and {images}: missing are", *missing]))
    return rows


def unknown_families(submission: Path, rows: Sequence[Row]) -> list[str]:
    """Return the families of a reference that the submission's taxonomy lacks, sorted.

    Raises FolderError where the submission has no taxonomy.
    """
    path = submission / CONFIG
    if not path.is_file():
        raise FolderError(f"{path} is missing: train the submission first, or name another folder")
    known = json.loads(path.read_text(encoding="utf-8")).get("taxonomy")
    if known is None:
        raise FolderError(f"{path} has no `taxonomy`: expected a submission of the track family")
    return sorted({row["family"] for row in rows} - set(known))


def measure(submission: Path, images: Path, reference: Path) -> str:
    """Return the two scores as a table in Markdown. Raises DataError, FolderError, ScriptError."""
    rows = read_reference(reference, images)
    if unknown := unknown_families(submission, rows):
        count = sum(row["family"] in unknown for row in rows)
        say(f"not in the taxonomy, so always wrong: {', '.join(unknown)} ({count} images)")
    found = {}
    with tempfile.TemporaryDirectory() as name:
        shown = Path(name)
        for row in rows:
            (shown / row["filename"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(images / row["filename"], shown / row["filename"])
        found["without phyla"] = score_images(submission, shown, reference)
        write_table(shown / "metadata.csv", ("filename", "phylum"), rows)
        found["with phyla"] = score_images(submission, shown, reference)
    titles = list(found["with phyla"])
    lines = [[kind, *(f"{scores[key]:.3f}" for key in titles)] for kind, scores in found.items()]
    return "\n".join(table([f"{len(rows)} images", *titles], lines))


def main(arguments: list[str] | None = None) -> int:
    """Parse the options, measure and return the exit status."""
    made = script.parser("training.family.score_phyla", "Score with the phyla and without.")
    made.add_argument("submission", help="of a folder in submissions/, or a path")
    made.add_argument("--images", type=Path, default=SAMPLE / "input_data" / "development")
    made.add_argument("--reference", type=Path, default=REFERENCE)
    options: argparse.Namespace = made.parse_args(arguments)
    shipped = SUBMISSIONS / options.submission
    folder = shipped if shipped.is_dir() else Path(options.submission)
    return script.run(
        options, lambda: say(measure(folder.resolve(), options.images, options.reference))
    )


if __name__ == "__main__":
    raise SystemExit(main())
