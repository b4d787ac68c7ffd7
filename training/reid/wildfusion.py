"""Build the submission `wildfusion`: gallery, calibrations, thresholds; trains no network.

    python -m training.reid.wildfusion --out FOLDER
    python -m training.reid.wildfusion --data DIR --out FOLDER --descriptor FOLDER
    python -m training.reid.wildfusion --local aliked --extractor FILE --matcher FILE
    python -m training.reid.wildfusion --features FOLDER   (embeddings of `kit predict --features`)

The global descriptor is that of the submission folder `--descriptor` (its config.json and weights
are copied). All image pairs of a dataset are matched once; on that table the length of the
shortlist and the thresholds are chosen by open-set splits (training/reid/thresholds/choose.py),
where a query is scored by curves that were fitted without its individual. Prints pairs per second
and the forecast for `--queries` images against `--time-limit` seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError

from training.common.cache import file_digest
from training.common.console import say
from training.common.errors import DataError
from training.reid.database import Database, print_duplicates, read_database
from training.reid.embedding.descriptors import (
    DESCRIPTOR,
    add_descriptor_options,
    command_with_features,
    descriptor_files,
    embeddings_for,
    read_descriptor,
)
from training.reid.images import ServedImages
from training.reid.matching.calibration_curves import (
    Curves,
    calibrated_matrices,
    fit_curves,
    judged_matrices,
    print_calibration_errors,
)
from training.reid.matching.pairs import Speed, all_pairs
from training.reid.matching.sift import SETTINGS, SiftMatcher, sift_matcher
from training.reid.options import (
    refuse_not_positive,
    run_in_one_thread,
    submission_parser,
)
from training.reid.publish import Build, publish
from training.reid.thresholds.choose import (
    Threshold,
    choose_thresholds,
    mean_score,
    print_thresholds,
    refuse_constant_answers,
)
from training.reid.thresholds.nearest import Names, Nearest, Rows
from training.reid.thresholds.validation import validation_images
from wildlife_reid.fusion import fuse, shortlist
from wildlife_reid.local.features import local_features
from wildlife_reid.local.glue import LENGTHS, GlueFeatures, GlueGallery, GlueMatcher, glue_arrays
from wildlife_reid.local.pipelines import GluePipeline
from wildlife_reid.open_set import Gallery, gallery_bytes

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
GALLERY = "weights/gallery.npz"
SHORTLISTS = (25, 50, 100)
NEARLY_BEST = 0.99  # share of the best validation score at which a shorter shortlist is taken
EXTRACTOR, MATCHER = "weights/extractor.safetensors", "weights/matcher.safetensors"
# Of the published weights of extractor and LightGlue, as the hub pages kornia/aliked, kornia/disk
# and ETH-CVG/lightglue_disk say.
LICENCES = {"aliked": ("BSD-3-Clause", "Apache-2.0"), "disk": ("MIT", "Apache-2.0")}
PACKAGES = ("numpy", "scipy", "torch", "timm", "Pillow", "opencv-python-headless")


@dataclass(frozen=True)
class GluePairs:
    """ALIKED or DISK features of images, compared by LightGlue."""

    pipeline: GluePipeline
    features: list[GlueFeatures]
    key: list[Any]

    def score(self, row: int, rows: Rows) -> Array:
        return self.pipeline.scores(self.features[row], rows)


@dataclass(frozen=True)
class LocalStage:
    """A local pipeline: its matcher of image pairs, and what the submission's files hold of it.

    config: the part `local` of config.json; arrays: for the gallery's file; copied: path in the
    submission to the given file, with their licences and sources in `origins`.
    """

    matcher: SiftMatcher | GluePairs
    config: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    seconds_per_image: float
    copied: dict[str, Path] = field(default_factory=dict)
    origins: dict[str, dict[str, str]] = field(default_factory=dict)


def sift_stage(images: ServedImages) -> LocalStage:
    matcher = sift_matcher(images)
    seconds = _seconds_per_image(lambda image: local_features(image, matcher.settings), images)
    blank = sum(len(one) == 0 for one in matcher.features)
    say(f"{blank} of {len(images)} images without a feature")
    return LocalStage(matcher, matcher.config, matcher.gallery.arrays(), seconds)


def glue_stage(images: ServedImages, options: argparse.Namespace) -> LocalStage:
    """ALIKED or DISK with LightGlue; the two files are copied into weights/. Raises DataError."""
    local = {"kind": options.local, "image_size": options.image_size, "count": options.count}
    copied = {EXTRACTOR: options.extractor, MATCHER: options.matcher}
    given = {"extractor": str(options.extractor), "matcher": str(options.matcher)}
    try:
        glue = GlueMatcher({**local, **given}, Path())
    except (OSError, RuntimeError, SafetensorError) as error:
        raise DataError(
            f"{options.extractor} and {options.matcher}: expected state dicts of {options.local} "
            f"and of its LightGlue: {error}"
        ) from error
    features = [glue.features(image) for image in images]
    arrays = glue_arrays(features, LENGTHS[options.local])
    # Scores depend on the weights in the given files, not on where the files are.
    key = [local, images.longest, *(file_digest(path) for path in copied.values())]
    origins = {
        name: {"licence": licence, "source": f"{path.name}, as given; {options.local}, kornia"}
        for (name, path), licence in zip(copied.items(), LICENCES[options.local], strict=True)
    }
    return LocalStage(
        matcher=GluePairs(GluePipeline(GlueGallery(arrays), glue), features, key),
        config={**local, "extractor": EXTRACTOR, "matcher": MATCHER},
        arrays=arrays,
        seconds_per_image=_seconds_per_image(glue.features, images),
        copied=copied,
        origins=origins,
    )


def _seconds_per_image(features: Callable[[Image.Image], object], images: ServedImages) -> float:
    """Median over a few images."""
    seconds = []
    for image in islice(images, 20):
        started = time.perf_counter()
        features(image)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds)) if seconds else 0.0


def nearest_of(
    similarity: Array, calibrated: tuple[Array, Array], identity: Names, size: int
) -> Nearest:
    """WildFusion's predictions when only some rows are the gallery, from tables of all pairs.

    similarity and both calibrated scores: (n, n); size: of the shortlist.
    """

    def nearest(gallery: Rows, queries: Rows) -> tuple[Names, Array]:
        best, score = np.zeros(len(queries), np.intp), np.full(len(queries), -np.inf)
        for number, row in enumerate(queries.tolist()):
            # As in serving, images that are not on the shortlist have no local score.
            local = np.full(len(gallery), np.nan)
            chosen = shortlist(similarity[row, gallery], size)
            local[chosen] = calibrated[1][row, gallery[chosen]]
            fused = fuse([calibrated[0][row, gallery], local])
            best[number], score[number] = gallery[int(fused.argmax())], fused.max()
        return identity[best], score

    return nearest


def choose(
    similarity: Array, calibrated: tuple[Array, Array], database: Database, validation: Mask
) -> tuple[int, dict[str, Threshold]]:
    """The shortest shortlist within 1 % of the best validation score, and its thresholds."""
    tried: dict[int, dict[str, Threshold]] = {}
    largest = max(np.unique(database.dataset, return_counts=True)[1].tolist())
    for size in sorted({*(s for s in SHORTLISTS if s < largest), largest}):
        nearest = nearest_of(similarity, calibrated, database.identity, size)
        tried[size] = choose_thresholds(nearest, database.identity, database.dataset, validation)
        say(f"shortlist {size}: validation score {mean_score(tried[size]):.3f}")
    best = max(mean_score(one) for one in tried.values())
    size = next(s for s in tried if mean_score(tried[s]) >= NEARLY_BEST * best)
    return size, tried[size]


def fit(
    similarity: Array, local: Array, database: Database
) -> tuple[Curves, int, dict[str, Threshold]]:
    """Fit the curves, and choose the shortlist's length and the thresholds. Raises DataError."""
    validation = validation_images(database.identity, database.dataset)
    curves = fit_curves(similarity, local, database, validation[:, None])
    print_calibration_errors(similarity, local, curves, database, validation)
    judged = judged_matrices(similarity, local, database, validation)
    size, thresholds = choose(similarity, judged, database, validation)
    print_thresholds(thresholds)
    written = calibrated_matrices(similarity, local, curves, database)
    shipped = nearest_of(similarity, written, database.identity, size)
    refuse_constant_answers(shipped, database, validation, thresholds)
    return curves, size, thresholds


def build(options: argparse.Namespace) -> None:
    """Build the submission's files from the database. Raises DataError."""
    database = read_database(options.data)
    descriptor = read_descriptor(options.descriptor)
    contents, origins = descriptor_files(descriptor, options.descriptor)
    print_duplicates(database)
    sift = options.local == "sift"
    size = SETTINGS.image_size if sift else options.image_size
    images = ServedImages(database.paths, size, int(descriptor["network"]["image_size"]))
    embeddings = embeddings_for(options, descriptor, database, images)
    stage = sift_stage(images) if sift else glue_stage(images, options)
    local, pairs_per_second = all_pairs(stage.matcher, database)
    wide = embeddings.astype(np.float64)
    # Pairs without a local score, those of two datasets, are not compared at all.
    similarity = np.where(np.isnan(local), np.nan, wide @ wide.T)
    curves, size, thresholds = fit(similarity, local, database)
    speed = Speed(pairs_per_second, stage.seconds_per_image)
    say(speed.in_words(options.queries, size, options.time_limit))
    config = {
        "network": descriptor["network"],
        "weights": DESCRIPTOR,
        "gallery": GALLERY,
        "local": stage.config,
        "calibrations": {d: {n: c.as_json() for n, c in by.items()} for d, by in curves.items()},
        "shortlist": size,
        "thresholds": {name: one.value for name, one in thresholds.items()},
    }
    gallery = Gallery(database.identity, database.dataset)
    arrays = {"embeddings": embeddings, **stage.arrays}
    contents = {GALLERY: gallery_bytes(gallery, arrays), **contents}
    contents |= {name: path.read_bytes() for name, path in stage.copied.items()}
    command = command_with_features("wildfusion", options)
    build = Build("wildfusion", options.out, options.data, command)
    publish(build, config, contents, PACKAGES, origins | stage.origins)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    made = submission_parser("wildfusion", "Build the submission wildfusion.")
    add_descriptor_options(made)
    made.add_argument("--local", choices=("sift", "aliked", "disk"), default="sift")
    made.add_argument("--extractor", type=Path, help="state dict of ALIKED or DISK (safetensors)")
    made.add_argument("--matcher", type=Path, help="state dict of LightGlue (safetensors)")
    made.add_argument("--image-size", type=int, default=512, help="pixels, for ALIKED and DISK")
    made.add_argument("--count", type=int, default=256, help="key points of ALIKED and DISK")
    made.add_argument("--queries", type=int, default=2135, help="for the forecast")
    made.add_argument("--time-limit", type=float, default=600, help="of the phase, in seconds")
    options = made.parse_args(arguments)
    if options.local != "sift" and not (options.extractor and options.matcher):
        made.error(f"--local {options.local} needs --extractor FILE and --matcher FILE")
    refuse_not_positive(made, options, ("queries", "time_limit"))
    return options


def main(arguments: list[str] | None = None) -> int:
    return run_in_one_thread(parse(arguments), build)


if __name__ == "__main__":
    raise SystemExit(main())
