"""What a gallery of images shows: each with its group, in which way it is wrong, and its picture.

The script builds the tiles from this, so that its filters need no second copy.
"""

from __future__ import annotations

from typing import Any

from kit.reporting.known_images import known_images
from kit.reporting.parts import number, plain
from kit.reporting.sources import Source
from kit.reporting.thumbnails import Thumbnails

LISTED = 3  # candidates next to a query
_MOST_QUERIES = 0.6  # of the room for pictures, where known images need the rest


def gallery(
    title: str, kinds: list[str], column: str, groups: list[str], items: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a gallery; the items name their kind and group by number."""
    return {
        "title": title,
        "kinds": kinds,
        "column": column,
        "groups": [plain(name) for name in groups],
        "items": items,
    }


def score_gallery(detail: dict[str, Any]) -> dict[str, Any]:
    """Return the gallery of missed positives and false alarms, the worst first.

    Its items name images by their place in the rows.
    """
    rows = detail["rows"]
    positive_words, negative_words = detail["words"]
    threshold = {group: cut["threshold"] for cut in detail["cuts"] for group in cut["groups"]}
    items = []
    for at in detail["show"]:
        margin = rows["score"][at] - threshold[rows["group"][at]]
        if (margin <= 0) != bool(rows["positive"][at]):
            break  # errors stand first
        items.append(
            {
                "row": at,
                "name": plain(rows["name"][at]),
                "kind": 0 if rows["positive"][at] else 1,
                "group": rows["group"][at],
                "lines": [
                    f"score {number(rows['score'][at])}",
                    _distance(margin),
                    plain(detail["groups"][rows["group"][at]]),
                ],
            }
        )
    kinds = [f"{positive_words} that were missed", f"{negative_words} that raised an alarm"]
    return gallery("Errors", kinds, detail["column"], detail["groups"], items)


def _distance(margin: float) -> str:
    if not margin:
        return "at the threshold"
    return f"{number(abs(margin))} {'above' if margin > 0 else 'below'}"


def label_gallery(
    detail: dict[str, Any], source: Source, thumbnails: Thumbnails
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the gallery of wrong labels, and the pictures of known labels by label."""
    errors = detail["errors"]
    room = thumbnails.left
    pictures = Thumbnails(int(_MOST_QUERIES * room)).of(source.images, errors["name"])
    thumbnails.left -= sum(map(len, pictures.values()))
    items, wanted = [], []
    for at, name in enumerate(errors["name"]):
        others = _others(errors, at)
        wanted += [label for label, *_ in others]
        item = {
            "name": plain(name),
            "picture": pictures.get(name),
            "kind": errors["kind"][at],
            "group": errors["group"][at],
            "lines": [plain(detail["groups"][errors["group"][at]])],
            "others": [[plain(label), role, score] for label, role, score in others],
        }
        items.append(item)
    found = known_images(source.public, set(wanted))
    shown = thumbnails.of(source.public, found.values())
    known = {plain(label): shown[name] for label, name in found.items() if name in shown}
    return gallery("Errors", detail["kinds"], detail["column"], detail["groups"], items), known


def _others(errors: dict[str, Any], at: int) -> list[tuple[str, str, str]]:
    """Return what stands next to a query: label, its role, its score as a candidate."""
    truth, predicted = errors["truth"][at], errors["predicted"][at]
    listed = errors["candidates"][at][:LISTED] if errors["candidates"] else []
    found = [(label, _role(label, truth, predicted), number(score)) for label, score in listed]
    labels = [label for label, *_ in found]
    if predicted not in labels:
        found.insert(0, (predicted, "answer", ""))
    if truth not in labels:
        found.append((truth, "truth", ""))
    return found


def _role(label: str, truth: str, predicted: str) -> str:
    if label == truth:
        return "truth"
    return "answer" if label == predicted else "candidate"
