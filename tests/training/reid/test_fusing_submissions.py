"""The submissions that fuse several scores, built on a small database: what all of them promise."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.support.retrieval import licences, load_model, spotted

pytestmark = pytest.mark.usefixtures("one_thread")
# The files of networks that each one copies.
COPIED = {
    "wildfusion": ["descriptor"],
    "megadescriptor_convnext": ["descriptor"],
    "open_set_ensemble": ["triplet", "swin"],
}


@pytest.fixture(params=sorted(COPIED))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def built(name: str, built_once: Callable[[str], Path]) -> Path:
    return built_once(name)


def test_a_copied_network_keeps_its_licence(name: str, built: Path) -> None:
    licence = licences(built / "copy")
    for network in COPIED[name]:
        assert licence.pop(f"weights/{network}.safetensors") == ("CC-BY-NC-4.0", "drawn")
    assert licence.pop("weights/gallery.npz") == ("Apache-2.0", "python")
    trained = {"weights/classifier.safetensors"} if name == "megadescriptor_convnext" else set()
    assert set(licence) == trained


def test_no_checkpoint_is_left(built: Path) -> None:
    assert not list((built / "copy").glob("*.pt"))


def test_it_names_its_own_individuals(name: str, built: Path) -> None:
    if name == "megadescriptor_convnext":
        pytest.skip("two epochs teach its classifier nothing")
    model = load_model(built / "copy")
    with (built / "data" / "metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[::5]
    right = 0
    for row in rows:
        with Image.open(built / "data" / row["path"]) as image:
            right += model.predict(image, row) == row["identity"]
    assert right >= len(rows) - 1


def test_a_batch_is_predicted_as_single_images_are(built: Path) -> None:
    model = load_model(built / "copy")
    images = [spotted(3), spotted(103, (4, 4)), Image.new("L", (9, 300)), spotted(55)]
    metadata = [
        {"dataset": "fish", "orientation": "right"},
        {"dataset": "frog"},
        None,
        {"dataset": "bird"},
    ]
    prepared = [model.preprocess(i, m) for i, m in zip(images, metadata, strict=True)]
    together = model.predict_batch(prepared)
    explained = model.explain_batch(prepared)
    assert together == [model.predict(i, m) for i, m in zip(images, metadata, strict=True)]
    for one, batched in zip(prepared, explained, strict=True):
        alone, spread = dict(model.explain_batch([one])[0]), batched[0][1] - batched[-1][1]
        assert alone == pytest.approx(dict(batched), abs=1e-3 * spread)
    assert all(individual.startswith("fish") for individual, _ in explained[0])
    for listed in explained:
        values = [score for _, score in listed]
        assert values == sorted(values, reverse=True)
        assert len({individual for individual, _ in listed}) == len(listed) <= 10


# NumPy leaves the file of a damaged .npz to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_gallery_is_named_with_the_command(
    name: str, built: Path, tmp_path: Path, damage: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(built / "copy", copy)
    path = copy / "weights" / "gallery.npz"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises((ValueError, OSError), match=rf"gallery\.npz.*training\.reid\.{name}"):
        load_model(copy)
