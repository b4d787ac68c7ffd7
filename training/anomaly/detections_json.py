"""The document of MegaDetector's JSON format: the entries of each file, nothing judged yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.common.errors import DataError


def read_entries(path: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Return the detections of each file, as they stand there, and the names of the categories.

    A file that the tool could not read (`failure`) has none; a document without
    `detection_categories` names none. Raises DataError where the document is missing or of
    another form.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        categories = document.get("detection_categories", {})
        names = {str(key): str(name) for key, name in categories.items()}
        entries = {
            str(one["file"]): list(one.get("detections") or ()) for one in document["images"]
        }
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}; expected MegaDetector's JSON"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{path}: expected MegaDetector's JSON (images, detection_categories): {error!r}"
        ) from error
    return entries, names
