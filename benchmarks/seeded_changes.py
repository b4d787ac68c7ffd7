"""Does `kit compare` catch what makes a submission worse, and pass what does not?

    python -m benchmarks.seeded_changes            # a table
    python -m benchmarks.seeded_changes --write    # also put it into benchmarks/README.md

Real submissions, one of each track, are changed on purpose, one change at a time, run on the
development task of the sample data and compared with the unchanged one, which runs first. What is
expected of each change was written down before the first run. Tests take a part of the list.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import machine
from benchmarks.stored_scores import ROOT
from kit.files import write_json
from kit.markdown import table, write_block
from kit.regression.cases import Comparison, compare, opened_cases, run_case
from kit.regression.store import Kept
from kit.regression.verdicts import WORSE
from kit.submissions import Submission
from kit.yaml_text import read_yaml

README = Path(__file__).with_name("README.md")
TASK = "development"
HYBRID, REID = "wing_pattern_sgd", "triplet_centroids"
ANOMALY, FAMILY = "simclr_ocsvm", "efficientnet_families"

# Code that is added to model.py, where it wraps methods of `Model`.
_FLIPPED = """
answer = Model.predict_batch
Model.predict_batch = lambda self, batch: [-score for score in answer(self, batch)]
"""
_SMALL = """
prepare = Model.preprocess
def preprocess(self, image{metadata}):
    return prepare(self, image.convert("RGB").resize((24, 18)){given})
Model.preprocess = preprocess
"""
_CHANNELS = """
prepare = Model.preprocess
def preprocess(self, image{metadata}):
    red, green, blue = image.convert("RGB").split()
    return prepare(self, Image.merge("RGB", (blue, green, red)){given})
Model.preprocess = preprocess
from PIL import Image
"""
_NOISE = """
import random
answer, noise = Model.predict_batch, random.Random(0)
Model.predict_batch = lambda self, batch: [
    score + noise.uniform(-1e-6, 1e-6) for score in answer(self, batch)
]
"""
_BATCH = "\nModel.batch_size = {size}\n"
_THREADS = "\nimport torch\ntorch.set_num_threads({threads})\n"
_LOADED = """
read = Model.load
def load(self):
    read(self)
    {line}
Model.load = load
from dataclasses import replace
"""


@dataclass(frozen=True)
class Change:
    """One change: what it is, whether it is meant to be caught, and how it is made.

    code: added to model.py. config: new values of config.json by path, as "network.std"; a list
    is entered by its numbers. file: another file that gets a line more.
    """

    submission: str
    what: str
    worse: bool
    code: str = ""
    config: tuple[tuple[str, Any], ...] = ()
    file: str = ""


def _with_row(code: str) -> str:
    """Return code whose `preprocess` is given the image's row of metadata.csv too."""
    return code.format(metadata=", metadata=None", given=", metadata=metadata")


def _alone(code: str) -> str:
    return code.format(metadata="", given="")


_NO_MEAN = (("network.mean", [0.0] * 3), ("network.std", [1.0] * 3))
CHANGES = (
    Change(HYBRID, "sign of the score flipped", True, _FLIPPED),
    Change(HYBRID, "sign of one weight flipped", True,
           config=(("score.weights.midpoint", -1.485638316),)),
    Change(HYBRID, "one of three weights left out", True,
           config=(("score.weights.mosaic", 0.0),)),
    Change(HYBRID, "images of 24 pixels", True, _alone(_SMALL)),
    Change(HYBRID, "blue for red", True, _alone(_CHANNELS)),
    Change(HYBRID, "noise in the sixth decimal", False, _NOISE),
    Change(HYBRID, "sums by a dot product", False, """
def dot(self, pattern):
    found = (self._geometry.evidence(pattern) - self._centre) / self._scale
    return float(found @ self._weights)
Model._score = dot
"""),
    Change(HYBRID, "scores rounded to six decimals", False, """
answer = Model.predict_batch
Model.predict_batch = lambda self, batch: [round(score, 6) for score in answer(self, batch)]
"""),
    Change(HYBRID, "all scores doubled", False, """
answer = Model.predict_batch
Model.predict_batch = lambda self, batch: [2 * score for score in answer(self, batch)]
"""),
    Change(HYBRID, "batches of 1", False, _BATCH.format(size=1)),
    Change(HYBRID, "batches of 32", False, _BATCH.format(size=32)),
    Change(HYBRID, "a line more in README.md", False, file="README.md"),
    Change(REID, "distances for similarities", True, """
scores = Model.scores_of_batch
Model.scores_of_batch = lambda self, batch, rows: [-row for row in scores(self, batch, rows)]
"""),
    Change(REID, "thresholds moved by 0.1", True,
           config=(("thresholds.cat", -0.737841), ("thresholds.salamander", -0.691775),
                   ("thresholds.turtle", -0.663125))),
    Change(REID, "one of three thresholds moved by 0.1", True,
           config=(("thresholds.turtle", -0.663125),)),
    Change(REID, "the list of individuals shifted by one", True,
           _LOADED.format(line="self.gallery = replace(self.gallery, "
                               "identity=np.roll(self.gallery.identity, 1))")),
    Change(REID, "images of 24 pixels", True, _with_row(_SMALL)),
    Change(REID, "blue for red", True, _with_row(_CHANNELS)),
    Change(REID, "mean and std left out", True, config=_NO_MEAN),
    Change(REID, "thresholds moved by 0.000001", False,
           config=(("thresholds.cat", -0.837842), ("thresholds.salamander", -0.791776),
                   ("thresholds.turtle", -0.763126))),
    Change(REID, "batches of 1", False, _BATCH.format(size=1)),
    Change(REID, "batches of 32", False, _BATCH.format(size=32)),
    Change(REID, "two threads", False, _THREADS.format(threads=2)),
    Change(ANOMALY, "sign of the score flipped", True, _FLIPPED),
    Change(ANOMALY, "threshold of the detector moved to 0.95", True,
           config=(("detector.threshold", 0.95),)),
    Change(ANOMALY, "images of 24 pixels", True, _alone(_SMALL)),
    Change(ANOMALY, "blue for red", True, _alone(_CHANNELS)),
    Change(ANOMALY, "noise in the sixth decimal", False, _NOISE),
    Change(ANOMALY, "batches of 1", False, _BATCH.format(size=1)),
    Change(ANOMALY, "two threads", False, _THREADS.format(threads=2)),
    Change(FAMILY, "sign of the logits flipped", True, """
logits = Model.logits_of_batch
Model.logits_of_batch = lambda self, batch: -logits(self, batch)
"""),
    Change(FAMILY, "the list of families shifted by one", True,
           _LOADED.format(line="names = self.taxonomy.families; self.taxonomy = replace("
                               "self.taxonomy, families=(*names[1:], names[0]))")),
    Change(FAMILY, "images of 24 pixels", True, _with_row(_SMALL)),
    Change(FAMILY, "blue for red", True, _with_row(_CHANNELS)),
    Change(FAMILY, "mean and std left out", True, config=_NO_MEAN),
    Change(FAMILY, "another temperature of the softmax", False, config=(("temperature", 0.9249),)),
    Change(FAMILY, "batches of 1", False, _BATCH.format(size=1)),
    Change(FAMILY, "two threads", False, _THREADS.format(threads=2)),
)  # fmt: skip


def changed_submission(change: Change, folder: Path) -> Submission:
    """Copy the submission into `folder` and change the copy."""
    target = folder / "submissions" / change.submission
    shutil.copytree(ROOT / "submissions" / change.submission, target)
    if change.code:
        with (target / "model.py").open("a", encoding="utf-8") as stream:
            stream.write(change.code)
    if change.config:
        content = read_yaml(target / "config.json")
        for path, value in change.config:
            _put(content, path, value)
        write_json(target / "config.json", content)
    if change.file:
        with (target / change.file).open("a", encoding="utf-8") as stream:
            stream.write("One line more.\n")
    return Submission(change.submission, target)


def _put(content: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        content = content[name]
    assert last in content, f"config.json has no {path}"
    content[last] = value


def compare_changed(change: Change, before: Kept) -> Comparison:
    """Run the changed submission, and compare it with what the unchanged one gave."""
    with (
        TemporaryDirectory(prefix="kit-seeded-") as folder,
        opened_cases(changed_submission(change, Path(folder)), None, TASK) as (case,),
    ):
        return compare(case, before, run_case(case))


def unchanged(name: str) -> Kept:
    """Run a submission as it is."""
    with opened_cases(Submission(name, ROOT / "submissions" / name), None, TASK) as (case,):
        return run_case(case)


def results() -> Iterator[tuple[Change, Comparison]]:
    """Yield each change with its comparison."""
    before: dict[str, Kept] = {}
    for change in CHANGES:
        if change.submission not in before:
            before[change.submission] = unchanged(change.submission)
        yield change, compare_changed(change, before[change.submission])


def row_of(change: Change, found: Comparison) -> list[str]:
    """Return the table's row of a change."""
    first = found.metrics[0]
    fall = "" if first.p_fall is None else f"{100 * first.p_fall:.1f} %"
    return [
        f"`{change.submission}`",
        change.what,
        "caught" if change.worse else "passed",
        found.verdict,
        f"{len(found.change.changed)} of {found.change.images}",
        f"{first.stored:.4f}",
        f"{first.new:.4f}",
        fall,
        "yes" if as_expected(change, found) else "**no**",
    ]


def as_expected(change: Change, found: Comparison) -> bool:
    """Whether a change is caught that should be, or passes that should."""
    return (found.verdict == WORSE) == change.worse


def report(found: list[tuple[Change, Comparison]]) -> str:
    """Return the table and the rates."""
    titles = [
        "submission",
        "change",
        "expected",
        "verdict",
        "predictions that changed",
        "score before",
    ]
    titles += ["after", "fall", "as expected"]
    rows = [row_of(*one) for one in found]
    lines = [*table(titles, rows, numbers=(4, 5, 6, 7)), "", _rates(found), ""]
    lines.append(f"{machine()}, written by `python -m benchmarks.seeded_changes --write`.")
    return "\n".join(lines)


def _rates(found: list[tuple[Change, Comparison]]) -> str:
    counts: Mapping[bool, list[bool]] = {
        worse: [as_expected(*one) for one in found if one[0].worse == worse]
        for worse in (True, False)
    }
    caught, passed = counts[True], counts[False]
    return (
        f"Caught {sum(caught)} of {len(caught)} changes that make a submission worse; passed "
        f"{sum(passed)} of {len(passed)} that do not."
    )


def main() -> None:
    """Run every change, print the table and write it if asked to."""
    parser = argparse.ArgumentParser(description="Seed changes into submissions and compare.")
    parser.add_argument("--write", action="store_true", help=f"write the table into {README.name}")
    options = parser.parse_args()
    found = []
    for one in results():
        found.append(one)
        print(" | ".join(row_of(*one)), flush=True)
        if options.write:  # after each row, because all of them take long
            write_block(README, "seeded changes", report(found))
    print(_rates(found))


if __name__ == "__main__":
    main()
