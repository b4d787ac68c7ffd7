"""Hold out specimens, not images: two images of one animal are no independent test."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from training.common.held_out import held_out_groups


def specimen_column(columns: Collection[str]) -> str:
    """Return the column that tells specimens apart; without one, each image stands alone."""
    return next((name for name in ("specimen", "CAMID") if name in columns), "filename")


def validation_specimens(specimens: Sequence[str], share: float, seed: int) -> set[str]:
    """Choose specimens for validation: about `share` of the images, never all specimens.

    `specimens` has an entry for each image. Of a single specimen nothing can be held out.
    """
    return held_out_groups(specimens, share, seed)
