"""Submissions and bundles made from source strings, and the command line in-process."""

from __future__ import annotations

import csv
import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from kit.cli import main
from kit.zips import tree_entries, write_zip
from tests.support.schemas import command_of, schema_problems

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("challenge_score", "accuracy")

MODEL = """
class Model:
    def load(self):
        pass

    def predict(self, image):
        return float(image.size[0]) / 100
"""

# A third party's ingestion: a plain loop in the official style, with no import of ours.
INGESTION = """
import sys
from pathlib import Path
from PIL import Image
inputs, output, program, submission = map(Path, sys.argv[1:5])
sys.path.append(str(submission))
from model import Model
model = Model()
model.load()
with open(output / "predictions.txt", "w") as stream:
    for path in sorted(inputs.iterdir()):
        stream.write(f"{path.name},{model.predict(Image.open(path)):.4f}\\n")
print("predicted")
"""
SCORING = """
import json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
rows = (inputs / "res" / "predictions.txt").read_text().split()
answers = dict(line.split(",") for line in (inputs / "ref" / "ref.csv").read_text().split()[1:])
right = sum((float(row.split(",")[1]) > 0.5) == (answers[row.split(",")[0]] == "1") for row in rows)
scores = {"challenge_score": right / len(answers), "accuracy": right / len(rows)}
(output / "scores.json").write_text(json.dumps(scores))
(output / "detailed_results.html").write_text("<p>fine</p>")
"""
INGESTION_COMMAND = (
    "python3 /app/program/ingestion.py /app/input_data/ /app/output/ /app/program "
    "/app/ingested_program"
)
SCORING_COMMAND = "python3 /app/program/scoring.py /app/input /app/output"


def write_tree(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Write files given as text (dedented) or bytes below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(textwrap.dedent(content), encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_submission(folder: Path, model: str = MODEL, **files: str | bytes) -> Path:
    """A submission folder; `files` add to it or replace (name them by keyword or unpacking)."""
    content: dict[str, str | bytes] = {
        "model.py": model,
        "metadata": "description: made by a test\ntrack: hybrid\n",
    }
    return write_tree(folder, content | files)


def make_bundle(
    folder: Path,
    competition: dict[str, Any] | None = None,
    ingestion: str = INGESTION,
    scoring: str = SCORING,
    limit_s: int = 30,
) -> Path:
    """A third party's bundle: four images, own ingestion and scoring, two columns.

    The two wide images (80 pixels) are positive; `MODEL` finds both.
    """
    write_tree(
        folder,
        {
            "ingestion_program/ingestion.py": ingestion,
            "ingestion_program/metadata.yaml": f"command: {INGESTION_COMMAND}\n",
            "scoring_program/scoring.py": scoring,
            "scoring_program/metadata.yaml": f"command: {SCORING_COMMAND}\n",
            "page.md": "A page.",
        },
    )
    (folder / "input_data").mkdir(exist_ok=True)
    (folder / "reference_data").mkdir(exist_ok=True)
    with (folder / "reference_data/ref.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["filename", "answer"])
        for number, width in enumerate((20, 80, 30, 80)):
            Image.new("RGB", (width, 10), "white").save(folder / f"input_data/{number}.png")
            table.writerow([f"{number}.png", int(width > 50)])
    Image.new("RGB", (8, 8)).save(folder / "logo.png")
    content = competition if competition is not None else competition_yaml(limit_s)
    (folder / "competition.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def competition_yaml(limit_s: int = 30) -> dict[str, Any]:
    """The content of a small competition.yaml that the platform's unpacker accepts."""
    return {
        "version": 2,
        "title": "Third party",
        "image": "logo.png",
        "terms": "page.md",
        "pages": [{"title": "Overview", "file": "page.md"}],
        "tasks": [
            {
                "index": 0,
                "name": "Only task",
                "ingestion_program": "ingestion_program",
                "scoring_program": "scoring_program",
                "input_data": "input_data",
                "reference_data": "reference_data",
            }
        ],
        "phases": [
            {
                "name": "First",
                "start": "2027-01-01 00:00:00",
                "tasks": [0],
                "execution_time_limit": limit_s,
            }
        ],
        "leaderboards": [
            {
                "title": "Results",
                "key": "results",
                "columns": [
                    {"title": key.capitalize(), "key": key, "index": index, "precision": 3}
                    for index, key in enumerate(KEYS)
                ],
            }
        ],
    }


@dataclass(frozen=True)
class Answer:
    """What a command printed: its exit status and both streams."""

    status: int
    out: str
    err: str
    arguments: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """Standard output read as JSON, after a look into the command's schema."""
        document = json.loads(self.out)
        problems = schema_problems(command_of(self.arguments), document)
        assert not problems, problems
        return document

    @property
    def text(self) -> str:
        """Everything that was printed, with line breaks of wrapped lines removed."""
        return " ".join((self.out + self.err).split())


class Kit:
    """The command line, called in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Answer:
        """Run `kit ARGUMENTS`."""
        self._capsys.readouterr()
        given = tuple(str(argument) for argument in arguments)
        with pytest.raises(SystemExit) as caught:
            main([*given])
        captured = self._capsys.readouterr()
        code = caught.value.code
        return Answer(code if isinstance(code, int) else 1, captured.out, captured.err, given)


def zipped(folder: Path) -> Path:
    """The folder's contents as a zip next to it."""
    target = folder.with_suffix(".zip")
    write_zip(tree_entries(folder), target)
    return target
