"""One image of each label in the public data: what a named individual or family looks like."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

from kit.reporting.sources import Images

# Tables of public data, the columns that may hold labels, and those with the image's path.
TABLES = ("metadata.csv", "train.csv")
LABELS = ("identity", "family")
PATHS = ("path", "filename")
FOLDERS = ("", "images/")


def known_images(public: Images, labels: Collection[str]) -> dict[str, str]:
    """Return for each label that the public data know the name of an image of it.

    The first table that has a column of labels and one of paths is taken.
    """
    for name in TABLES:
        content = public.read(name)
        rows = _rows(content) if content else []
        label = next((column for column in LABELS if rows and column in rows[0]), None)
        path = next((column for column in PATHS if rows and column in rows[0]), None)
        if label and path:
            return _first_of_each(public, rows, label, path, set(labels))
    return {}


def _rows(content: bytes) -> list[dict[str, str]]:
    try:
        text = content.decode("utf-8-sig")
        return [row for row in csv.DictReader(io.StringIO(text)) if None not in row]
    except (UnicodeDecodeError, csv.Error):
        return []


def _first_of_each(
    public: Images, rows: list[dict[str, str]], label: str, path: str, wanted: set[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        name = row[label]
        if name not in wanted or name in found or not row[path]:
            continue
        names = (folder + row[path] for folder in FOLDERS)
        place = next((one for one in names if public.read(one) is not None), None)
        if place is not None:
            found[name] = place
    return found
