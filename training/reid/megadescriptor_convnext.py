"""Train and build the submission `megadescriptor_convnext`.

    python -m training.reid.megadescriptor_convnext
    python -m training.reid.megadescriptor_convnext --data DIR --out FOLDER --descriptor FOLDER
    python -m training.reid.megadescriptor_convnext --preset full --init FILE.safetensors

The classifier is trained on the pictures that training/reid/thresholds/holdout.py leaves it, the same as
for the descriptor; curves, discount and thresholds come from the others. An individual that is kept
back has no class: only retrieval can find it. `--init` starts the classifier from a state dict of
the same timm network (its last layer may be of other classes).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import nn

from training.common.errors import DataError
from training.common.submission_files import write_submission
from training.reid.database import Database, duplicate_notes, read_database
from training.reid.embedding.classifier import NETWORKS, RECIPES, Trainer, TrainingError
from training.reid.embedding.descriptors import DESCRIPTOR, descriptor_files, embed, read_descriptor
from training.reid.landmarks.files import landmark_path, read_landmarks
from training.reid.matching.calibrate import FEWEST_HITS, fit_isotonic
from training.reid.matching.features import read_pictures, table_digest
from training.reid.thresholds.calibrate import Nearest, Threshold, calibrate, open_set
from training.reid.thresholds.holdout import unseen_pictures
from wildlife_image.square import normalised
from wildlife_reid.agreement import agreed, confidence, per_individual
from wildlife_reid.alignment import animal_square
from wildlife_reid.calibration import Calibration
from wildlife_reid.identity_classifier import logits
from wildlife_reid.open_set import Gallery, gallery_bytes

ROOT = Path(__file__).resolve().parents[2]


POOLED = ""
GALLERY = "weights/gallery.npz"
CLASSIFIER = "weights/classifier.safetensors"
FIT_SEEDS = tuple(range(100, 110))  # not those that choose thresholds
REQUIRES = {
    "numpy": ">=1.26", "scipy": ">=1.11", "torch": ">=2.4", "timm": ">=1.0.9",
    "Pillow": ">=10.3", "safetensors": ">=0.4",
}  # fmt: skip
Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
Curves = Mapping[str, tuple[Calibration, Calibration]]


@dataclass(frozen=True)
class Systems:
    """What both systems say of every picture, and the table: embedding (n, d), logits (n, c)."""

    database: Database
    embedding: Array
    logits: Array
    classes: NDArray[np.str_]

    def claims(self, query: int, gallery: Rows) -> tuple[NDArray[np.str_], Array, Array]:
        """Individuals of the gallery, each one's best cosine and the classifier's softmax."""
        names, code = np.unique(self.database.identity[gallery], return_inverse=True)
        cosine = self.embedding[gallery] @ self.embedding[query]
        sure = confidence(self.logits[query], self.classes, names)
        return names, per_individual(cosine, code, len(names)), sure


def train_classifier(
    pixels: torch.Tensor, identity: NDArray[np.str_], options: argparse.Namespace, digest: str
) -> tuple[nn.Module, NDArray[np.str_]]:
    """The trained network and the individuals of its outputs. Raises TrainingError."""
    classes, labels = np.unique(identity, return_inverse=True)
    settings, recipe = NETWORKS[options.preset], RECIPES[options.preset]
    given = {"epochs": options.epochs, "batch": options.batch, "rate": options.rate}
    recipe = replace(recipe, **{name: value for name, value in given.items() if value})
    trainer = Trainer(options.work, settings, recipe, len(classes), digest)
    if options.init:
        start(trainer.network, options.init)
    print(f"classifier: {len(labels)} pictures of {len(classes)} individuals", flush=True)
    return trainer.train(pixels, labels), classes


def start(network: nn.Module, path: Path) -> None:
    """Load what fits of a state dict; only the last layer may differ. Raises TrainingError."""
    own, given = network.state_dict(), load_file(path)
    wrong = [n for n in own if n not in given or given[n].shape != own[n].shape]
    if len([name for name in wrong if not name.startswith("head.fc.")]):
        raise TrainingError(
            f"{path}: expected a state dict of this network, {wrong[:5]} do not fit"
        )
    network.load_state_dict({n: t for n, t in given.items() if n not in wrong}, strict=False)


def fit_curves(systems: Systems, unseen: Mask) -> tuple[Curves, float]:
    """Curves of (retrieval, classifier) per dataset and POOLED, and the discount."""
    found: dict[str, list[tuple[Array, Array, Mask]]] = {}
    for name in np.unique(systems.database.dataset).tolist():
        rows = np.flatnonzero(systems.database.dataset == name)
        found[name] = list(_rounds(systems, rows, unseen))
    found[POOLED] = [part for parts in found.values() for part in parts]
    curves: dict[str, tuple[Calibration, Calibration]] = {}
    for name in sorted(found):  # POOLED, the empty name, comes first
        cosine, sure, hits = (np.concatenate(parts) for parts in zip(*found[name], strict=True))
        right = hits.astype(np.bool_)
        sides = [(cosine, right), (sure[sure > 0], right[sure > 0])]
        curves[name] = tuple(  # type: ignore[assignment]
            fit_isotonic(values, same)
            if min(same.sum(), (~same).sum()) >= (FEWEST_HITS if name else 1)
            else (curves[POOLED][place] if name else Calibration((0.0, 1.0), (0.0, 0.0)))
            for place, (values, same) in enumerate(sides)
        )
    return curves, _discount(found[POOLED], curves[POOLED])


def _rounds(systems: Systems, rows: Rows, unseen: Mask) -> Any:
    """(i,) best cosines, (i,) softmax values and (i,) hits of each query of the fitting splits."""
    identity = systems.database.identity
    for seed in FIT_SEEDS:
        split = open_set(identity, rows, unseen, seed)
        for query in split.queries.tolist():
            names, cosine, sure = systems.claims(query, split.gallery)
            yield cosine, sure, names == identity[query]


def _discount(
    rounds: Sequence[tuple[Array, Array, Mask]], curves: tuple[Calibration, Calibration]
) -> float:
    """How often the larger claim is right when the two disagree, per unit of what it claims."""
    claimed, right = [], []
    for cosine, sure, hits in rounds:
        first, second = curves[0](cosine), np.where(sure > 0, curves[1](sure), 0.0)
        if first.argmax() != second.argmax():
            best = int(np.maximum(first, second).argmax())
            claimed.append(max(first[best], second[best]))
            right.append(bool(hits[best]))
    share = float(np.mean(right)) / max(float(np.mean(claimed)), 1e-9) if claimed else 1.0
    print(f"the two disagree in {len(claimed)} of {len(rounds)} queries, discount {share:.3f}")
    return float(np.clip(share, 0.05, 1.0))


def nearest_of(systems: Systems, curves: Curves, discount: float) -> Nearest:
    """The callback of training/reid/thresholds/calibrate.py."""

    def nearest(gallery: Rows, queries: Rows) -> tuple[NDArray[np.str_], Array]:
        first, second = curves[str(systems.database.dataset[gallery[0]])]
        best, score = [], np.zeros(len(queries))
        for place, query in enumerate(queries.tolist()):
            names, cosine, sure = systems.claims(query, gallery)
            scores = agreed(first(cosine), np.where(sure > 0, second(sure), 0.0), discount)
            best.append(str(names[int(scores.argmax())]))
            score[place] = scores.max()
        return np.array(best), score

    return nearest


def report(found: Mapping[str, Threshold]) -> dict[str, float]:
    for name, one in found.items():
        print(
            f"{name}: threshold {one.value:.4f}, validation score {one.score:.3f} (spread "
            f"{one.score_spread:.3f}, ceiling {one.ceiling:.3f}), rank-1 of known {one.rank1:.3f}"
        )
    return {name: one.value for name, one in found.items()}


def build(options: argparse.Namespace) -> None:
    """The whole way to the submission's files. Raises DataError, TrainingError, OSError."""
    database = read_database(options.data)
    descriptor = read_descriptor(options.descriptor)
    copied, origins = descriptor_files(descriptor, options.descriptor)
    landmarks = read_landmarks(landmark_path(options.descriptor, descriptor["network"]))
    for note in duplicate_notes(database):
        print(f"NOTE: {note}")
    pictures = read_pictures(database.paths)
    embedding = embed(descriptor, options.descriptor, database, pictures)
    settings = NETWORKS[options.preset]
    side = int(settings["image_size"])
    squares = np.stack([animal_square(picture, side, landmarks) for picture in pictures])
    pixels = torch.from_numpy(squares).permute(0, 3, 1, 2).contiguous()
    unseen = unseen_pictures(database.identity, database.dataset)
    digest = hashlib.sha256(squares.tobytes()).hexdigest()[:16] + f" {table_digest(options.data)}"
    seen = torch.from_numpy(~unseen)
    network, classes = train_classifier(pixels[seen], database.identity[~unseen], options, digest)
    rows = np.stack([logits(network, normalised(one, settings)) for one in pixels])
    systems = Systems(database, embedding.astype(np.float64), rows, classes)
    curves, discount = fit_curves(systems, unseen)
    nearest = nearest_of(systems, curves, discount)
    found = calibrate(nearest, database.identity, database.dataset, unseen)
    config = {
        "network": descriptor["network"],
        "weights": DESCRIPTOR,
        "classifier": settings,
        "classifier_weights": CLASSIFIER,
        "gallery": GALLERY,
        "calibrations": {
            name: {"retrieval": first.as_json(), "classifier": second.as_json()}
            for name, (first, second) in curves.items()
        },
        "discount": round(discount, 6),
        "thresholds": report(found),
    }
    gallery = Gallery(database.identity, database.dataset)
    halves = {name: t.half().contiguous() for name, t in network.state_dict().items()}
    contents = {
        GALLERY: gallery_bytes(gallery, {"embedding": embedding, "classes": classes}),
        **copied,
        CLASSIFIER: save(halves),
    }
    digest = table_digest(options.data)
    source = f"python -m training.reid.megadescriptor_convnext (metadata.csv sha256 {digest})"
    total = write_submission(options.out, config, contents, source, REQUIRES, origins)
    print(f"{options.out}: {total} bytes of weights")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the submission megadescriptor_convnext.")
    submissions = ROOT / "submissions"
    parser.add_argument("--data", type=Path, default=ROOT / "sample_data" / "reid" / "train")
    parser.add_argument("--out", type=Path, default=submissions / "megadescriptor_convnext")
    parser.add_argument("--descriptor", type=Path, default=submissions / "megadescriptor_cosine")
    parser.add_argument(
        "--work",
        type=Path,
        default=ROOT / "runs" / "megadescriptor_convnext",
        help="checkpoint, from which the same command goes on",
    )
    parser.add_argument("--preset", choices=sorted(NETWORKS), default="small")
    parser.add_argument("--init", type=Path, help="state dict of the same network (safetensors)")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rate", type=float)
    options = parser.parse_args(arguments)
    for name in ("epochs", "batch", "rate"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            parser.error(f"--{name} {value}: expected more than 0")
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    started = time.perf_counter()
    try:
        # Sums are split over threads, and so round otherwise with another number of them.
        with threadpool_limits(limits=1):
            build(options)
    except (DataError, TrainingError, OSError, ValueError, RuntimeError) as error:
        print(f"megadescriptor_convnext: {error}", file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - started:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
