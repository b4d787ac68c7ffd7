"""Features of `kit predict` in the cache of a training script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.collections import batched, make_images, png
from tests.support.kit import Kit
from training.common.cache import FeatureCache, Features
from training.common.errors import FeatureError
from training.common.predicted_features import predicted_features

pytest.importorskip("pyarrow", reason="kit predict needs pyarrow (the extra predict)")


@pytest.fixture
def root(kit: Kit, tmp_path: Path) -> Path:
    """Images whose features are in the folder `out`."""
    root = make_images(tmp_path / "images")
    order = ("predict", batched(tmp_path / "s"), root, "--out", "out", "--features")
    assert kit(*order, "--shard-size", "4").status == 0
    assert kit("merge", "out").status == 0
    return root


def never(paths: list[Path]) -> Features:
    raise AssertionError(f"computed {paths}")


def test_the_cache_takes_them_in_the_order_of_the_paths(root: Path, tmp_path: Path) -> None:
    paths = [root / "sub" / "deep.png", root / "03.png", root / "00.png"]
    features = predicted_features(paths, Path("out"), root)
    assert features.dtype == np.float32
    assert features.tolist() == [[90, 8, 1], [13, 8, 1], [10, 8, 1]]
    FeatureCache(tmp_path / "cache", "weights", "pixels").take(paths, features, batch=2)
    again = FeatureCache(tmp_path / "cache", "weights", "pixels")
    assert np.array_equal(again.features(paths, never), features)


def test_what_has_no_features_is_named(root: Path) -> None:
    (root / "01.png").write_bytes(png(11) + b" ")
    (root / "new.png").write_bytes(png(5))
    paths = [root / name for name in ("00.png", "01.png", "bad.jpg", "new.png")]
    with pytest.raises(FeatureError, match="3 images have no features") as caught:
        predicted_features(paths, Path("out"), root)
    assert "bytes then" in str(caught.value)
    assert "new.png: not in the table" in str(caught.value)


def test_without_a_merged_table_the_message_names_the_command(root: Path) -> None:
    Path("out/features.parquet").unlink()
    with pytest.raises(FeatureError, match="kit merge"):
        predicted_features([root / "00.png"], Path("out"), root)


def test_no_paths_are_no_features(root: Path) -> None:
    assert predicted_features([], Path("out"), root).shape == (0, 0)


def test_features_of_another_width_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(5))
    (tmp_path / "b.png").write_bytes(png(6))
    cache = FeatureCache(tmp_path / "cache", "weights", "pixels")
    cache.take([tmp_path / "a.png"], np.ones((1, 3), np.float32))
    with pytest.raises(FeatureError, match="2 features an image"):
        cache.take([tmp_path / "b.png"], np.ones((1, 2), np.float32))
