"""The columns of the re-identification track's tables."""

from __future__ import annotations

QUERY_COLUMNS = ("filename", "dataset", "date", "orientation", "species")
REFERENCE_COLUMNS = ("filename", "identity", "dataset", "new_identity")
