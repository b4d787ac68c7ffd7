"""Make a competition bundle of a split, as `kit run --bundle` and `kit check` take it.

Images and metadata.csv lie side by side in the input data, as in the sample bundle: a run sees all
that the platform would show.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from kit.trees import copy_files
from training.common.atomic import write_text
from training.common.images import place_image
from training.reid.options import ROOT
from wildlife_scoring.tracks import TRACKS

INPUT, REFERENCE = "input_data/development", "reference_data/development"
QUERIES = f"{INPUT}/metadata.csv"
TRUTH = f"{REFERENCE}/ref.csv"
PROGRAMS = ("ingestion_program", "scoring_program")
_PAGE = """# Who is it?

Name the animal in each image, or say that it is an animal which the database does not know
(`new_individual`). Cut out of a database of known individuals by `python -m training.reid.split`;
the gallery is in train/.
"""


def write_programs_and_pages(out: Path) -> None:
    """Copy both programs, so that the bundle can be moved; write the pages that the platform needs.

    Raises WriteFailed where the disk does not take them.
    """
    for name in PROGRAMS:
        copy_files(ROOT / name, out / name, _is_source)
    place_image(ROOT / "sample_data" / "reid" / "logo.png", out / "logo.png", link=False)
    write_text(out / "pages" / "overview.md", _PAGE)


def write_competition(out: Path, datasets: Sequence[str]) -> None:
    """Write competition.yaml, the last file: a folder that has it is complete."""
    text = yaml.safe_dump(competition(datasets), sort_keys=False)
    write_text(out / "competition.yaml", text)


def competition(datasets: Sequence[str]) -> dict[str, Any]:
    """Return the content of competition.yaml; its columns are the keys that the datasets give."""
    task = {"index": 0, "name": "Development", **{name: name for name in PROGRAMS}}
    task |= {"input_data": INPUT, "reference_data": REFERENCE}
    page = "pages/overview.md"
    return {
        "version": 2,
        "title": "Who is it? (split)",
        "description": "A smaller open-set competition, cut out of a database",
        "image": "logo.png",
        "terms": page,
        "docker_image": "codalab/codalab-legacy:py312",
        "pages": [{"title": "Overview", "file": page}],
        "tasks": [task],
        # Never past: the bundle is made to be run at home.
        "phases": [
            {
                "name": "Development",
                "start": "2099-01-01 00:00:00",
                "end": "2099-12-31 23:59:59",
                "tasks": [0],
                "execution_time_limit": 600,
                "max_submissions_per_day": 5,
            }
        ],
        "leaderboards": [
            {"title": "Re-identification", "key": "reid", "primary_index": 0,
             "submission_rule": "Add_And_Delete", "columns": _columns(datasets)}
        ],
    }  # fmt: skip


def _columns(datasets: Sequence[str]) -> list[dict[str, Any]]:
    keys = TRACKS["reid"].leaderboard_keys(sorted(datasets))
    return [
        {"index": number, "key": key, "title": key[-36:], "sorting": "desc", "precision": 4}
        for number, key in enumerate(keys)
    ]


def _is_source(name: str) -> bool:
    last = PurePosixPath(name).name
    return last != "__pycache__" and not last.startswith(".")
