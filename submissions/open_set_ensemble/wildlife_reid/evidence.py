"""What speaks for each individual of the gallery, all its images taken together.

Numbers of a (query, individual) pair, which a logistic model per dataset weighs:
verified: the largest geometrically verified match with one of its images, as a root;
lead: how far that is ahead of the best other individual's (below 0: behind), because an image that
    matches all individuals well, or none, says less than the difference;
neighbours: how much nearer than the background its images have the query's key points, where the
    background is the BACKGROUND-th nearest individual; all its images count together;
cosine: of the joint embedding, the best of its images;
cosine_lead: as `lead`, of the cosine;
other_viewpoint: 1 where all its images show another viewpoint than the query; 0 where a viewpoint
    is not known;
images: logarithm of the number of its images, because the best of many is high by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wildlife_reid.local.features import LocalFeatures
from wildlife_reid.local.gallery import LocalGallery
from wildlife_reid.local.matching import Floats, MatchSettings

Array = NDArray[np.float64]
Rows = NDArray[np.intp]

EVIDENCE = (
    "verified",
    "lead",
    "neighbours",
    "cosine",
    "cosine_lead",
    "other_viewpoint",
    "images",
)
BACKGROUND = 6


def key_point_maxima(query: LocalFeatures, gallery: LocalGallery, rows: Rows) -> Floats:
    """Return (n, r): similarity of each of n query key points with the nearest one of each image.

    0 for an image without key points.
    """
    projected = gallery.projection(query.descriptors)
    maxima = np.zeros((len(query), len(rows)), dtype=np.float32)
    for column, row in enumerate(rows.tolist()):
        _, descriptors = gallery.features(row)
        if len(descriptors) and len(projected):
            maxima[:, column] = (projected @ descriptors.T).max(axis=1)
    return maxima


def above_background(maxima: Floats, code: Rows) -> tuple[Array, Array]:
    """Sum the similarity above the background for each image (r,) and each individual (i,).

    maxima: (n, r) of `key_point_maxima`; code: (r,) numbers of the images' individuals, 0..i-1.
    """
    count = int(code.max(initial=-1)) + 1
    if not count or not len(maxima):
        return np.zeros(len(code)), np.zeros(count)
    individuals = np.full((len(maxima), count), -np.inf, dtype=np.float32)
    np.maximum.at(individuals.T, code, maxima.T)
    place = max(count - BACKGROUND, 0)
    background = np.partition(individuals, place, axis=1)[:, place][:, None]
    scale = np.sqrt(len(maxima))
    images = np.maximum(maxima - background, 0).sum(axis=0, dtype=np.float64)
    together = np.maximum(individuals - background, 0).sum(axis=0, dtype=np.float64)
    return images / scale, together / scale


def evidence(
    verified: Array,
    neighbours: Array,
    cosine: Array,
    other_viewpoint: NDArray[np.bool_],
    code: Rows,
) -> Array:
    """Return (i, 7) of EVIDENCE; neighbours (i,), the others (r,), verified NaN if not computed."""
    count = len(neighbours)
    best = np.zeros((count, 2))
    best[:, 1] = -1.0
    np.maximum.at(best[:, 0], code, np.nan_to_num(verified))
    np.maximum.at(best[:, 1], code, cosine)
    images = np.bincount(code, minlength=count)
    elsewhere = np.bincount(code, other_viewpoint, minlength=count) == images
    match = np.sqrt(best[:, 0])
    alike = best[:, 1]
    columns = [match, _lead(match), neighbours, alike, _lead(alike), elsewhere, np.log(images)]
    return np.stack(columns, axis=1).astype(np.float64)


def _lead(values: Array) -> Array:
    """(i,): each value less the largest of the others, where there are none less 0."""
    if len(values) < 2:
        return values
    second, first = np.partition(values, len(values) - 2)[-2:]
    # With two equal best ones both are ahead by nothing.
    return np.asarray(values - np.where(values == first, second, first))


def shortlisted(neighbours: Array, cosine: Array, size: int) -> Rows:
    """Places in (r,) of the images to verify: the first half of `size` by what is above the
    background, the other by cosine; fewer where both name the same."""
    firsts = [np.argsort(-values, kind="stable")[: size // 2] for values in (neighbours, cosine)]
    return np.unique(np.concatenate(firsts))


def verified_at(
    query: LocalFeatures,
    gallery: LocalGallery,
    rows: Rows,
    chosen: Rows,
    settings: MatchSettings,
) -> Array:
    """Return (r,) verified scores of the images at the places `chosen` of `rows`, else NaN."""
    scores = np.full(len(rows), np.nan)
    scores[chosen] = gallery.scores(query, rows[chosen], settings)
    return scores


def differs(viewpoint: str, others: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return (r,): True where both viewpoints (left, right, ...) are known (not "") and differ."""
    return np.asarray((others != viewpoint) & (others != "") & (viewpoint != ""))
