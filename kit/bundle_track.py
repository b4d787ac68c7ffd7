"""The track of a bundle, as its leaderboard tells it, and whether a submission is of another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from kit.bundles import Bundle
from kit.contract import TRACKS
from kit.errors import KitError

# Track -> the keys of its leaderboard. `make tables` writes the file from the registry of the
# scoring program, which the kit does not import.
_KEYS_FILE = Path(__file__).with_name("tracks.json")


def track_of_bundle(bundle: Bundle) -> str | None:
    """Return the track whose keys are all columns of the leaderboard, None where there is none."""
    columns = {column.key for column in bundle.columns}
    found = {name: keys for name, keys in _keys_of_tracks().items() if columns.issuperset(keys)}
    return max(found, key=lambda name: len(found[name]), default=None)


@contextmanager
def asked_of_a_track(bundle: Bundle) -> Iterator[None]:
    """Say for an analysis that fails in the block that the bundle has a metric of its own, if so.

    Raises:
        KitError: the analysis failed; of a bundle of a track, with the message that it gave.
    """
    try:
        yield
    except KitError as error:
        if track_of_bundle(bundle) is not None:
            raise
        keys = ", ".join(column.key for column in bundle.columns)
        raise KitError(
            f"{bundle.path}: expected the leaderboard of a track of the kit, found a metric of its "
            f"own ({keys}), for which the kit has no report and no intervals",
            hint="`kit leaderboard` and `kit compare` show its scores, and detailed_results.html "
            "in the run's folder is its program's own page",
        ) from error


def track_difference(track: object, bundle: Bundle) -> str:
    """Say that a submission of `track` runs against a bundle of another; empty where it does not.

    The name of a track that the kit does not know is the organiser's own, and fits his bundle.
    """
    wanted = track_of_bundle(bundle)
    if wanted is None or track not in TRACKS or track == wanted:
        return ""
    return (
        f"the submission is of the track {track}, the bundle of {wanted}: the scores say nothing "
        "about it"
    )


@cache
def _keys_of_tracks() -> dict[str, list[str]]:
    content: dict[str, list[str]] = json.loads(_KEYS_FILE.read_text(encoding="utf-8"))
    return content
