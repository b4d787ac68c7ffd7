"""A place with the four folders of the prediction step, in which tests run the real program."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

PROGRAM = Path(__file__).parents[2] / "ingestion_program"

MEAN_GREY = """
class Model:
    def load(self):
        pass

    def preprocess(self, image):
        return float(image.convert("L").resize((4, 4)).getpixel((1, 2))) / 255

    def predict_batch(self, prepared):
        return prepared

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]
"""


def model_answering(expression: str) -> str:
    """A model.py whose predict returns the expression; `image` is at hand, `name` its file name."""
    return f"""
import os, sys
class Model:
    def load(self):
        pass

    def predict(self, image):
        name = os.path.basename(image.filename)
        return {expression}
"""


@dataclass(frozen=True)
class Outcome:
    """What the program left: exit status, streams, and predictions.txt (None if absent)."""

    status: int
    out: str
    err: str
    rows: list[list[str]] | None

    @property
    def written(self) -> list[list[str]]:
        """The rows of predictions.txt, which has to be there."""
        assert self.rows is not None, self
        return self.rows


@dataclass(frozen=True)
class Place:
    """The four folders of one prediction step."""

    root: Path

    @property
    def input(self) -> Path:
        return self.root / "input_data"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def submission(self) -> Path:
        return self.root / "submission"

    def image(self, name: str, level: int = 128, size: tuple[int, int] = (24, 16)) -> Path:
        """A grey image in the format of its extension."""
        path = self.input / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (level, level, level)).save(path)
        return path

    def photo(self, name: str, share: float = 1.0) -> Path:
        """A noisy image, of whose bytes only the first `share` are there."""
        path = self.input / name
        Image.effect_noise((128, 96), 60).convert("RGB").save(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    def images(self, number: int) -> list[str]:
        names = [f"p{place:03}.png" for place in range(1, number + 1)]
        for level, name in enumerate(names):
            self.image(name, level=(level * 7) % 256)
        return names

    def code(self, name: str, text: str) -> None:
        path = self.submission / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def command(self) -> list[str]:
        folders = [self.input, self.output, PROGRAM, self.submission]
        return [sys.executable, str(PROGRAM / "ingestion.py"), *map(str, folders)]

    def environment(self, **variables: str) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("INGESTION_")}
        return {**inherited, "INGESTION_INSTALL": "never", **variables}

    def run(self, **variables: str) -> Outcome:
        """Runs ingestion.py as the worker does, installing nothing unless told otherwise."""
        done = subprocess.run(
            self.command(),
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, self.rows())

    def fail(self, **variables: str) -> str:
        """Runs what must end with status 1 and nothing in OUTPUT_DIR; returns stderr."""
        outcome = self.run(**variables)
        assert outcome.status == 1, outcome
        assert self.left_behind() == []
        assert outcome.err.count("ERROR: ") == 1
        return outcome.err

    def rows(self) -> list[list[str]] | None:
        path = self.output / "predictions.txt"
        if not path.exists():
            return None
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    def left_behind(self) -> list[str]:
        return sorted(path.name for path in self.output.iterdir()) if self.output.exists() else []


def make_place(root: Path, model: str = MEAN_GREY, metadata: str = "track: hybrid\n") -> Place:
    """A place with a submission that predicts the grey of a pixel, and no images yet."""
    place = Place(root)
    place.input.mkdir()
    place.output.mkdir()
    place.code("model.py", model)
    place.code("metadata", metadata)
    return place
