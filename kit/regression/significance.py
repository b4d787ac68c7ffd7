"""Ask the scoring program's bootstrap whether a difference of scores is noise.

The kit imports no metric: `scoring_program/compare.py` is started as a program.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kit.bundles import Task
from kit.contract import PREDICTIONS_FILE
from kit.scoring_analysis import ask, lay_out_tables


@dataclass(frozen=True)
class Difference:
    """One metric of both predictions, as the scoring program computes it.

    low, high: the 95 % interval of new - stored. below, above: the shares of the resamples in
    which it falls and rises. None where it is undefined.
    """

    stored: float | None
    new: float | None
    low: float | None
    high: float | None
    below: float | None
    above: float | None


@dataclass(frozen=True)
class ImageChange:
    """An image whose prediction changed.

    credit_stored, credit_new: 0 to 1. For labels 1 if right; for scores the share of the images of
    the other class, in its group, that stand on the right side of it.
    """

    filename: str
    truth: str
    stored: str
    new: str
    credit_stored: float
    credit_new: float

    @property
    def lost(self) -> float:
        """How much less it earns now."""
        return self.credit_stored - self.credit_new


@dataclass(frozen=True)
class Significance:
    """Differences by key, and the changed images, those first that lost most.

    units: how many independent units the resamples draw; grouped_by: the column that names them,
    empty where each image is one.
    """

    differences: dict[str, Difference]
    images: tuple[ImageChange, ...]
    units: int
    grouped_by: str


def significance(task: Task, stored: str, new: str, resamples: int | None = None) -> Significance:
    """Compare two texts of predictions.txt for the reference table of a task of a known track.

    Raises:
        KitError: a table cannot be used; the program's message is passed on.
    """
    with TemporaryDirectory(prefix="kit-compare-") as folder:
        root = Path(folder, "input")
        for name, text in (("stored", stored), ("res", new)):
            place = root / name / PREDICTIONS_FILE
            place.parent.mkdir(parents=True)
            place.write_text(text, encoding="utf-8")
        lay_out_tables(task, root)
        content = ask("compare.py", root, *([resamples] if resamples else []))
    differences = {
        row.pop("key"): Difference(**{name: row[name] for name in Difference.__annotations__})
        for row in content["metrics"]
    }
    images = tuple(ImageChange(**row) for row in content["changed"])
    return Significance(differences, images, content["units"], content["grouped_by"])
