"""Every trainer that takes longer than a minute, by one process and by two: the same networks.

In 64 bits (tests/support/double_precision.py). Files hold 16 or 32 bits, and a value may be rounded
to either neighbour, so that the tensors of a file differ by up to TOLERANCE of their norm.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from sample_data import generate_more_animals
from tests.support.repository import ROOT
from tests.support.synthetic_hybrids import SMALLEST, prepare_few, write_table_of_images
from training.hybrid.masks.plain import write_plain_masks

pytestmark = pytest.mark.slow

TOLERANCE = 1e-5
SAMPLE = ROOT / "sample_data"
DOUBLE = ["-m", "tests.support.double_precision"]
ALONE = [sys.executable]
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
FEW_EPOCHS = ["--epochs", "2", "--steps", "4"]
# Arguments of each trainer; {inputs} is the folder of `inputs`.
TRAINERS: Mapping[str, list[str]] = {
    "training.reid.landmarks.train": [
        "--data", "{inputs}/animals", "--out", "{out}/landmarks.safetensors", *FEW_EPOCHS,
    ],
    "training.reid.triplet_centroids": ["--out", "{out}", *FEW_EPOCHS],
    "training.reid.megadescriptor_cosine": ["--out", "{out}", *FEW_EPOCHS],
    "training.reid.megadescriptor_convnext": ["--out", "{out}", "--epochs", "1"],
    "training.hybrid.masks.train_unet": [
        "--images", "{inputs}/wings/images", "--masks", "{inputs}/masks", "--epochs", "2",
        "--table", "{inputs}/wings/train.csv", "--out", "{out}",
    ],
    "training.hybrid.dinov2_ensemble": [
        "--out", "{out}", "--work", "{out}/work", "--steps", "10", "--synthetic", "100",
    ],
    "training.hybrid.bioclip.finetune": [
        "--data", str(SAMPLE / "hybrid" / "train"), "--out", "{out}", "--views", "square",
        "--resize", "48", "--image-size", "48", "--crosses", "0", "--epochs", "1",
    ],
    "training.hybrid.synthetic_hybrids.train": [
        "--dataroot", "{inputs}/dataroot/Lists/train", "--out", "{out}", *SMALLEST,
        "--epochs", "1", "--decay-epochs", "0",
    ],
    "training.anomaly.train_simclr": [
        "--data", str(SAMPLE / "anomaly" / "train"), "--out", "{out}", "--epochs", "1",
    ],
    "training.anomaly.train_detector": [
        "--data", str(SAMPLE / "anomaly" / "train"), "--out", "{out}", "--epochs", "1",
        "--canvas-area", "16384", "--width", "32",
    ],
}  # fmt: skip
# Its frozen tower computes in 32 bits; the steps of its head and of the tower's last layers are
# small enough that rounding stays small.
IN_32_BITS = {
    "training.family.train_families": [
        "--out", "{out}", "--epochs", "3", "--tuning-epochs", "1", "--tuning-rate", "1e-4",
        "--image-size", "64", "--copies", "1",
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Animals with landmarks, wings with masks, and the lists of a generator."""
    folder = tmp_path_factory.mktemp("inputs")
    few = ["--individuals", "3", "--images", "3"]
    generate_more_animals.main(["--out", str(folder / "animals"), *few])
    (folder / "wings" / "images").mkdir(parents=True)
    lines = (SAMPLE / "hybrid" / "train" / "train.csv").read_text("utf-8").splitlines()[:41]
    (folder / "wings" / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for line in lines[1:]:
        name = line.rpartition(",")[2]
        shutil.copy(SAMPLE / "hybrid" / "train" / "images" / name, folder / "wings" / "images")
    write_plain_masks(folder / "wings" / "images", folder / "masks")
    (folder / "drawn").mkdir()
    write_table_of_images(folder / "drawn")
    assert prepare_few(folder / "drawn", folder / "dataroot") == 0
    return folder


def run(launch: list[str], arguments: list[str], inputs: Path, out: Path) -> list[float]:
    """Train into the folder `out`; return the losses of the epochs that the script reports."""
    out.mkdir()
    filled = [one.format(inputs=inputs, out=out) for one in arguments]
    done = subprocess.run(
        [*launch, *filled],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return [float(found) for found in re.findall(r"^epoch \d+: loss ([\d.]+)", done.stdout, re.M)]


def assert_same_networks(one: Path, two: Path) -> None:
    # Kept features lie in a folder with the network's digest as its name.
    files = [path.relative_to(one) for path in one.rglob("*.safetensors")]
    names = [file for file in files if "features" not in file.parts]
    assert names
    for name in names:
        expected, found = load_file(one / name), load_file(two / name)
        assert expected.keys() == found.keys()
        flat = [np.concatenate([t[k].ravel().astype(np.float64) for k in expected])
                for t in (expected, found)]  # fmt: skip
        difference = np.linalg.norm(flat[0] - flat[1]) / np.linalg.norm(flat[0])
        assert difference < TOLERANCE, f"{name}: {difference:.1e}"


@pytest.mark.parametrize("module", TRAINERS)
def test_two_processes_train_the_same_network(module: str, inputs: Path, tmp_path: Path) -> None:
    command = [*DOUBLE, module, *TRAINERS[module]]
    run(ALONE, command, inputs, tmp_path / "one")
    run(TWO, command, inputs, tmp_path / "two")
    assert_same_networks(tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize("module", IN_32_BITS)
def test_two_processes_train_the_same_head(module: str, inputs: Path, tmp_path: Path) -> None:
    command = ["-m", module, *IN_32_BITS[module]]
    run(ALONE, command, inputs, tmp_path / "one")
    run(TWO, command, inputs, tmp_path / "two")
    assert_same_networks(tmp_path / "one", tmp_path / "two")


REPORTING = (
    "training.reid.landmarks.train", "training.reid.triplet_centroids",
    "training.reid.megadescriptor_cosine", "training.anomaly.train_simclr",
    "training.anomaly.train_detector",
)  # fmt: skip


@pytest.mark.parametrize("module", REPORTING)
def test_in_32_bits_the_losses_stay_together(module: str, inputs: Path, tmp_path: Path) -> None:
    command = ["-m", module, *TRAINERS[module]]
    losses = run(ALONE, command, inputs, tmp_path / "one")
    assert losses
    assert run(TWO, command, inputs, tmp_path / "two") == pytest.approx(losses, rel=0.01)


def test_mixed_precision_and_parts_come_from_the_launcher(inputs: Path, tmp_path: Path) -> None:
    """`accelerate launch` gives both to a script that knows nothing of them."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1"]
    launch += ["--num_machines", "1", "--dynamo_backend", "no", "--mixed_precision", "bf16"]
    launch += ["--gradient_accumulation_steps", "2", "-m"]
    command = ["training.reid.landmarks.train", *TRAINERS["training.reid.landmarks.train"]]
    run(ALONE, ["-m", *command], inputs, tmp_path / "plain")
    run(launch, command, inputs, tmp_path / "mixed")
    name = "landmarks.safetensors"
    assert (tmp_path / "mixed" / name).read_bytes() != (tmp_path / "plain" / name).read_bytes()
