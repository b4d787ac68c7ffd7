"""WildFusion: local features, and the built submission."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.support.retrieval import draw_database, draw_descriptor, load_model, spotted
from training.common.errors import DataError
from training.reid import wildfusion
from training.reid.embedding import descriptors as descriptor_files
from training.reid.matching import pairs, sift
from wildlife_reid.local.features import NOTHING, LocalFeatures, LocalSettings, local_features
from wildlife_reid.local.gallery import Projection, from_arrays, pack, pack_places, unpack_places
from wildlife_reid.local.matching import Matches, MatchSettings, mutual_matches, verified

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "submissions" / "wildfusion"


COPIES = ("wildfusion", "megadescriptor_convnext")


pytestmark = pytest.mark.usefixtures("one_thread")


def test_an_animal_matches_itself_moved_and_turned_and_no_other() -> None:
    settings = LocalSettings(image_size=256, count=120)
    one = local_features(spotted(1), settings)
    moved = local_features(spotted(1, (9, -6), 0.3), settings)
    other = local_features(spotted(2), settings)
    projection = Projection(np.zeros(128, np.float32), np.eye(128, dtype=np.float32))
    gallery = pack([one, moved, other, NOTHING], projection, 120)
    found = gallery.scores(one, np.arange(4), MatchSettings(floor=0.7))
    assert found[0] > found[1] > 2 * found[2]
    assert found[3] == 0


def test_agreement_counts_only_what_one_transformation_explains() -> None:
    first = np.array([[0.1, 0.1, 0.1, 0], [0.5, 0.1, 0.1, 0], [0.1, 0.6, 0.1, 0]], np.float32)
    second = first + np.array([0.2, 0.1, 0, 0], np.float32)
    weight = np.array([0.5, 0.25, 0.25], np.float32)
    settings = MatchSettings(slack=0.01, bend=0.05)
    assert verified(Matches(first, second, weight), settings) == pytest.approx(1.0)
    second[2, 0] += 0.3
    assert verified(Matches(first, second, weight), settings) == pytest.approx(0.75)
    nothing = Matches(first[:0], second[:0], weight[:0])
    assert verified(nothing, settings) == 0


def test_matches_are_mutual_and_above_the_floor() -> None:
    places = np.zeros((2, 4), np.float32)
    similarity = np.array([[0.9, 0.2], [0.8, 0.3]], np.float32)
    found = mutual_matches(similarity, places, places, 0.4)
    assert found.weight.tolist() == pytest.approx([0.5])


def test_a_blank_image_has_no_features_and_matches_nothing() -> None:
    blank = local_features(Image.new("RGB", (50, 40), (90, 90, 90)), LocalSettings())
    assert len(blank) == 0
    gallery = pack(
        [blank], Projection(np.zeros(128, np.float32), np.eye(128, 8, dtype=np.float32)), 10
    )
    assert gallery.scores(blank, np.array([0]), MatchSettings()).tolist() == [0.0]


def test_packed_places_lose_less_than_half_a_percent() -> None:
    rng = np.random.default_rng(1)
    low, high = (0, 0, 0.01, 0), (1, 1, 0.3, 6.28)
    places = rng.uniform(low, high, (200, 4)).astype(np.float32)
    back = unpack_places(pack_places(places))
    assert np.abs(back[:, :2] - places[:, :2]).max() < 0.005
    assert np.abs(np.log(back[:, 2] / places[:, 2])).max() < 0.02
    turn = np.abs((back[:, 3] - places[:, 3] + np.pi) % (2 * np.pi) - np.pi)
    assert turn.max() < 0.02


def test_a_gallery_survives_its_arrays_and_a_wrong_one_is_refused() -> None:
    rng = np.random.default_rng(2)
    features = [
        LocalFeatures(
            rng.random((n, 4)).astype(np.float32) + 0.01, rng.random((n, 128)).astype(np.float32)
        )
        for n in (3, 0, 5)
    ]
    axes = rng.normal(size=(128, 6)).astype(np.float32)
    gallery = pack(features, Projection(np.zeros(128, np.float32), axes), 4)
    assert gallery.starts.tolist() == [0, 3, 3, 7]
    arrays = gallery.arrays()
    again = from_arrays(arrays)
    rows = np.arange(3)
    assert np.array_equal(
        gallery.scores(features[2], rows, MatchSettings()),
        again.scores(features[2], rows, MatchSettings()),
    )
    with pytest.raises(ValueError, match=r"local\.places is \(6, 4\), expected \(7, 4\)"):
        from_arrays(arrays | {"local.places": arrays["local.places"][1:]})


def test_the_forecast_warns_where_the_limit_is_too_short() -> None:
    rate = pairs.Speed(pairs_per_second=1000, seconds_per_image=0.1)
    assert rate.forecast(200, 50) == pytest.approx(200 * 0.15)
    assert "WARNING" not in rate.in_words(200, 50, 600)
    words = rate.in_words(2000, 500, 600)
    assert "take 1200 s of one core, the limit is 600 s" in words
    assert "WARNING: that does not fit; a shortlist of 200 would" in words
    assert "no shortlist would" in rate.in_words(20_000, 500, 600)


# --- a small database, and the submission built on it -------------------------------------------


@pytest.fixture
def built(built_once: Callable[[str], Path]) -> Path:
    return built_once("wildfusion")


def test_candidates_are_of_the_querys_dataset_or_of_all(built: Path) -> None:
    model = load_model(built / "copy")
    fish, unknown = (
        model.explain_batch([model.preprocess(spotted(103), {"dataset": name})])[0]
        for name in ("fish", "bird")
    )
    assert all(name.startswith("fish") for name, _ in fish)
    assert unknown[0][0] == "frog_3"


def copied(built: Path, folder: Path) -> tuple[Path, Path, dict[str, Any]]:
    """A copy of the built submission in `folder`, its gallery's path and arrays."""
    copy = Path(shutil.copytree(built / "copy", folder / "copy"))
    path = copy / "weights" / "gallery.npz"
    with np.load(path) as file:
        return copy, path, dict(file)


def test_a_gallery_of_another_length_is_refused(built: Path, tmp_path: Path) -> None:
    copy, path, arrays = copied(built, tmp_path)
    np.savez(path, **(arrays | {"embeddings": arrays["embeddings"][:-1]}))
    with pytest.raises(Exception, match=r"gallery\.npz.*python -m training.reid.wildfusion"):
        load_model(copy)


def test_a_gallery_with_the_older_name_of_its_embeddings_is_read(
    built: Path, tmp_path: Path
) -> None:
    copy, path, arrays = copied(built, tmp_path)
    arrays["embedding"] = arrays.pop("embeddings")
    np.savez(path, **arrays)
    assert load_model(copy).predict(spotted(3), {"dataset": "fish"}) == "fish_3"


def test_an_empty_gallery_calls_everything_new(built: Path, tmp_path: Path) -> None:
    copy, path, arrays = copied(built, tmp_path)
    empty = {name: arrays[name][:0] for name in ("identity", "dataset", "embeddings")}
    empty |= {f"local.{name}": arrays[f"local.{name}"][:0] for name in ("places", "descriptors")}
    np.savez(path, **(arrays | empty | {"local.starts": np.zeros(1, np.int32)}))
    assert load_model(copy).predict(spotted(1), {"dataset": "fish"}) == "new_individual"


def test_building_twice_gives_the_same_bytes(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "RUNS", tmp_path / "runs")
    for module in (sift, descriptor_files):
        monkeypatch.setattr(module, "DEFAULT_FOLDER", tmp_path / "features")
    command = ["--data", str(built / "data"), "--out", str(tmp_path / "again")]
    assert wildfusion.main([*command, "--descriptor", str(built / "descriptor")]) == 0
    for name in ("config.json", "weights/gallery.npz", "weights.json"):
        first = (built / "copy" / name).read_bytes()
        assert (tmp_path / "again" / name).read_bytes() == first


def test_a_missing_descriptor_is_told_with_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw_database(tmp_path / "data", individuals=3, images=2)
    command = ["--data", str(data), "--out", str(tmp_path / "out")]
    assert wildfusion.main([*command, "--descriptor", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert "config.json is missing: train it first" in message
    assert "python -m training.reid.megadescriptor_cosine" in message
    assert not (tmp_path / "out").exists()


def test_a_descriptor_without_a_licence_is_refused(tmp_path: Path) -> None:
    folder = draw_descriptor(tmp_path / "descriptor")
    (folder / "weights.json").write_text('{"files": []}')
    with pytest.raises(DataError, match=r"expected licence and source of network"):
        descriptor_files.descriptor_origin(folder / "network.safetensors", folder)


def test_kornia_networks_need_their_files() -> None:
    with pytest.raises(SystemExit) as caught:
        wildfusion.main(["--local", "aliked"])
    assert caught.value.code == 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["aliked", "disk"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_published_local_networks_run_offline_with_random_weights(
    kind: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wildlife_reid.local.glue import extractor, matcher

    torch.manual_seed(0)
    files = []
    for name, network in (("extractor", extractor(kind, 64)), ("matcher", matcher(kind))):
        files.append(tmp_path / f"{name}.safetensors")
        state = {n: t.clone().contiguous() for n, t in network.state_dict().items()}
        save_file(state, files[-1])
    monkeypatch.setattr(pairs, "RUNS", tmp_path / "runs")
    for module in (sift, descriptor_files):
        monkeypatch.setattr(module, "DEFAULT_FOLDER", tmp_path / "features")
    data = draw_database(tmp_path / "data", individuals=8, images=3)
    out = tmp_path / "copy"
    shutil.copytree(FOLDER, out, ignore=shutil.ignore_patterns("__pycache__", "weights*"))
    command = ["--data", str(data), "--out", str(out), "--local", kind, "--image-size", "128"]
    command += ["--count", "64", "--extractor", str(files[0]), "--matcher", str(files[1])]
    assert wildfusion.main([*command, "--descriptor", str(built / "descriptor")]) == 0
    model = load_model(out)
    assert model.predict(spotted(1), {"dataset": "fish"})
    assert model.predict(spotted(101), {"dataset": "frog"})
