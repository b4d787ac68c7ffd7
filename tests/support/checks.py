"""What the checks' tests share: good submissions, zips and bundles, and ways to corrupt them."""

from __future__ import annotations

import functools
import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from kit.packing.shipping import shipped
from kit.zips import write_zip
from tests.support.kit import competition_yaml, make_bundle, write_tree

GOOD_MODEL = '''
"""A model that breaks no rule."""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent


class Model:
    def __init__(self) -> None:
        self.device = "cpu"

    def load(self) -> None:
        with np.load(HERE / "weights" / "head.npz") as arrays:
            self.scale = arrays["scale"]

    def preprocess(self, image: Image.Image) -> float:
        return float(np.asarray(image.convert("L"), dtype=np.float64).mean())

    def predict_batch(self, items: list[float]) -> list[float]:
        return [float(item * self.scale[0]) for item in items]

    def predict(self, image: Image.Image) -> float:
        return self.predict_batch([self.preprocess(image)])[0]
'''


def add_weights(folder: Path, name: str, content: bytes, licence: str = "CC0-1.0") -> None:
    """Write an artifact and list it in weights.json."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    path = folder / "weights.json"
    manifest: dict[str, Any] = {"format": 1, "files": []}
    if path.exists():
        manifest = json.loads(path.read_text())
    manifest["files"].append(
        {
            "path": name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "licence": licence,
            "source": "python -m training.head",
        }
    )
    path.write_text(json.dumps(manifest))


def good_submission(folder: Path) -> Path:
    """A submission with weights, requirements and a classifier, without findings."""
    write_tree(
        folder,
        {
            "model.py": GOOD_MODEL,
            "metadata": "description: made by a test\ntrack: hybrid\n",
            "requirements.txt": f"numpy=={version('numpy')}\n"
            f"scikit-learn=={version('scikit-learn')}\n",
        },
    )
    np.savez(folder / "head.npz", scale=np.array([0.001]))
    add_weights(folder, "weights/head.npz", (folder / "head.npz").read_bytes())
    (folder / "head.npz").unlink()
    add_weights(folder, "weights/classifier.pkl", classifier())
    return folder


@functools.cache
def classifier() -> bytes:
    """A small fitted estimator, pickled."""
    x = np.arange(8.0)[:, None]
    return pickle.dumps(LogisticRegression().fit(x, x[:, 0] > 3))


def good_zip(folder: Path) -> Path:
    """The zip of `good_submission`."""
    source = good_submission(folder / "source")
    write_zip(shipped(source).entries, folder / "good.zip")
    return folder / "good.zip"


def good_competition() -> dict[str, Any]:
    """A competition.yaml without findings."""
    content = competition_yaml()
    content["docker_image"] = "codalab/codalab-legacy:py312"
    content["phases"] = [
        {"name": "First", "start": "2027-01-01 00:00:00", "end": "2027-01-31 23:59:59",
         "tasks": [0], "execution_time_limit": 30},
        {"name": "Second", "start": "2027-02-01 00:00:00", "end": "2027-02-28 12:00:00",
         "tasks": [0]},
    ]  # fmt: skip
    return content


def good_bundle(folder: Path) -> Path:
    """A bundle without findings."""
    return make_bundle(folder / "bundle", good_competition())


@dataclass(frozen=True)
class Defect:
    """One way of going wrong: what it is called, the code that must be given, how to do it.

    `seed` corrupts the good one at a path, and returns the path to check if it is another.
    """

    name: str
    code: str
    seed: Callable[[Path], Path | None]


# What several tables' defects do; each returns a `Defect.seed`.


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text, f"{old!r} is not in {name}"
        (folder / name).write_text(text.replace(old, new))

    return seed


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        write_tree(folder, {name: content})

    return seed


def append(name: str, text: str) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        (folder / name).write_text((folder / name).read_text() + text)

    return seed


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def both(first: Callable[[Path], None], second: Callable[[Path], None]) -> Callable[[Path], None]:
    def seed(folder: Path) -> None:
        first(folder)
        second(folder)

    return seed
