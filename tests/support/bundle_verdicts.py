"""Small bundles, each changed in one way, and what the platform's own unpacker said to them.

The table is tests/data/bundle_verdicts.yaml; tests/data/README.md says how it was made.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

TABLE = Path(__file__).resolve().parents[1] / "data" / "bundle_verdicts.yaml"
BASE = """
version: 2
title: Case
description: A small competition.
image: logo.png
terms: terms.md
docker_image: codalab/codalab-legacy:py312
pages:
  - {title: Overview, file: overview.md}
tasks:
  - index: 0
    name: Task
    scoring_program: scoring_program
    input_data: input_data
    reference_data: reference_data
phases:
  - index: 0
    name: First
    start: "2090-01-01 00:00:00"
    end: "2090-02-01 00:00:00"
    max_submissions_per_day: 5
    max_submissions: 100
    tasks: [0]
  - index: 1
    name: Second
    start: "2090-02-01 00:00:01"
    end: "2090-03-01 00:00:00"
    max_submissions_per_day: 5
    max_submissions: 100
    tasks: [0]
leaderboards:
  - title: Results
    key: main
    columns:
      - {index: 0, key: score, title: Score, sorting: desc, precision: 4}
      - {index: 1, key: second_score, title: Second, sorting: desc, precision: 4}
"""


@dataclass(frozen=True)
class Case:
    """A change of the small bundle, and the verdict on it.

    Attributes:
        verdict: "accepted" or "refused", by the platform.
        set, drop: values and keys of competition.yaml by their dotted place.
        files: texts of files; `hex` their bytes. `remove` are files or folders to leave out.
        raw: the text of competition.yaml, in place of the small one; `more` is put at its end.
        kit: codes of errors that `kit check` gives on other grounds where the platform accepts;
            of notes, where the platform refuses.
    """

    name: str
    verdict: str = ""
    set: dict[str, Any] = field(default_factory=dict)
    drop: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    hex: dict[str, str] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    raw: str = ""
    more: str = ""
    kit: list[str] = field(default_factory=list)


def read_cases() -> list[Case]:
    """Read the table."""
    return [Case(**row) for row in yaml.safe_load(TABLE.read_text(encoding="utf-8"))]


def build(case: Case, folder: Path) -> Path:
    """Write the case's bundle into a folder, and return the folder."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, format="PNG")
    files: dict[str, bytes] = {
        "logo.png": stream.getvalue(),
        "terms.md": b"Terms",
        "overview.md": b"Overview",
        "scoring_program/metadata.yaml": b"command: python3 score.py\n",
        "scoring_program/score.py": b"print()\n",
        "input_data/a.txt": b"a\n",
        "reference_data/a.txt": b"a\n",
        "competition.yaml": _competition(case).encode(),
    }
    files |= {name: text.encode() for name, text in case.files.items()}
    files |= {name: bytes.fromhex(digits) for name, digits in case.hex.items()}
    for name, content in files.items():
        if not any(name == gone or name.startswith(f"{gone}/") for gone in case.remove):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return folder


def _competition(case: Case) -> str:
    if case.raw:
        return case.raw
    content = yaml.safe_load(BASE)
    for place, value in case.set.items():
        *path, last = _steps(place)
        _inside(content, path)[last] = value
    for place in case.drop:
        *path, last = _steps(place)
        del _inside(content, path)[last]
    return yaml.safe_dump(content, sort_keys=False) + case.more


def _steps(place: str) -> list[str | int]:
    return [int(step) if step.isdigit() else step for step in place.split(".")]


def _inside(content: Any, path: list[str | int]) -> Any:
    for step in path:
        content = content[step]
    return content
