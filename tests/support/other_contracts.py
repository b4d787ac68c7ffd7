"""Bundles of other contracts: events with several images, and a file of results alone.

The programs are written for the tests, in the manner of published ones: a strict look at every
answer, `sys.exit` with a message in the middle of the file.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from tests.support.kit import INGESTION_COMMAND, SCORING_COMMAND, competition_yaml, write_tree

# Four events with one, two, five and three beetles; 11 rows of three images.
EVENTS = {7: 1, 8: 2, 9: 5, 12: 3}
COLUMNS = ("relative_img_loc", "colorpicker_path", "scalebar_path")
EVENT_INGESTION = """
import csv, sys
from pathlib import Path
from PIL import Image
inputs, output, program, submission = map(Path, sys.argv[1:5])
sys.path.append(str(submission))
from model import Model
model = Model()
model.load()
events = {}
for row in csv.DictReader(open(inputs / "input.csv")):
    events.setdefault(int(row["eventID"]), []).append({
        "relative_img": Image.open(inputs / row["relative_img_loc"]),
        "colorpicker_img": Image.open(inputs / row["colorpicker_path"]),
        "scalebar_img": Image.open(inputs / row["scalebar_path"]),
        "scientificName": row["scientificName"],
        "domainID": int(row["domainID"]),
    })
NAMES = {"SPEI_30d", "SPEI_1y", "SPEI_2y"}
with open(output / "predictions.csv", "w") as stream:
    table = csv.writer(stream)
    table.writerow(["eventID", "variable", "parameter", "prediction"])
    for number, event in sorted(events.items()):
        answer = model.predict(event)
        if not isinstance(answer, dict) or set(answer) != NAMES:
            sys.exit(f"event {number}: expected a dict of {sorted(NAMES)}")
        for name in NAMES:
            for parameter in ("mu", "sigma"):
                if not isinstance(answer[name][parameter], float):
                    sys.exit(f"event {number}: expected a float")
                table.writerow([number, name, parameter, round(answer[name][parameter], 4)])
"""
# The mean distance to the truth, which is 1: the lower, the better.
EVENT_SCORING = """
import csv, json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
rows = [r for r in csv.DictReader(open(inputs / "res/predictions.csv")) if r["parameter"] == "mu"]
error = sum(abs(float(row["prediction"]) - 1) for row in rows) / len(rows)
(output / "scores.json").write_text(json.dumps({"rms": error, "events": len(rows) / 3}))
"""
RESULT_SCORING = """
import csv, json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
rows = list(csv.DictReader(open(inputs / "res/submission.csv")))
found = len({row["cluster"] for row in rows if row["image_id"]}) / len(rows)
(output / "scores.json").write_text(json.dumps({"ari": found, "rows": len(rows)}))
"""


def make_event_bundle(folder: Path, ingestion: str = EVENT_INGESTION) -> Path:
    """A bundle of the contract `hdr-beetles`, with a column that is better the lower it is."""
    write_tree(folder, _programs(ingestion, EVENT_SCORING))
    (folder / "input_data/images").mkdir(parents=True)
    with (folder / "input_data/input.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow([*COLUMNS, "scientificName", "domainID", "eventID"])
        for event, count in EVENTS.items():
            for beetle in range(count):
                names = [f"images/{event}_{beetle}_{kind}.png" for kind in range(3)]
                for name in names:
                    Image.new("RGB", (20 + event, 10)).save(folder / "input_data" / name)
                table.writerow([*names, "Carabus auratus", 4, event])
    columns = [("rms", "asc"), ("events", "desc")]
    return finished(folder, columns, "ingestion_program", "input_data")


def make_result_bundle(folder: Path) -> Path:
    """A bundle of the contract `animalclef-csv`: no ingestion program, a table of images."""
    write_tree(folder, _programs("", RESULT_SCORING))
    rows = [f"{n},images/{n}.png,{'lynx' if n < 3 else 'turtle'},{_split(n)}\n" for n in range(6)]
    write_tree(folder, {"input_data/metadata.csv": "image_id,path,dataset,split\n" + "".join(rows)})
    return finished(folder, [("ari", "desc"), ("rows", "desc")], "input_data")


PLOT_SCORING = """
import csv, json, sys
from pathlib import Path
inputs, output = map(Path, sys.argv[1:3])
rows = {row["quadrat_id"]: row["species_ids"]
        for row in csv.DictReader(open(inputs / "res/submission.csv"))}
(output / "scores.json").write_text(json.dumps({"f1": 0.5, "rows": len(rows)}))
"""


def make_plot_bundle(folder: Path) -> Path:
    """A bundle of the contract `plantclef-csv`: images without a table."""
    write_tree(folder, _programs("", PLOT_SCORING))
    (folder / "input_data").mkdir()
    for name in ("plot_b.png", "plot_a.png"):
        Image.new("RGB", (20, 20)).save(folder / "input_data" / name)
    return finished(folder, [("f1", "desc"), ("rows", "desc")], "input_data")


def _split(number: int) -> str:
    return "train" if number == 0 else "test"


def _programs(ingestion: str, scoring: str) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {
        "scoring_program/scoring.py": scoring,
        "scoring_program/metadata.yaml": f"command: {SCORING_COMMAND}\n",
        "reference_data/ref.csv": "eventID,truth\n",
        "page.md": "A page.",
    }
    if ingestion:
        found["ingestion_program/ingestion.py"] = ingestion
        found["ingestion_program/metadata.yaml"] = f"command: {INGESTION_COMMAND}\n"
    return found


def finished(folder: Path, columns: list[tuple[str, str]], *kept: str) -> Path:
    """Write the rest of a bundle: its logo, and competition.yaml with these columns and parts."""
    Image.new("RGB", (8, 8)).save(folder / "logo.png")
    content = competition_yaml()
    task: dict[str, Any] = content["tasks"][0]
    for key in {"ingestion_program", "input_data"} - set(kept):
        del task[key]
    content["leaderboards"][0]["columns"] = [
        {"title": key, "key": key, "index": index, "precision": 4, "sorting": sorting}
        for index, (key, sorting) in enumerate(columns)
    ]
    (folder / "competition.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder
