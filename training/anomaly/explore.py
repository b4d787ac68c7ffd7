"""Show which crops lie together and which stand alone: one HTML page, and a table.

    python -m training.anomaly.explore --data DIR --out FOLDER
    python -m training.anomaly.explore --data DIR --out FOLDER --encoder ENCODER

DIR holds annotations.json and images/ (training/anomaly/camera_traps.py). FOLDER gets explore.html,
which needs no other file and opens nothing, and explore.csv: `crop`, its `filename` and box in
pixels, `species`, `location`, `sequence`, `cluster` (from 1, the largest; empty for an outlier),
`outlier` (0 or 1), `k_distance`.

Features are those of the frozen EfficientNet-Lite0, or of an encoder that training/anomaly/
train_simclr.py wrote; they are kept in runs/features. DBSCAN decides in the space of their first 50
principal components. t-SNE (van der Maaten and Hinton, 2008), and UMAP where the package umap-learn
is installed, draw that space on a plane for the eye; nothing is decided there, because t-SNE keeps
neighbours, not distances or densities. The same command gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from threadpoolctl import threadpool_limits

from training.anomaly.camera_traps import read_camera_traps
from training.anomaly.exploring.clusters import OUTLIER, Clusters, find_clusters, pca_space
from training.anomaly.exploring.crops import (
    Encoder,
    crop_features,
    crops_of,
    frozen_base,
    squares,
    trained_encoder,
)
from training.anomaly.exploring.page import TABLE, Exploration, render, summary
from training.anomaly.exploring.planes import planes, usual_perplexity
from training.anomaly.exploring.thumbnails import SIZES, sheet
from training.common import script
from training.common.atomic import write_all
from training.common.cache import DEFAULT_FOLDER
from training.common.console import say
from training.common.errors import DataError
from training.common.submission_files import ROOT

PAGE = "explore.html"
FEWEST = 6  # crops: fewer make no curve and no plane
MIN_SAMPLES = 5
COLUMNS = (
    "crop", "filename", "left", "top", "width", "height",
    "species", "location", "sequence", "cluster", "outlier", "k_distance",
)  # fmt: skip


def explore(options: argparse.Namespace, encoder: Encoder | None = None) -> None:
    """Write the page and the table. Raises ScriptError; nothing is written then."""
    frames = read_camera_traps(options.data)
    crops = crops_of(frames)
    if len(crops) < FEWEST:
        raise DataError(
            f"{options.data} has {len(crops)} crop(s), expected at least {FEWEST}: "
            "a map of fewer shows nothing"
        )
    encoder = encoder or chosen_encoder(options)
    perplexity = options.perplexity or usual_perplexity(len(crops))
    features = crop_features(options.data, frames, encoder, options.cache)
    with threadpool_limits(limits=1):
        space = pca_space(features)
        clusters = find_clusters(space.points, options.min_samples, options.eps)
        found = Exploration(
            title=f"Crops of {options.data.resolve().name}",
            crops=crops,
            space=space,
            clusters=clusters,
            planes=planes(space.points, perplexity, options.seed),
            settings=settings(options, encoder, clusters, perplexity),
        )
    pixels = squares(options.data, frames, SIZES[0], encoder.margin)
    page = render(found, sheet([Image.fromarray(one[..., :3]) for one in pixels]))
    write_all(options.out, {TABLE: table(found).encode(), PAGE: page.encode()})
    say(summary(found))
    say(f"{options.out / PAGE} ({len(page.encode()) / 1e6:.1f} MB), {options.out / TABLE}")


def chosen_encoder(options: argparse.Namespace) -> Encoder:
    """Return the encoder of --encoder, or the frozen base. Raises ScriptError."""
    return trained_encoder(options.encoder) if options.encoder else frozen_base()


def settings(
    options: argparse.Namespace, encoder: Encoder, clusters: Clusters, perplexity: float
) -> dict[str, str]:
    """Return what it takes to make the page again, for people."""
    return {
        "Features": encoder.name,
        "Crop": f"{encoder.size} pixels, margin {encoder.margin:g} of the longer side",
        "DBSCAN eps": f"{clusters.eps:.6g} (the curve suggests {clusters.suggested:.6g})",
        "DBSCAN neighbours": str(clusters.min_samples),
        "t-SNE perplexity": f"{perplexity:.4g}",
        "Seed": str(options.seed),
    }


def table(found: Exploration) -> str:
    """Return the table as CSV, a row for each crop."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(found))
    return text.getvalue()


def _rows(found: Exploration) -> Iterator[list[object]]:
    clusters = found.clusters
    for crop, label, distance in zip(
        found.crops, clusters.label.tolist(), clusters.k_distance.tolist(), strict=True
    ):
        box, frame = crop.box, crop.frame
        place = [f"{side:g}" for side in (box.left, box.top, box.width, box.height)]
        decided = ["", 1] if label == OUTLIER else [label + 1, 0]
        names = [box.species, frame.location, frame.sequence]
        yield [crop.name, frame.file_name, *place, *names, *decided, f"{distance:.6g}"]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    made = script.parser("training.anomaly.explore", "Show which crops lie together.")
    add = made.add_argument
    data = ROOT / "sample_data" / "anomaly" / "train"
    add("--data", type=Path, default=data, help="the training data; by default the sample's")
    add("--out", type=Path, required=True, help=f"the folder that gets {PAGE} and {TABLE}")
    add("--encoder", type=Path, help="folder of a trained encoder; the frozen base by default")
    add("--perplexity", type=float, help="of t-SNE; 30 by default, less for few crops")
    add("--eps", type=float, help="of DBSCAN; by default where the k-distance curve turns up")
    add(
        "--min-samples", type=int, default=MIN_SAMPLES,
        help=f"of DBSCAN: neighbours that make a core, itself counted ({MIN_SAMPLES} by default)",
    )  # fmt: skip
    add("--seed", type=int, default=0, help="of t-SNE and UMAP")
    add("--cache", type=Path, default=DEFAULT_FOLDER, help="the folder that keeps features")
    options = made.parse_args(arguments)
    script.refuse_not_positive(made, options, ("perplexity", "eps", "min_samples"))
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    return script.run(options, lambda: explore(options))


if __name__ == "__main__":
    raise SystemExit(main())
