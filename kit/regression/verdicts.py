"""From differences to one of five verdicts.

The rule, in this order:

1. `identical`: each prediction has the same text, and no score moved.
2. `worse`: the metric that ranks the leaderboard falls beyond noise, or another one does while that
   one does not rise beyond noise. Beyond noise: it falls in at least 97.5 % of the resamples. Of
   the other metrics there are several, so each needs more: 1 - 2.5 % / their number. Where nothing
   can be resampled (a metric that is not the kit's, or scores that moved without the predictions),
   any fall is beyond noise.
3. `equal within tolerance`: every prediction moved by no more than numerical noise, or no score
   moved at all.
4. `better` or `worse but within noise`: the first metric that moved rises or falls; the one that
   ranks comes first, then the others as the leaderboard has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from kit.bundles import Bundle
from kit.leaderboards import Column
from kit.regression.predictions import Change
from kit.regression.significance import Significance

IDENTICAL: Final = "identical"
EQUAL: Final = "equal within tolerance"
BETTER: Final = "better"
NOISE: Final = "worse but within noise"
WORSE: Final = "worse"
VERDICTS: Final = (IDENTICAL, EQUAL, BETTER, NOISE, WORSE)

BEYOND_NOISE: Final = 0.025  # the share of resamples without a fall that still counts as a fall
_SAME = 1e-9  # scores.json holds all digits; computed columns are rounded to ten


@dataclass(frozen=True)
class Metric:
    """One column of the leaderboard before and now.

    better: by how much it is better, below 0 if it is worse; for a column where less is better,
    that is stored - new. low, high: the 95 % interval of new - stored. p_fall, p_rise: the shares
    of the resamples in which it is worse and better. None: not known.
    """

    key: str
    title: str
    stored: float
    new: float
    better: float
    low: float | None = None
    high: float | None = None
    p_fall: float | None = None
    p_rise: float | None = None

    @property
    def moved(self) -> bool:
        """Whether the score is another one."""
        return abs(self.better) > _SAME

    def falls(self, without: float) -> bool:
        """Whether it falls in all but the share `without` of the resamples; else if it falls."""
        if self.p_fall is None:
            return self.better < -_SAME
        return self.better < -_SAME and self.p_fall >= 1 - without

    def rises(self, without: float) -> bool:
        """Whether it rises in all but the share `without` of the resamples; else if it rises."""
        if self.p_rise is None:
            return self.better > _SAME
        return self.better > _SAME and self.p_rise >= 1 - without

    def as_json(self) -> dict[str, Any]:
        """Return it as `kit compare --json` gives it."""
        return asdict(self)


def metrics_of(
    bundle: Bundle,
    stored: dict[str, float],
    new: dict[str, float],
    found: Significance | None,
) -> list[Metric]:
    """Return the leaderboard's metrics that both scores hold, the one that ranks first.

    found: what the bootstrap says; None where nothing was resampled.
    """
    ranking = sorted(bundle.columns, key=lambda one: (one.index != bundle.primary_index, one.index))
    return [
        _metric(column, stored[column.key], new[column.key], found)
        for column in ranking
        if column.key in stored and column.key in new
    ]


def _metric(column: Column, stored: float, new: float, found: Significance | None) -> Metric:
    sign = -1 if column.sorting == "asc" else 1
    plain = Metric(column.key, column.title, stored, new, sign * (new - stored))
    one = found.differences.get(column.key) if found else None
    if one is None:
        return plain
    shares = (one.below, one.above) if sign > 0 else (one.above, one.below)
    return Metric(column.key, column.title, stored, new, plain.better, one.low, one.high, *shares)


def beyond_noise(metrics: Sequence[Metric]) -> list[Metric]:
    """Return the metrics whose fall makes the verdict `worse`; the first is the one that ranks."""
    if not metrics:
        return []
    first, others = metrics[0], metrics[1:]
    fallen = [first] if first.falls(BEYOND_NOISE) else []
    if first.rises(BEYOND_NOISE):
        return []
    return fallen + [one for one in others if one.falls(BEYOND_NOISE / len(others))]


def verdict_of(change: Change, metrics: Sequence[Metric]) -> str:
    """Return the verdict by the rule above; metrics: the one that ranks first."""
    moved = [one for one in metrics if one.moved]
    if change.identical and not moved:
        return IDENTICAL
    if beyond_noise(metrics):
        return WORSE
    if change.within or not moved:
        return EQUAL
    return BETTER if moved[0].better > 0 else NOISE
