"""Animals in one pose: further animals, the network that finds their landmarks, its use."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from sample_data import generate_more_animals
from sample_data.reid_generator.collection import collection, more_animals
from tests.support.retrieval import draw_descriptor, load_model
from training.common.checkpoints import Checkpoint
from training.common.errors import DataError, TrainingError
from training.reid import megadescriptor_cosine, triplet_centroids
from training.reid.database import read_database
from training.reid.embedding.batches import with_more
from training.reid.embedding.descriptors import DESCRIPTOR, descriptor_files
from training.reid.embedding.triplet import PRESETS, build
from training.reid.images import read_squares
from training.reid.landmarks import data as landmark_data
from training.reid.landmarks import train as train_landmarks
from training.reid.landmarks.files import LANDMARKS, read_landmarks
from wildlife_reid.alignment import AlignedNetwork

ROOT = Path(__file__).resolve().parents[3]


pytestmark = pytest.mark.usefixtures("one_thread")

TINY = train_landmarks.Recipe(epochs=2, steps=4, batch=8)


@pytest.fixture(scope="module")
def animals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight individuals of each dataset, three images of each."""
    folder = tmp_path_factory.mktemp("more") / "animals"
    generate_more_animals.write(folder, 8, 3)
    return folder


@pytest.fixture(scope="module")
def network_file(animals: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network after a few steps: it finds no landmark, and is as good for plumbing."""
    out = tmp_path_factory.mktemp("landmarks") / "landmarks.safetensors"
    train_landmarks.train(animals, out, None, TINY)
    return out


# Further animals.


def test_no_further_animal_is_an_animal_of_the_sample() -> None:
    ours = {(one.seed, one.identity) for one in collection()}
    more = more_animals(400, 1)
    assert not {name for _, name in ours} & {one.identity for one in more}
    assert not {seed for seed, _ in ours} & {one.seed for one in more}
    assert len({one.path for one in more_animals(3, 2)}) == 18


def test_further_animals_are_the_same_each_time(animals: Path, tmp_path: Path) -> None:
    generate_more_animals.write(tmp_path / "again", 8, 3)
    for path in sorted(animals.rglob("*.*")):
        assert (tmp_path / "again" / path.relative_to(animals)).read_bytes() == path.read_bytes()
    assert len(read_database(animals)) == len(landmark_data.read_table(animals)) == 72


def test_a_folder_that_is_there_is_left(animals: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (animals / "metadata.csv").stat().st_mtime_ns
    command = ["--out", str(animals), "--images", "3", "--individuals"]
    assert generate_more_animals.main([*command, "8"]) == 0
    assert "exists already" in capsys.readouterr().out
    assert generate_more_animals.main([*command, "9"]) == 1
    assert "holds 72 images, 81 are asked for" in capsys.readouterr().err
    assert (animals / "metadata.csv").stat().st_mtime_ns == before


def test_a_folder_that_is_something_else_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate_more_animals.main(["--out", str(tmp_path)]) == 1
    assert "metadata.csv" in capsys.readouterr().err


# Training.


def checkpoint_of(folder: Path, images: str = "") -> Checkpoint:
    return Checkpoint(folder / "last.pt", {"images": images})


def test_the_network_learns(animals: Path, tmp_path: Path) -> None:
    marked = landmark_data.read_marked(animals)
    recipe = train_landmarks.Recipe(epochs=3, steps=8, batch=12)
    trainer = train_landmarks.LandmarkTrainer(recipe, checkpoint_of(tmp_path))
    trainer.train(marked)
    assert trainer.losses == sorted(trainer.losses, reverse=True)
    assert trainer.losses[-1] < 0.95 * trainer.losses[0]


def test_a_killed_run_goes_on_to_the_same_network(
    animals: Path, network_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    step = train_landmarks.LandmarkTrainer._step

    def until_the_second_epoch(self: object, marked: object, number: int) -> float:
        if len(self.losses) == 1 and number == 2:  # type: ignore[attr-defined]
            raise Killed
        return step(self, marked, number)  # type: ignore[arg-type]

    out = tmp_path / "again.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(train_landmarks.LandmarkTrainer, "_step", until_the_second_epoch)
        with pytest.raises(Killed):
            train_landmarks.train(animals, out, None, TINY)
    assert not out.exists()
    train_landmarks.train(animals, out, None, TINY)
    assert out.read_bytes() == network_file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_checkpoint_of_another_run_and_a_bad_loss_are_refused(
    animals: Path, tmp_path: Path
) -> None:
    marked = landmark_data.read_marked(animals)
    train_landmarks.LandmarkTrainer(TINY, checkpoint_of(tmp_path, "one")).saved.save([])
    with pytest.raises(TrainingError, match="images: one then, two now"):
        train_landmarks.LandmarkTrainer(TINY, checkpoint_of(tmp_path, "two")).train(marked)
    wild = train_landmarks.LandmarkTrainer(TINY, checkpoint_of(tmp_path / "other"))
    for parameter in wild.network.maps.parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    with pytest.raises(
        TrainingError, match="loss is nan in epoch 1, step 1; lower --learning-rate"
    ):
        wild.train(marked)


def test_other_individuals_are_trained_on_as_well(animals: Path, network_file: Path) -> None:
    landmarks = read_landmarks(network_file)
    own = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    squares, identity = with_more(own, np.array(["a", "b"]), animals, landmarks)
    database = read_database(animals)
    assert squares.shape == (74, 3, 16, 16)
    assert identity.tolist() == ["a", "b", *database.identity.tolist()]
    assert torch.equal(squares[2:10], read_squares(database.paths[:8], 16, landmarks))
    with pytest.raises(DataError, match=r"expected other individuals .*'cat_1000'"):
        with_more(own, np.array(["a", "cat_1000"]), animals, landmarks)


def test_a_file_that_is_no_landmark_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    with pytest.raises(DataError, match=r"training[./]reid[./]landmarks[./]train"):
        read_landmarks(path)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"other\.safetensors: expected "):
        read_landmarks(path)


def test_all_places_of_a_map_are_taken_in_the_aligned_presets() -> None:
    for name in ("aligned-base", "aligned-extended"):
        network, settings = build(PRESETS[name])
        assert settings["stage"] == PRESETS[name].stage == 2
        side = settings["image_size"]
        places = network.backbone(torch.zeros(1, 3, side, side))[0]
        assert network.head.in_features == places.flatten(1).shape[1] > places.shape[1]


def test_a_copied_descriptor_takes_its_landmark_network_along(
    network_file: Path, tmp_path: Path
) -> None:
    folder = draw_descriptor(tmp_path / "descriptor")
    config = json.loads((folder / "config.json").read_text())
    assert set(descriptor_files(config, folder)[0]) == {DESCRIPTOR}
    shutil.copy(network_file, folder / "landmarks.safetensors")
    config["network"]["landmarks"] = "landmarks.safetensors"
    entry = {"path": "landmarks.safetensors", "licence": "Apache-2.0", "source": "a test"}
    manifest = json.loads((folder / "weights.json").read_text())
    manifest["files"].append(entry)
    (folder / "weights.json").write_text(json.dumps(manifest))
    contents, origins = descriptor_files(config, folder)
    assert contents[LANDMARKS] == network_file.read_bytes()
    assert origins[LANDMARKS] == {"licence": "Apache-2.0", "source": "a test"}


@pytest.mark.parametrize("script", [triplet_centroids, megadescriptor_cosine])
def test_a_preset_for_one_pose_asks_for_the_network(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = "aligned" if script is megadescriptor_cosine else "aligned-base"
    with pytest.raises(SystemExit) as caught:
        script.main(["--preset", preset])
    assert caught.value.code == 2
    assert f"--preset {preset} needs --landmarks FILE" in capsys.readouterr().err


# The whole way to a submission.


@pytest.fixture(scope="module")
def made(animals: Path, network_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """triplet_centroids, trained on seven individuals of each dataset, the eighth as another."""
    home = tmp_path_factory.mktemp("aligned")
    parts: dict[str, list[dict[str, str]]] = {"own": [], "more": []}
    with (animals / "metadata.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            parts["more" if row["identity"].endswith("7") else "own"].append(row)
    for name, rows in parts.items():
        (home / name).mkdir()
        (home / name / "images").symlink_to(animals / "images")
        with (home / name / "metadata.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    out = home / "triplet_centroids"
    ignored = shutil.ignore_patterns("weights*", "__pycache__")
    shutil.copytree(ROOT / "submissions" / "triplet_centroids", out, ignore=ignored)
    patch = pytest.MonkeyPatch()
    tiny = {
        "aligned-base": replace(
            PRESETS["aligned-base"], image_size=32, classes_per_batch=3, samples_per_class=2
        )
    }
    patch.setattr(triplet_centroids, "PRESETS", tiny)
    arguments = ["--data", home / "own", "--out", out, "--preset", "aligned-base", "--epochs", 1,
                 "--steps", 2, "--landmarks", network_file, "--more", home / "more"]  # fmt: skip
    assert triplet_centroids.main([str(one) for one in arguments]) == 0
    patch.undo()
    return out


def test_the_manifest_names_the_network_and_what_made_it(made: Path) -> None:
    manifest = json.loads((made / "weights.json").read_text())
    assert [one["path"] for one in manifest["files"]][-1] == "weights/landmarks.safetensors"
    assert "--landmarks" in manifest["files"][0]["source"]
    assert "--more" in manifest["files"][0]["source"]
    assert json.loads((made / "config.json").read_text())["network"]["landmarks"]


def test_training_and_serving_see_the_same_animal(
    made: Path, animals: Path, network_file: Path
) -> None:
    model = load_model(made)
    path = animals / landmark_data.read_table(animals)[0][0].relative_to(animals)
    with Image.open(path) as image:
        query = model.preprocess(image, {"dataset": "cat"})
        answers = [model.predict(image, {"dataset": "cat"}), *model.predict_batch([query])]
    trained_on = read_squares([path], 32, read_landmarks(network_file))[0]
    settings = json.loads((made / "config.json").read_text())["network"]
    seen = AlignedNetwork(torch.nn.Identity(), settings, read_landmarks(network_file))
    assert torch.allclose(seen(query.pixels[None])[0], (trained_on / 255 - 0.5) / 0.5)
    assert settings["image_size"] == 32
    assert answers[0] == answers[1]


def test_a_missing_landmark_network_is_said_by_name(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "copy"))
    (folder / "weights" / "landmarks.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"landmarks\.safetensors: .*--landmarks"):
        load_model(folder)
