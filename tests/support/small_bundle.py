"""A small bundle of the track `anomaly` with our own programs, for whole runs in a second."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml
from PIL import Image

from tests.support.kit import ROOT, competition_yaml, make_submission, write_tree

IMAGES = 60
MODEL = """
SIGN = {sign}


class Model:
    def load(self):
        pass

    def predict(self, image):
        return SIGN * image.size[0] / 100
"""


def make_anomaly_bundle(folder: Path) -> Path:
    """60 images: the anomalies are wider, with some overlap; two and two are of one sequence."""
    names = ("ingestion_program", "scoring_program")
    write_tree(folder, {"page.md": "A page.", "reference_data/.keep": "", "input_data/.keep": ""})
    for name in names:
        (folder / name).symlink_to(ROOT / name)
    for path in folder.rglob(".keep"):
        path.unlink()
    Image.new("RGB", (8, 8)).save(folder / "logo.png")
    content = competition_yaml()
    sample = yaml.safe_load((ROOT / "sample_data/anomaly/competition.yaml").read_text("utf-8"))
    (folder / "competition.yaml").write_text(
        yaml.safe_dump(content | {"leaderboards": sample["leaderboards"]}), encoding="utf-8"
    )
    with (folder / "reference_data/ref.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(["filename", "anomaly", "species", "sequence"])
        for number in range(IMAGES):
            name, anomaly = f"{number:02}.png", int(number % 4 > 1)
            width = 20 + 40 * anomaly + (number * 7) % 50
            Image.new("RGB", (width, 4)).save(folder / "input_data" / name)
            table.writerow([name, anomaly, "fox", f"sequence_{number // 2}"])
    return folder


def make_wide_submission(folder: Path, sign: str = "1") -> Path:
    """A submission whose score is the width; sign: what the score is multiplied with."""
    metadata = "description: made by a test\ntrack: anomaly\n"
    return make_submission(folder, MODEL.format(sign=sign), metadata=metadata)
