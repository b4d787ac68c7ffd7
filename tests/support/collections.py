"""Small collections of images for `kit predict`, and submissions of NumPy that predict them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.kit import make_submission

# The width of an image says what its prediction is: width / 100.
BATCHED = """
import numpy as np

class Model:
    batch_size = 4

    def load(self):
        print("loading", flush=True)

    def preprocess(self, image):
        return np.asarray(image.convert("RGB"), dtype=np.float32)

    def predict_batch(self, batch):
        return [float(pixels.shape[1]) / 100 for pixels in batch]

    def predict(self, image):
        return self.predict_batch([self.preprocess(image)])[0]

    def embed_batch(self, batch):
        return np.array([[pixels.shape[1], pixels.shape[0], 1] for pixels in batch])
"""
# `predict` alone, with a fault on images that are 13 pixels wide, and labels.
LABELS = """
class Model:
    def load(self):
        pass

    def predict(self, image):
        image.load()
        if image.size[0] == 13:
            raise ValueError("thirteen")
        return f"wide {image.size[0]}"
"""


def png(width: int, height: int = 8) -> bytes:
    """Return the bytes of an image of that size."""
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(stream, "PNG")
    return stream.getvalue()


def make_images(folder: Path, count: int = 11) -> Path:
    """A folder with images of 10, 11, ... pixels width, two of them broken, one in a subfolder."""
    (folder / "sub").mkdir(parents=True)
    for number in range(count - 3):
        (folder / f"{number:02}.png").write_bytes(png(10 + number))
    (folder / "sub" / "deep.png").write_bytes(png(90))
    (folder / "bad.jpg").write_bytes(b"no image")
    (folder / "torn.png").write_bytes(png(50, 50)[:-30])
    (folder / "notes.txt").write_text("no image by its name")
    return folder


def make_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    """A tar shard as WebDataset has them."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def make_parquet(path: Path, columns: Mapping[str, Sequence[Any]], group: int = 3) -> Path:
    """A Parquet file with several row groups."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(dict(columns))
    pyarrow.parquet.write_table(table, path, row_group_size=group)
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file, or of all shards in a folder of `kit predict`."""
    import pyarrow.parquet

    files = sorted(path.glob("shards/*.parquet")) if path.is_dir() else [path]
    found: list[dict[str, Any]] = []
    for file in files:
        found += pyarrow.parquet.read_table(file).to_pylist()
    return found


def batched(folder: Path, model: str = BATCHED) -> Path:
    """A submission that predicts in batches."""
    return make_submission(folder, model)
