"""The page of an exploration: one HTML file without outside links."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from numpy.typing import NDArray

from kit.wording import counted
from training.anomaly.exploring.clusters import Clusters, Space, other_eps
from training.anomaly.exploring.crops import Crop
from training.anomaly.exploring.thumbnails import Sheet
from wildlife_scoring.report.page import percent, shorten, table
from wildlife_scoring.report.svg import BLUE, Axis, Curve, Frame, Marker, curve_chart

HERE = Path(__file__).parent
TABLE = "explore.csv"
MOST_OUTLIERS, MOST_TYPICAL = 120, 12  # thumbnails that are listed
BORDER, SIDE = 30, 1000  # of the plane's drawing
POINTS = 300  # of the drawn curve, at most
ENDINGS = ("st", "nd", "rd")


@dataclass(frozen=True)
class Exploration:
    """What is known of the crops: their place in PCA space, clusters and planes; settings by name.

    planes: (crops, 2) by name, the one that is shown first at the front.
    """

    title: str
    crops: Sequence[Crop]
    space: Space
    clusters: Clusters
    planes: Mapping[str, NDArray[np.float64]]
    settings: Mapping[str, str]


def render(found: Exploration, thumbnails: Sheet) -> str:
    """Write the page. thumbnails: a tile for each crop, in their order."""
    clusters = found.clusters
    template = Template((HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(found.title),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
        sheet=thumbnails.address,
        summary=summary(found),
        components=found.space.points.shape[1],
        kept=percent(found.space.kept),
        table=f"<code>{TABLE}</code>",
        curve=_curve(clusters),
        curve_text=_curve_text(clusters),
        others=_others(found),
        settings=_settings(found.settings),
        data=_script_safe(_data(found, thumbnails)),
    )


def summary(found: Exploration) -> str:
    """Say in a sentence how many crops, species, locations, clusters and outliers there are."""
    species = len({crop.box.species for crop in found.crops})
    locations = len({crop.frame.location for crop in found.crops})
    outliers = int(found.clusters.outliers.sum())
    return (
        f"{len(found.crops)} crops of {species} species at {counted(locations, 'location')}: "
        f"{counted(found.clusters.count, 'cluster')} and {counted(outliers, 'outlier')}."
    )


def _data(found: Exploration, thumbnails: Sheet) -> str:
    species = sorted({crop.box.species for crop in found.crops})
    locations = sorted({crop.frame.location for crop in found.crops})
    order = reading_order(found.space.points, found.clusters)
    crops = [
        [
            species.index(crop.box.species),
            locations.index(crop.frame.location),
            int(label),
            int(place),
            crop.name,
            box_text(crop),
        ]
        for crop, label, place in zip(found.crops, found.clusters.label, order, strict=True)
    ]
    content = {
        "species": species,
        "location": [name or "not given" for name in locations],
        "colour": "cluster" if found.clusters.count > 1 else "species",
        "planes": {name: _drawn(plane).tolist() for name, plane in found.planes.items()},
        "crops": crops,
        "columns": thumbnails.columns,
        "rows": thumbnails.rows,
        "most_outliers": MOST_OUTLIERS,
        "most_typical": MOST_TYPICAL,
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def reading_order(points: NDArray[np.float64], clusters: Clusters) -> NDArray[np.int64]:
    """Return each crop's place, (n,): cluster by cluster from its middle outwards, then outliers.

    Outliers come with the largest k-distance first.
    """
    key = -clusters.k_distance
    for number in range(clusters.count):
        members = clusters.label == number
        key[members] = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
    group = np.where(clusters.outliers, clusters.count, clusters.label)
    order = np.lexsort((np.arange(len(key)), key, group))
    place = np.empty(len(key), dtype=np.int64)
    place[order] = np.arange(len(key))
    return place


def box_text(crop: Crop) -> str:
    """Say where a crop is in its image, in pixels."""
    box = crop.box
    return f"{box.width:.0f} x {box.height:.0f} pixels at {box.left:.0f}, {box.top:.0f}"


def _drawn(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring a plane (n, 2) into the drawing, its shape kept, to a tenth of a unit."""
    low, high = plane.min(axis=0), plane.max(axis=0)
    scale = (SIDE - 2 * BORDER) / max(float((high - low).max()), 1e-12)
    return np.asarray(np.round(SIDE / 2 + (plane - (low + high) / 2) * scale, 1))


def _curve(clusters: Clusters) -> str:
    ascending = np.sort(clusters.k_distance)
    places = np.unique(np.linspace(0, len(ascending) - 1, POINTS).round().astype(np.intp))
    top = 1.05 * max(float(ascending[-1]), clusters.eps)
    frame = Frame(
        Axis("crops within this distance", 0.0, float(len(ascending))),
        Axis(f"distance to the {_ordinal(clusters.min_samples)} nearest", 0.0, top or 1.0),
    )
    within = float(np.count_nonzero(ascending <= clusters.eps))
    curve = Curve("k-distance", places + 1.0, ascending[places], BLUE)
    text = f"The k-distance of all crops in ascending order; {within:.0f} lie within eps"
    return curve_chart(text, frame, [curve], Marker(within, f"eps {clusters.eps:.4g}"))


def _curve_text(clusters: Clusters) -> str:
    same = clusters.eps == clusters.suggested
    source = "so eps is" if same else f"which suggests {clusters.suggested:.4g}; given was eps"
    nearest = f"{_ordinal(clusters.min_samples)} nearest"
    return (
        f"The distance in PCA space from each crop to the {nearest}, the crop itself being the "
        "first, in ascending order. The curve turns up where crops begin to stand alone, "
        f"{source} {clusters.eps:.4g}."
    )


def _others(found: Exploration) -> str:
    titles = ("eps #", "Clusters #", "Outliers #", "Largest cluster #")
    rows = []
    for other in other_eps(found.space.points, found.clusters):
        mark = " (used)" if other.eps == found.clusters.eps else ""
        counts = (str(other.clusters), str(other.outliers), str(other.largest))
        rows.append((f"{other.eps:.4g}{mark}", *counts))
    return table("What another eps would give", titles, rows)


def _settings(settings: Mapping[str, str]) -> str:
    pairs = (f"<dt>{escape(name)}</dt><dd>{shorten(text)}</dd>" for name, text in settings.items())
    return f'<dl class="settings">{"".join(pairs)}</dl>'


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{dict(enumerate(ENDINGS, 1)).get(number % 10, 'th')}"


def _script_safe(text: str) -> str:
    """Escape what would end the <script> element that holds the JSON."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
