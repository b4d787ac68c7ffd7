"""Small re-identification databases, descriptors and loaded submissions for tests."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

SUBMISSIONS = Path(__file__).parents[2] / "submissions"
COLUMNS = ["image_id", "identity", "path", "date", "orientation", "species", "split", "dataset"]
TINY_CLASSIFIER: dict[str, Any] = {
    "architecture": "convnext_atto",
    "arguments": {"dims": [8, 8, 16, 16], "depths": [1, 1, 1, 1]},
    "image_size": 32,
    "mean": [0.5] * 3,
    "std": [0.25] * 3,
}


def spotted(seed: int, shift: tuple[float, float] = (0, 0), turn: float = 0.0) -> Image.Image:
    """An individual: dark blots at places that the seed decides, moved and turned."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (160, 120), (205, 180, 140))
    draw = ImageDraw.Draw(image)
    cos, sin = np.cos(turn), np.sin(turn)
    for x, y, r in rng.uniform((-50, -35, 2), (50, 35, 7), (26, 3)).tolist():
        at = (80 + shift[0] + cos * x - sin * y, 60 + shift[1] + sin * x + cos * y)
        box = (at[0] - r, at[1] - r * 0.7, at[0] + r, at[1] + r * 0.7)
        draw.ellipse(box, fill=(40, 30, int(20 + 3 * r)))
    return image


def draw_database(folder: Path, individuals: int = 8, images: int = 3) -> Path:
    """Two datasets of spotted animals; the last individual of each has one image."""
    rng = np.random.default_rng(9)
    rows: list[tuple[int, str, str, str]] = []
    for dataset in ("fish", "frog"):
        for number in range(individuals):
            for _ in range(images if number < individuals - 1 else 1):
                path = f"images/{dataset}_{len(rows)}.jpg"
                (folder / "images").mkdir(parents=True, exist_ok=True)
                seed = 100 * (dataset == "frog") + number
                shift = rng.uniform(-6, 6, 2).tolist()
                image = spotted(seed, (shift[0], shift[1]), float(rng.normal(0, 0.15)))
                image.save(folder / path, quality=90)
                rows.append((len(rows), f"{dataset}_{number}", path, dataset))
    lines = ["image_id,identity,path,date,orientation,species,split,dataset"]
    lines += [f"{n},{who},{path},,left,,database,{dataset}" for n, who, path, dataset in rows]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return folder


def timm_network(settings: Mapping[str, Any]) -> torch.nn.Module:
    return timm.create_model(
        settings["architecture"], pretrained=False, num_classes=0, **settings["arguments"]
    )


def draw_descriptor(
    folder: Path, build: Callable[[Mapping[str, Any]], torch.nn.Module] = timm_network
) -> Path:
    """A folder like megadescriptor_cosine's, with a tiny network of random weights; or like
    triplet_centroids' where its network is given."""
    entry = {"path": "network.safetensors", "licence": "CC-BY-NC-4.0", "source": "drawn by a test"}
    settings = {**TINY_CLASSIFIER, "image_size": 64, "width": 16}
    torch.manual_seed(0)
    network = build(settings)
    folder.mkdir(parents=True)
    save_file(network.state_dict(), folder / "network.safetensors")
    config = {"network": settings, "weights": "network.safetensors"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "weights.json").write_text(json.dumps({"format": 1, "files": [entry]}))
    return folder


def write_metadata(folder: Path, images: Sequence[tuple[str, str, Image.Image]]) -> Path:
    """A database with images of (identity, dataset, image), losslessly; returns the folder."""
    (folder / "images").mkdir(parents=True)
    rows: list[list[str | int]] = []
    for number, (identity, dataset, image) in enumerate(images):
        path = f"images/{number:03d}.png"
        image.save(folder / path)
        rows.append([number, identity, path, "", "", "", "database", dataset])
    with (folder / "metadata.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return folder


def without_weights(name: str, folder: Path) -> Path:
    """A copy of a submission in `folder`/NAME, to be trained."""
    ignored = shutil.ignore_patterns("__pycache__", "weights*")
    return Path(shutil.copytree(SUBMISSIONS / name, folder / name, ignore=ignored))


def predict_offline(submission: Path, dataset: str, images: Sequence[Path]) -> None:
    """Predict in a process of its own that has no network; it ends with status 0."""
    program = (
        "import sys; from PIL import Image; import model; m = model.Model(); m.load()\n"
        "print([m.predict(Image.open(p), {'dataset': sys.argv[1]}) for p in sys.argv[2:]])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, dataset, *images], cwd=submission,
        capture_output=True, text=True, check=False, env={"HF_HUB_OFFLINE": "1", "PATH": ""},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def licences(folder: Path) -> dict[str, tuple[str, str]]:
    """Licence and the first word of the source, by path, of a submission's weights.json."""
    files = json.loads((folder / "weights.json").read_text())["files"]
    return {one["path"]: (one["licence"], one["source"].split()[0]) for one in files}


def model_module(folder: Path) -> Any:
    """The module model.py of a submission's folder. Its packages come from submissions/_shared."""
    spec = importlib.util.spec_from_file_location("model_of_a_test", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["model_of_a_test"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def load_model(folder: Path) -> Any:
    """The loaded Model of a submission's folder."""
    model = model_module(folder).Model()
    model.load()
    return model
