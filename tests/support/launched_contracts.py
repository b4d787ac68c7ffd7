"""Bundles of contracts that start a submission in another way: with arguments, or on arrays.

The programs are written for the tests, in the manner of the published ones of iHARP and A3D3: a
script that prints is caught and printed again, a merge drops what is missing, axes are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

from kit.bundle_scaffold import new_bundle
from tests.support.kit import SCORING_COMMAND, Kit, write_tree
from tests.support.other_contracts import finished

Make = Callable[[Path], Path]
Change = tuple[str, str]
FLOODS = 6
FLOOD_INGESTION = """
import csv, shutil, subprocess, sys, tempfile
from pathlib import Path
inputs, output, submission = map(Path, sys.argv[1:4])
work = Path(tempfile.mkdtemp())
count = int((inputs / "stations.bin").read_text())
columns = "id,station_name,hist_start,hist_end,future_start,future_end"
rows = [f"{n},Lewes,2020-01-01,2020-01-07,2020-01-08,2020-01-21" for n in range(count)]
(work / "index.csv").write_text("\\n".join([columns, *rows, ""]))
for name in ("train", "test"):
    (work / f"{name}.csv").write_text("time,station_name,latitude,longitude,sea_level\\n")
names = {"--train_hourly": "train", "--test_hourly": "test", "--test_index": "index",
         "--predictions_out": "out"}
words = [word for key, name in names.items() for word in (key, str(work / f"{name}.csv"))]
ended = subprocess.run([sys.executable, "model.py", *words], cwd=submission, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
print(ended.stdout)
if ended.returncode:
    raise SystemExit(ended.returncode)
if not (work / "out.csv").is_file():
    sys.exit("the participant wrote no predictions.csv")
shutil.copy(work / "out.csv", output / "predictions.csv")
"""
# A missing id is not noticed: y_prob, else label, of what both tables have.
FLOOD_SCORING = """
import csv, json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
truth = {r["id"]: int(r["y_true"]) for r in csv.DictReader(open(inputs / "ref/y_test.csv"))}
rows = [r for r in csv.DictReader(open(inputs / "res/predictions.csv")) if r["id"] in truth]
given = {r["id"]: float(r.get("y_prob", r.get("label"))) >= 0.5 for r in rows}
right = sum(truth[key] == value for key, value in given.items())
(output / "scores.json").write_text(json.dumps({"acc": right / len(given), "n": len(given)}))
"""


def make_flood_bundle(folder: Path) -> Path:
    """A bundle of the contract `iharp-floods`: six ids, of which the first three are floods."""
    truth = "id,y_true\n" + "".join(f"{number},{int(number < 3)}\n" for number in range(FLOODS))
    programs = {
        "ingestion_program/ingestion.py": FLOOD_INGESTION,
        "ingestion_program/metadata.yaml": "command: python3 /app/program/ingestion.py "
        "/app/input_data /app/output /app/ingested_program\n",
        "scoring_program/scoring.py": FLOOD_SCORING,
        "scoring_program/metadata.yaml": f"command: {SCORING_COMMAND}\n",
        "input_data/stations.bin": str(FLOODS),
        "reference_data/y_test.csv": truth,
        "page.md": "A page.",
    }
    write_tree(folder, {**programs})
    return finished(folder, [("acc", "desc"), ("n", "desc")], "ingestion_program", "input_data")


# The data sets by the name of the input's file, with their channels, and the name of the answer's.
ARRAYS = {
    "affi": (4, "affi"),
    "beignet": (2, "beignet"),
    "affi_2024-03-20_private": (4, "affi_private"),
    "beignet_2022-06-01_private": (2, "beignet_private_1"),
    "beignet_2022-06-02_private": (2, "beignet_private_2"),
}
ARRAY_INGESTION = """
import sys
from pathlib import Path
import numpy as np
inputs, output, submission = map(Path, sys.argv[1:4])
sys.path.append(str(submission))
from model import Model
FILES = {
    "test_data_affi_masked.npz": "affi",
    "test_data_beignet_masked.npz": "beignet",
    "test_data_affi_2024-03-20_private_masked.npz": "affi_private",
    "test_data_beignet_2022-06-01_private_masked.npz": "beignet_private_1",
    "test_data_beignet_2022-06-02_private_masked.npz": "beignet_private_2",
}
for source, name in FILES.items():
    model = Model(name.split("_")[0])
    model.load()
    np.savez(output / f"test_{name}.predictions", model.predict(np.load(inputs / source)["arr_0"]))
"""
ARRAY_SCORING = """
import json, sys
from pathlib import Path
import numpy as np
inputs, output = map(Path, sys.argv[1:3])
errors = []
for path in sorted((inputs / "ref").glob("*.npz")):
    truth, given = (np.load(one)["arr_0"] for one in (path, inputs / "res" / path.name))
    if truth.shape != given.shape:
        raise ValueError(f"shapes {truth.shape} and {given.shape}")
    errors.append(float(((truth[:, 10:] - given[:, 10:]) ** 2).mean()))
(output / "scores.json").write_text(json.dumps({"total_MSR": sum(errors) / len(errors)}))
"""


def make_array_bundle(folder: Path) -> Path:
    """A bundle of the contract `a3d3-forecasting`, with few channels; the truth is 1 everywhere."""
    programs = {
        "ingestion_program/ingestion.py": ARRAY_INGESTION,
        "ingestion_program/metadata.yaml": "command: python3 /app/program/ingestion.py "
        "/app/input_data /app/output /app/ingested_program\n",
        "scoring_program/scoring.py": ARRAY_SCORING,
        "scoring_program/metadata.yaml": f"command: {SCORING_COMMAND}\n",
        "page.md": "A page.",
    }
    write_tree(folder, {**programs})
    for name in ("input_data", "reference_data"):
        (folder / name).mkdir()
    for name, (channels, answer) in ARRAYS.items():
        values = np.zeros((3, 20, channels, 9))
        np.savez(folder / f"input_data/test_data_{name}_masked.npz", values)
        np.savez(folder / f"reference_data/test_{answer}.predictions.npz", values[..., 0] + 1)
    return finished(folder, [("total_MSR", "asc")], "ingestion_program", "input_data")


def home(contract: str) -> Make:
    """What makes the kit's own bundle of a contract."""

    def make(folder: Path) -> Path:
        new_bundle(folder, date(2026, 1, 1), contract)
        return folder

    return make


def changed(kit: Kit, bundle: Path, code: str, *changes: Change) -> list[dict[str, str]]:
    """The findings of a new submission in which texts are replaced."""
    kit("new", "mine", "--bundle", bundle)
    path = Path("submissions/mine", code)
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    answer = kit("check", "mine", "--bundle", bundle, "--json")
    found: list[dict[str, str]] = answer.json["findings"]
    return found
