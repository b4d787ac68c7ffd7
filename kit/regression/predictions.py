"""Read predictions.txt, and say how far two of them differ next to numerical noise.

Another processor, another number of threads or a batch of another size sums in another order. So
little counts as equal (`Change.within`):

- Scores: each moves by at most TOLERANCE, the fourth decimal as it is written, or by a share of the
  scores' range. On the type of machine that stored them the share is 1e-5, what threads and batches
  move in single precision. On another type it is 2e-3: twice the rule for batches (README, "What
  you write"), because boxes of a detector move too (1.2e-3 was seen between two processors). The
  range is that of the middle 90 %, so that an
  outlier does not make everything equal.
- Labels: on the same type of machine, none differs. On another type, a score next to a threshold
  may fall on its other side: one label, or two of a hundred.

The scores of the leaderboard may then jump by an image, and that is equal too: tolerance is judged
on predictions, never on scores.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, quantiles
from typing import Final, Literal

from kit.errors import KitError

Kind = Literal["score", "label"]
Rows = Mapping[str, str]
TOLERANCE: Final = 1.5e-4
SHARE_OF_RANGE: Final = {True: 1e-5, False: 2e-3}  # by whether the type of machine is the same
SHARE_OF_LABELS: Final = 0.02


@dataclass(frozen=True)
class Change:
    """How far the predictions `new` differ from `stored`, for the same images.

    changed: the images whose prediction differs,
    those first that moved most. largest, mean: of the absolute differences of scores; None for
    labels. allowed: how far a score may move, or how many labels may differ. within: whether
    that covers every difference.
    """

    kind: Kind
    images: int
    changed: tuple[str, ...]
    largest: float | None
    mean: float | None
    allowed: float
    within: bool

    @property
    def identical(self) -> bool:
        """Whether each prediction has the same text."""
        return not self.changed


def read_predictions(path: Path) -> dict[str, str]:
    """Return the prediction of each image by its name, as written.

    Raises:
        KitError: the file cannot be read as rows of filename,prediction, each name once.
    """
    try:
        return parse_predictions(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path}: expected a file of predictions, found none ({error})") from error


def parse_predictions(text: str, where: str) -> dict[str, str]:
    """Return the prediction of each image in the text of a file of predictions; see above."""
    rows: dict[str, str] = {}
    problems = []
    for number, row in enumerate(csv.reader(text.splitlines()), start=1):
        if len(row) != 2 and row:
            problems.append(f"line {number}: expected filename,prediction, found {','.join(row)}")
        elif row and row[0] in rows:
            problems.append(f"line {number}: {row[0]} has a prediction already")
        elif row:
            rows[row[0]] = row[1]
    if problems or not rows:
        raise KitError(f"{where}: expected one prediction for each image", problems or ["no row"])
    return rows


def kind_of(rows: Rows) -> Kind:
    """Return what predictions are, where no track tells: scores if all are finite numbers."""
    return "score" if all(_is_number(text) for text in rows.values()) else "label"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def change(stored: Rows, new: Rows, kind: Kind, same_machine: bool) -> Change:
    """Compare the predictions of the images in `new`; `stored` may hold more.

    Args:
        stored: the earlier predictions, from which the range of the scores is taken.
        new: the present ones.
        kind: what both are.
        same_machine: whether the same type of machine made both.

    Raises:
        KitError: images of `new` have no stored prediction, or a score is no number.
    """
    if missing := sorted(new.keys() - stored.keys()):
        raise KitError(
            f"the stored predictions lack {len(missing):,} of {len(new):,} images, such as "
            f"{missing[0]}: they are of another task or of other data",
            hint="store new ones if the data was meant to change: kit compare --update",
        )
    changed = [name for name, text in new.items() if text != stored[name]]
    if kind == "label":
        allowed = 0 if same_machine else max(1, int(SHARE_OF_LABELS * len(new)))
        within = len(changed) <= allowed
        return Change(kind, len(new), tuple(changed), None, None, allowed, within)
    share = SHARE_OF_RANGE[same_machine]
    return _change_of_scores(_numbers(stored), _numbers(new), changed, share)


def _change_of_scores(
    stored: Mapping[str, float], new: Mapping[str, float], changed: list[str], share: float
) -> Change:
    moved = {name: abs(value - stored[name]) for name, value in new.items()}
    allowed = max(TOLERANCE, share * central_range([*stored.values()]))
    changed.sort(key=lambda name: -moved[name])
    largest = max(moved.values())
    mean = fmean(moved.values())
    return Change("score", len(new), tuple(changed), largest, mean, allowed, largest <= allowed)


def _numbers(rows: Rows) -> dict[str, float]:
    if wrong := [f"{name},{text}" for name, text in rows.items() if not _is_number(text)]:
        raise KitError("expected a finite number as the score of each image", wrong)
    return {name: float(text) for name, text in rows.items()}


def central_range(values: list[float]) -> float:
    """Return the distance between the 5th and the 95th percentile."""
    if len(values) < 2:
        return 0.0
    twentieths = quantiles(values, n=20, method="inclusive")
    return twentieths[-1] - twentieths[0]
