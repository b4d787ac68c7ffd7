"""Make the bundle of a published challenge at home: its metric, and a place for one's own truth.

A challenge of Kaggle or Hugging Face has no bundle, and the beetles' one needs R. With a bundle of
the same contract and metric, `kit run`, `kit compare` and `kit leaderboard` give the number on
images that the participant has kept apart. kit/contract_bundles/ holds a YAML file for each.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kit.contract import COMPETITION_FILE
from kit.contracts.drawing import draw_input
from kit.contracts.reading import contracts
from kit.errors import UsageProblem
from kit.trees import copy_files
from kit.yaml_text import read_yaml

_FOLDER = Path(__file__).parents[1] / "contract_bundles"
# Without quotes YAML makes a date of it, and the platform loses the time.
_DATE = re.compile(r"DEVELOPMENT_(?:START|END) [\d:]+")
_TASK = ("scoring_program", "input_data", "reference_data")
_SCORING = "python3 /app/program/scoring.py /app/input /app/output"
_INGESTION = "python3 /app/program/ingestion.py /app/input_data /app/output /app/ingested_program"


@dataclass(frozen=True)
class Home:
    """What kit/contract_bundles/NAME.yaml says.

    Attributes:
        title: of the competition.
        description: what it asks for, and how it scores.
        metric: the module of challenge_metrics.
        columns: `asc` or `desc` for each key of the leaderboard, the one that ranks first.
        truth: the tables of the reference data by name, for the drawn images.
        ingestion: the folder of the ingestion program; "" for a challenge of result files.
        arguments: more words for its command.
        time_limit_s: for each step; what the challenge gives.
    """

    title: str
    description: str
    metric: str
    columns: Mapping[str, str]
    truth: Mapping[str, str]
    ingestion: str = ""
    arguments: str = ""
    time_limit_s: int = 600


def home_names() -> list[str]:
    """Return the contracts of which a bundle can be made."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def fill_home_bundle(folder: Path, name: str) -> None:
    """Write the bundle of a contract into a new folder, with a few drawn images and their truth.

    Raises:
        UsageProblem: there is none for that contract.
    """
    if name not in home_names():
        known = ", ".join(home_names())
        raise UsageProblem(f"--contract {name}: expected one of {known}, found none of these")
    home = Home(**read_yaml(_FOLDER / f"{name}.yaml"))
    contract = next(one for one in contracts() if one.name == name)
    draw_input(contract, folder / "input_data")
    _copy_program("scoring_program", folder / "scoring_program", f"{_SCORING} {home.metric}")
    if home.ingestion:
        command = f"{_INGESTION} {home.arguments}".strip()
        _copy_program(home.ingestion, folder / "ingestion_program", command)
    texts = {f"reference_data/{table}": text for table, text in home.truth.items()}
    texts["README.md"] = _readme(home, name, contract.table.file or "the images")
    texts["pages/overview.md"] = f"# {home.title}\n\n{home.description}\n"
    texts[COMPETITION_FILE] = _DATE.sub(
        r'"\g<0>"', yaml.safe_dump(_competition(home), sort_keys=False)
    )
    for place, text in texts.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copyfile(_FOLDER.parent / "bundle_template" / "logo.png", folder / "logo.png")


def _copy_program(name: str, target: Path, command: str) -> None:
    copy_files(_FOLDER / name, target, lambda inner: "__pycache__" not in inner)
    (target / "metadata.yaml").write_text(f"command: {command}\n", encoding="utf-8")


def _competition(home: Home) -> dict[str, Any]:
    programs = ("ingestion_program", *_TASK) if home.ingestion else _TASK
    return {
        "version": 2,
        "title": home.title,
        "description": home.description,
        "image": "logo.png",
        "terms": "pages/overview.md",
        "docker_image": "codalab/codalab-legacy:py312",
        "pages": [{"title": "Overview", "file": "pages/overview.md"}],
        "tasks": [{"index": 0, "name": "Home", **{key: key for key in programs}}],
        "phases": [
            {"index": 0, "name": "Home", "start": "DEVELOPMENT_START 00:00:00",
             "end": "DEVELOPMENT_END 23:59:59", "tasks": [0],
             "execution_time_limit": home.time_limit_s,
             "max_submissions_per_day": 100, "max_submissions": 1000},
        ],
        "leaderboards": [
            {"title": "Results", "key": "results", "submission_rule": "Add_And_Delete",
             "primary_index": 0, "columns": [
                 {"index": place, "key": key, "title": key, "sorting": sorting, "precision": 4}
                 for place, (key, sorting) in enumerate(home.columns.items())
             ]},
        ],
    }  # fmt: skip


def _readme(home: Home, name: str, images: str) -> str:
    tables = ", ".join(f"`reference_data/{table}`" for table in home.truth)
    return (
        f"# {home.title}\n\n{home.description}\n\n"
        f"A bundle for use at home, made by `kit new-bundle --contract {name}`. The images are "
        "drawn. Put your own in their place, such as a part of the training data that you keep "
        f"apart, with the same columns: `input_data/` ({images}) and {tables}.\n\n"
        "```\nkit check .                       # what is wrong with the bundle\n"
        "kit new NAME --bundle .           # a submission that runs at once\n"
        "kit run NAME --bundle .           # the number\n```\n"
    )
