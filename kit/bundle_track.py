"""The track of a bundle, as its leaderboard tells it, and whether a submission is of another."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from kit.bundles import Bundle
from kit.contract import TRACKS

# Track -> the keys of its leaderboard. `make tables` writes the file from the registry of the
# scoring program, which the kit does not import.
_KEYS_FILE = Path(__file__).with_name("tracks.json")


def track_of_bundle(bundle: Bundle) -> str | None:
    """Return the track whose keys are all columns of the leaderboard, None where there is none."""
    columns = {column.key for column in bundle.columns}
    found = {name: keys for name, keys in _keys_of_tracks().items() if columns.issuperset(keys)}
    return max(found, key=lambda name: len(found[name]), default=None)


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
