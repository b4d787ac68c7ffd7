"""Results kept on disk: features, so that no image goes through a network twice, and tables."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from training.common.atomic import replaced
from training.common.errors import FeatureError

Features = NDArray[np.float32]
Compute = Callable[[list[Path]], Features]
DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "runs" / "features"


def file_digest(path: Path) -> str:
    """Return the sha256 of a file. Raises OSError where the file cannot be read."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def kept_arrays(
    path: Path, compute: Callable[[], Mapping[str, NDArray[Any]]]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of an .npz file; where it is missing or damaged, compute and write them.

    The file's name has to change whenever the result would. The file appears in one step.
    """
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream) as file:
            return dict(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        arrays = dict(compute())
    with replaced(path) as temporary, temporary.open("wb") as target:
        np.savez(target, **arrays)  # type: ignore[arg-type]  # numpy's stubs know no **arrays
    return arrays


class FeatureCache:
    """Features by (weights, preprocessing, bytes of the image), in shards of a batch each.

    Names of images do not matter: a renamed file is known, a changed one is computed again. A
    shard that cannot be read counts as missing. Two processes may share a folder.
    """

    def __init__(self, folder: Path, weights_digest: str, preprocessing: str) -> None:
        """Open the cache in `folder`, which may not exist yet.

        Args:
            folder: of all caches; each pair of weights and preprocessing has its own subfolder.
            weights_digest: tells one network from another.
            preprocessing: has to change whenever the pixels that reach the network do.
        """
        text = f"{weights_digest}\n{preprocessing}"
        self.folder = folder / hashlib.sha256(text.encode()).hexdigest()[:24]
        self._known: dict[str, Features] | None = None

    def features(self, paths: Sequence[Path], compute: Compute, batch: int = 32) -> Features:
        """Return features (len(paths), d), float32; `compute` sees each unknown image once.

        `compute(paths)` returns (len(paths), d) for at most `batch` images; its result is on disk
        before the next call, so that a killed run resumes.
        Raises FeatureError where the shape is another, or a value is not finite; ValueError where
        `batch` is below 1.
        """
        if batch < 1:
            raise ValueError(f"batch is {batch}, expected at least 1")
        digests = [file_digest(path) for path in paths]
        known = self._load()
        missing = {d: p for d, p in zip(digests, paths, strict=True) if d not in known}
        wanted = list(missing.items())
        for start in range(0, len(wanted), batch):
            some = wanted[start : start + batch]
            found = _checked(compute([path for _, path in some]), [path for _, path in some], known)
            shard = {digest: row for (digest, _), row in zip(some, found, strict=True)}
            self._save(shard)
            known.update(shard)
        if not digests:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([known[digest] for digest in digests])

    def take(self, paths: Sequence[Path], features: Features, batch: int = 1000) -> None:
        """Keep features (len(paths), d) that another program computed, in shards of `batch`.

        Raises FeatureError as `features` does.
        """
        known = self._load()
        for start in range(0, len(paths), batch):
            some = list(paths[start : start + batch])
            found = _checked(features[start : start + batch], some, known)
            shard = {file_digest(path): row for path, row in zip(some, found, strict=True)}
            self._save(shard)
            known.update(shard)

    def _load(self) -> dict[str, Features]:
        if self._known is None:
            self._known = {}
            for path in sorted(self.folder.glob("*.safetensors")):
                self._known.update(_read_shard(path))
        return self._known

    def _save(self, shard: dict[str, Features]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Named after what it holds: two processes that computed the same write the same file.
        name = hashlib.sha256("".join(shard).encode()).hexdigest()[:24]
        with replaced(self.folder / f"{name}.safetensors") as temporary:
            save_file({d: np.ascontiguousarray(row) for d, row in shard.items()}, temporary)


def _read_shard(path: Path) -> dict[str, Features]:
    """Return features (d,) by digest; none where the file is damaged or holds something else."""
    try:
        shard = load_file(path)
    except (OSError, SafetensorError, ValueError, KeyError):
        return {}
    sound = all(row.ndim == 1 and row.dtype == np.float32 for row in shard.values())
    return dict(shard) if sound and all(np.isfinite(r).all() for r in shard.values()) else {}


def _checked(found: Features, paths: list[Path], known: dict[str, Features]) -> Features:
    found = np.asarray(found, dtype=np.float32)
    if found.ndim != 2 or len(found) != len(paths):
        raise FeatureError(f"expected features ({len(paths)}, d), found {found.shape}")
    width = next((len(row) for row in known.values()), found.shape[1])
    if found.shape[1] != width:
        raise FeatureError(f"{found.shape[1]} features an image, but those kept have {width}")
    broken = [
        path.name for path, row in zip(paths, found, strict=True) if not np.isfinite(row).all()
    ]
    if broken:
        raise FeatureError(f"features of {broken} are not finite: damaged weights?")
    return found
