"""Build the submission `wildfusion`: gallery, calibrations, thresholds; trains no network.

    python -m training.reid.wildfusion
    python -m training.reid.wildfusion --data DIR --out FOLDER --descriptor FOLDER
    python -m training.reid.wildfusion --local aliked --extractor FILE --matcher FILE

The global descriptor is that of the submission folder `--descriptor` (its config.json and weights
are copied). All pairs of pictures of a dataset are matched once; in that table the length of the
shortlist and the thresholds are chosen on open-set splits (training/reid/thresholds/calibrate.py), where
a query is scored by curves that were fitted without its individual. Prints pairs per second and the
forecast for `--queries` pictures against `--time-limit` seconds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from training.common.errors import DataError
from training.common.submission_files import write_submission
from training.reid.database import Database, duplicate_notes, read_database
from training.reid.embedding.descriptors import DESCRIPTOR, descriptor_files, embed, read_descriptor
from training.reid.matching.calibrate import fit_curves, judged_matrices, print_calibration_errors
from training.reid.matching.features import (
    packed,
    pairs_key,
    picture_digest,
    read_pictures,
    sift_features,
    table_digest,
)
from training.reid.matching.pairs import all_pairs
from training.reid.thresholds.calibrate import Nearest, Threshold, calibrate
from training.reid.thresholds.holdout import unseen_pictures
from wildlife_reid.fusion import fuse, shortlist
from wildlife_reid.local.features import LocalSettings, local_features
from wildlife_reid.local.glue import LENGTHS, GlueGallery, GlueMatcher, glue_arrays
from wildlife_reid.local.matching import MatchSettings
from wildlife_reid.local.pipelines import GluePipeline, SiftPipeline
from wildlife_reid.open_set import Gallery, gallery_bytes

ROOT = Path(__file__).resolve().parents[2]


Array = NDArray[np.float64]
GALLERY = "weights/gallery.npz"
SHORTLISTS = (25, 50, 100)
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
# Of the published weights of extractor and LightGlue, as the hub pages kornia/aliked, kornia/disk
# and ETH-CVG/lightglue_disk say.
LICENCES = {"aliked": ("BSD-3-Clause", "Apache-2.0"), "disk": ("MIT", "Apache-2.0")}
REQUIRES = {
    "numpy": ">=1.26", "scipy": ">=1.11", "torch": ">=2.4", "timm": ">=1.0.9",
    "Pillow": ">=10.3", "opencv-python-headless": ">=4.9",
}  # fmt: skip


@dataclass(frozen=True)
class LocalStage:
    """A local pipeline with the features of all pictures, and what config.json says of it."""

    pipeline: SiftPipeline | GluePipeline
    features: list[Any]
    config: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    seconds_per_picture: float
    copied: dict[str, Path] = field(default_factory=dict)
    origins: dict[str, dict[str, str]] = field(default_factory=dict)

    def score(self, row: int, gallery: NDArray[np.intp]) -> Array:
        return self.pipeline.scores(self.features[row], gallery)


def sift_stage(database: Database, pictures: list[Image.Image]) -> LocalStage:
    settings = LocalSettings()
    features = sift_features(database.paths, pictures, settings)
    seconds = _seconds_per_picture(lambda picture: local_features(picture, settings), pictures)
    pipeline = SiftPipeline(packed(features), settings, MatchSettings())
    config = {"kind": "sift", "features": asdict(settings), "match": asdict(pipeline.match)}
    blank = sum(len(one) == 0 for one in features)
    print(f"{blank} of {len(features)} pictures without a feature", flush=True)
    return LocalStage(pipeline, features, config, pipeline.gallery.arrays(), seconds)


def glue_stage(pictures: list[Image.Image], options: argparse.Namespace) -> LocalStage:
    """ALIKED or DISK with LightGlue; the two files are copied into weights/. Raises OSError."""
    copied = {"weights/extractor.safetensors": options.extractor}
    copied |= {"weights/matcher.safetensors": options.matcher}
    local = {"kind": options.local, "image_size": options.side, "count": options.count}
    config = local | {"extractor": str(options.extractor), "matcher": str(options.matcher)}
    matcher = GlueMatcher(config, Path())
    features = [matcher.features(picture) for picture in pictures]
    seconds = _seconds_per_picture(matcher.features, pictures)
    arrays = glue_arrays(features, LENGTHS[options.local])
    config = local | dict(zip(("extractor", "matcher"), copied, strict=True))
    pipeline = GluePipeline(GlueGallery(arrays), matcher)
    origins = {
        name: {"licence": licence, "source": f"{path.name}, as given; {options.local}, kornia"}
        for (name, path), licence in zip(copied.items(), LICENCES[options.local], strict=True)
    }
    return LocalStage(pipeline, features, config, arrays, seconds, copied, origins)


def _seconds_per_picture(
    features: Callable[[Image.Image], Any], pictures: list[Image.Image]
) -> float:
    """Median over a few pictures."""
    seconds = []
    for picture in pictures[:20]:
        started = time.perf_counter()
        features(picture)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) if seconds else 0.0


def nearest_of(
    similarity: Array, calibrated: tuple[Array, Array], identity: NDArray[np.str_], size: int
) -> Nearest:
    """The callback of `calibrate`: WildFusion's answers when only some rows are the gallery."""

    def nearest(gallery: Rows, queries: Rows) -> tuple[NDArray[np.str_], Array]:
        best, score = np.zeros(len(queries), np.intp), np.full(len(queries), -np.inf)
        for place, row in enumerate(queries.tolist()):
            local = np.full(len(gallery), np.nan)
            chosen = shortlist(similarity[row, gallery], size)
            local[chosen] = calibrated[1][row, gallery[chosen]]
            fused = fuse([calibrated[0][row, gallery], local])
            best[place], score[place] = gallery[int(fused.argmax())], fused.max()
        return identity[best], score

    return nearest


def choose(
    similarity: Array, calibrated: tuple[Array, Array], database: Database, unseen: Mask
) -> tuple[int, dict[str, Threshold]]:
    """The shortest shortlist within 1 % of the best validation score, and its thresholds."""
    tried: dict[int, dict[str, Threshold]] = {}
    largest = max(np.unique(database.dataset, return_counts=True)[1].tolist())
    for size in sorted({*(s for s in SHORTLISTS if s < largest), largest}):
        nearest = nearest_of(similarity, calibrated, database.identity, size)
        tried[size] = calibrate(nearest, database.identity, database.dataset, unseen)
        print(f"shortlist {size}: validation score {mean_score(tried[size]):.3f}", flush=True)
    best = max(mean_score(found) for found in tried.values())
    size = next(s for s in tried if mean_score(tried[s]) >= 0.99 * best)
    return size, tried[size]


def mean_score(found: Mapping[str, Threshold]) -> float:
    return float(np.mean([one.score for one in found.values()]))


def report(found: Mapping[str, Threshold]) -> dict[str, float]:
    """Prints what validation says of each dataset; returns the thresholds."""
    for name, one in found.items():
        print(
            f"{name}: threshold {one.value:.4f}, validation score {one.score:.3f} (spread "
            f"{one.score_spread:.3f}, ceiling {one.ceiling:.3f}), rank-1 of known {one.rank1:.3f}"
        )
    return {name: one.value for name, one in found.items()}


def build(options: argparse.Namespace) -> None:
    """The whole way from the database to the submission's files. Raises DataError, OSError."""
    database = read_database(options.data)
    descriptor = read_descriptor(options.descriptor)
    copied, origins = descriptor_files(descriptor, options.descriptor)
    for note in duplicate_notes(database):
        print(f"NOTE: {note}")
    pictures = read_pictures(database.paths)
    embedding = embed(descriptor, options.descriptor, database, pictures)
    stage = (
        sift_stage(database, pictures) if options.local == "sift" else glue_stage(pictures, options)
    )
    key = pairs_key(stage.config, picture_digest(database))
    local, rate = all_pairs(stage.score, database.dataset, stage.seconds_per_picture, key)
    wide = embedding.astype(np.float64)
    similarity = np.where(np.isnan(local), np.nan, wide @ wide.T)
    unseen = unseen_pictures(database.identity, database.dataset)
    curves = fit_curves(similarity, local, database, unseen[:, None])
    print_calibration_errors(similarity, local, curves, database, unseen)
    judged = judged_matrices(similarity, local, database, unseen)
    size, found = choose(similarity, judged, database, unseen)
    thresholds = report(found)
    print(rate.in_words(options.queries, size, options.time_limit), flush=True)
    config = {
        "network": descriptor["network"],
        "weights": DESCRIPTOR,
        "gallery": GALLERY,
        "local": stage.config,
        "calibrations": {d: {n: c.as_json() for n, c in by.items()} for d, by in curves.items()},
        "shortlist": size,
        "thresholds": thresholds,
    }
    gallery = gallery_bytes(
        Gallery(database.identity, database.dataset), {"embedding": embedding, **stage.arrays}
    )
    contents = {GALLERY: gallery, **copied}
    contents |= {name: path.read_bytes() for name, path in stage.copied.items()}
    source = (
        f"python -m training.reid.wildfusion (metadata.csv sha256 {table_digest(options.data)})"
    )
    total = write_submission(
        options.out, config, contents, source, REQUIRES, origins | stage.origins
    )
    print(f"{options.out}: {total} bytes of weights")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build the submission wildfusion.")
    submissions = ROOT / "submissions"
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "reid" / "train")
    parser.add_argument("--out", type=Path, default=submissions / "wildfusion")
    parser.add_argument("--descriptor", type=Path, default=submissions / "megadescriptor_cosine")
    parser.add_argument("--local", choices=("sift", "aliked", "disk"), default="sift")
    parser.add_argument("--extractor", type=Path, help="state dict of ALIKED or DISK (safetensors)")
    parser.add_argument("--matcher", type=Path, help="state dict of LightGlue (safetensors)")
    parser.add_argument("--side", type=int, default=512, help="of pictures for ALIKED and DISK")
    parser.add_argument("--count", type=int, default=256, help="key points of ALIKED and DISK")
    parser.add_argument("--queries", type=int, default=2135, help="for the forecast")
    parser.add_argument("--time-limit", type=float, default=600, help="of the phase, in seconds")
    options = parser.parse_args(arguments)
    if options.local != "sift" and not (options.extractor and options.matcher):
        parser.error(f"--local {options.local} needs --extractor FILE and --matcher FILE")
    if options.queries < 1 or not options.time_limit > 0:
        parser.error("--queries and --time-limit must be above 0")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    started = time.perf_counter()
    try:
        # Sums are split over threads, and so round otherwise with another number of them.
        with threadpool_limits(limits=1):
            build(options)
    except (DataError, OSError, ValueError, RuntimeError) as error:
        print(f"wildfusion: {error}", file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
