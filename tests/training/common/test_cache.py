"""Features of images are computed once: by weights, preprocessing and bytes, not by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.common.cache import FeatureCache, kept_arrays
from training.common.errors import FeatureError

ROOT = Path(__file__).parents[3]


class Counted:
    """Features (n, 3): the file's length, its first byte, 1; and which files were asked for."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, paths: list[Path]) -> np.ndarray:
        self.calls.append([path.name for path in paths])
        rows = [(len(data := path.read_bytes()), data[0], 1) for path in paths]
        return np.array(rows, dtype=np.float32)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{k}.png" for k in range(5)]
    for k, path in enumerate(paths):
        path.write_bytes(bytes([k]) * (k + 1))
    return paths


def cache_in(tmp_path: Path, weights: str = "w", preprocessing: str = "p") -> FeatureCache:
    return FeatureCache(tmp_path / "cache", weights, preprocessing)


def test_features_come_in_the_order_asked_for_and_in_batches(
    tmp_path: Path, files: list[Path]
) -> None:
    compute = Counted()
    found = cache_in(tmp_path).features(files[::-1], compute, batch=2)
    assert found.dtype == np.float32
    assert found.tolist() == [[k + 1, k, 1] for k in (4, 3, 2, 1, 0)]
    assert [len(call) for call in compute.calls] == [2, 2, 1]


def test_a_second_run_computes_nothing_anew(tmp_path: Path, files: list[Path]) -> None:
    first = cache_in(tmp_path).features(files, Counted(), batch=2)
    again = Counted()
    second = cache_in(tmp_path).features(files, again, batch=3)
    assert again.calls == []
    assert np.array_equal(first, second)


def test_a_renamed_image_is_known_and_a_changed_one_is_computed(
    tmp_path: Path, files: list[Path]
) -> None:
    cache_in(tmp_path).features(files, Counted())
    files[0].rename(tmp_path / "renamed.png")
    files[1].write_bytes(b"other bytes")
    compute = Counted()
    found = cache_in(tmp_path).features([tmp_path / "renamed.png", *files[1:]], compute)
    assert compute.calls == [["1.png"]]
    assert found[1].tolist() == [11, ord("o"), 1]


def test_equal_bytes_are_computed_once(tmp_path: Path, files: list[Path]) -> None:
    files[3].write_bytes(files[2].read_bytes())
    compute = Counted()
    found = cache_in(tmp_path).features(files, compute)
    assert compute.calls == [["0.png", "1.png", "3.png", "4.png"]]
    assert np.array_equal(found[2], found[3])


@pytest.mark.parametrize("other", [{"weights": "v"}, {"preprocessing": "q"}])
def test_other_weights_or_preprocessing_have_features_of_their_own(
    tmp_path: Path, files: list[Path], other: dict[str, str]
) -> None:
    cache_in(tmp_path).features(files, Counted())
    compute = Counted()
    cache_in(tmp_path, **other).features(files, compute)
    assert len(compute.calls) == 1


@pytest.mark.parametrize("damage", [b"", b"not a shard", None])
def test_a_damaged_shard_is_computed_anew(
    tmp_path: Path, files: list[Path], damage: bytes | None
) -> None:
    expected = cache_in(tmp_path).features(files, Counted(), batch=2)
    shards = sorted((tmp_path / "cache").rglob("*.safetensors"))
    assert len(shards) == 3
    shards[0].write_bytes(shards[0].read_bytes()[:-5] if damage is None else damage)
    compute = Counted()
    found = cache_in(tmp_path).features(files, compute, batch=2)
    assert 1 <= sum(map(len, compute.calls)) <= 2
    assert np.array_equal(found, expected)
    again = Counted()
    cache_in(tmp_path).features(files, again)
    assert again.calls == []


def test_a_killed_run_goes_on_after_its_last_batch(tmp_path: Path, files: list[Path]) -> None:
    counted = Counted()

    def killed(paths: list[Path]) -> np.ndarray:
        if counted.calls:
            raise KeyboardInterrupt
        return counted(paths)

    with pytest.raises(KeyboardInterrupt):
        cache_in(tmp_path).features(files, killed, batch=2)
    compute = Counted()
    cache_in(tmp_path).features(files, compute, batch=2)
    assert compute.calls == [["2.png", "3.png"], ["4.png"]]
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_no_images_have_no_features(tmp_path: Path) -> None:
    assert cache_in(tmp_path).features([], Counted()).shape[0] == 0


def test_what_cannot_be_kept_is_said(tmp_path: Path, files: list[Path]) -> None:
    cache = cache_in(tmp_path)
    with pytest.raises(FeatureError, match=r"expected features \(5, d\), found \(4, 2\)"):
        cache.features(files, lambda paths: np.zeros((4, 2), np.float32))
    with pytest.raises(FeatureError, match=r"'2\.png'.*not finite"):
        cache.features(
            files, lambda paths: np.array([[np.nan if p.name == "2.png" else 0] for p in paths])
        )
    cache.features(files[:2], Counted())
    with pytest.raises(FeatureError, match="2 features an image, but those kept have 3"):
        cache.features(files, lambda paths: np.zeros((len(paths), 2), np.float32))
    with pytest.raises(ValueError, match="batch is 0"):
        cache.features(files, Counted(), batch=0)


def test_kept_arrays_are_computed_once_and_anew_where_the_file_is_damaged(tmp_path: Path) -> None:
    path, calls = tmp_path / "new" / "table.npz", []

    def compute() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"block": np.array([[1.5, np.nan]]), "seconds": np.array(2.0)}

    for _ in range(2):
        kept = kept_arrays(path, compute)
        np.testing.assert_array_equal(kept["block"], [[1.5, np.nan]])
        assert float(kept["seconds"]) == 2.0
    assert len(calls) == 1
    for damage in (path.read_bytes()[:50], b"", b"no zip at all"):
        path.write_bytes(damage)
        assert set(kept_arrays(path, compute)) == {"block", "seconds"}
    assert len(calls) == 4
