"""Checks that need a scored run: keys, ties made by rounding, scores with the wrong sign."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kit import runs
from kit.bundles import Bundle, Task
from kit.checks.running.probing import Laboratory
from kit.contract import PREDICTIONS_FILE
from kit.errors import KitError
from kit.files import writing
from kit.findings.finding import CheckResult, Finding, Skipped, shown
from kit.isolation.modes import SUBPROCESS
from kit.scores import Cell, leaderboard, primary, read_scores
from kit.worker import Workspace, score
from kit.zips import Entry, write_zip

Rows = list[tuple[str, str]]
# More tied images than this are not predicted again for their exact scores.
_MOST_TIED = 200


@dataclass(frozen=True)
class Scorer:
    """The scoring program of a task, run on predictions that the checks make."""

    bundle: Bundle
    task: Task
    folder: Path

    def cells(self, rows: Rows) -> list[Cell]:
        """Return the leaderboard of these predictions.

        Raises:
            KitError: the scoring program refuses them.
        """
        root = self.folder / f"scoring-{len(list(self.folder.glob('scoring-*')))}"
        logs = root / "logs"
        logs.mkdir(parents=True)
        predictions = root / PREDICTIONS_FILE
        with (
            writing(predictions, "predictions for a check"),
            predictions.open("w", encoding="utf-8", newline="") as stream,
        ):
            csv.writer(stream, lineterminator="\n").writerows(rows)
        results = root / "results.zip"
        write_zip([Entry(PREDICTIONS_FILE, predictions)], results)
        workspace = Workspace(root, logs, float(self.task.time_limit_s), SUBPROCESS)
        step = score(self.task, workspace, results)
        if step.failure:
            raise KitError(step.failure)
        return leaderboard(self.bundle, read_scores(step.output))


def check_scores(room: Laboratory, bundle: Bundle, task: Task) -> Iterator[CheckResult]:
    """Run the submission of `room` as `kit run` does, and judge the scores."""
    with TemporaryDirectory(prefix="kit-check-") as name:
        folder = Path(name).resolve()
        try:
            result = runs.run(room.submission, bundle, task, folder / "run", laid_out=room.laid_out)
        except KitError as error:
            yield Finding("run-fails", "", str(error))
            return
        if result.failure:
            yield _failure(result)
            return
        yield from _check_result(result, Scorer(bundle, task, folder), room)


def _check_result(result: runs.Run, scorer: Scorer, room: Laboratory) -> Iterator[CheckResult]:
    columns = {column.key for column in scorer.bundle.columns}
    if unknown := sorted(set(result.scores) - columns):
        yield Finding("score-unknown", "", f"no column for {shown(unknown)}")
    rows = _read(result.folder / PREDICTIONS_FILE)
    yield from _constant(rows)
    if rows and all(_is_number(value) for _, value in rows):
        yield from _negated(scorer, result.cells, rows)
        yield from _ties(scorer, room, result.cells, rows)


def _failure(result: runs.Run) -> Finding:
    if result.missing_keys:
        return Finding("score-missing", "", result.failure)
    log = result.steps[-1].log if result.steps else None
    last = runs.tail(log)[-1:]
    return Finding("run-fails", "", "; ".join([result.failure, *last]))


def _read(path: Path) -> Rows:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [(row[0], row[1]) for row in csv.reader(stream) if len(row) == 2]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _constant(rows: Rows) -> Iterator[Finding]:
    if len(rows) > 2 and len({value for _, value in rows}) == 1:
        found = f"all {len(rows)} predictions are {rows[0][1]}"
        yield Finding("predictions-constant", "", found)


def _better(one: Cell, other: Cell) -> bool:
    """Whether `one` ranks before `other` in its column."""
    if one.value is None or other.value is None:
        return False
    gain = one.value - other.value
    return (gain if one.column.sorting == "desc" else -gain) > 1e-9


def _negated(scorer: Scorer, cells: list[Cell], rows: Rows) -> Iterator[CheckResult]:
    own = primary(scorer.bundle, cells)
    try:
        turned = scorer.cells([(name, f"{-float(value):.4f}") for name, value in rows])
    except KitError as error:
        yield Skipped("the negated score", f"the scoring program refuses it: {error}", "kit score")
        return
    other = primary(scorer.bundle, turned)
    if own and other and _better(other, own):
        found = f"{own.column.key} is {own.value:.4f}, and {other.value:.4f} of the negated scores"
        yield Finding("negated-better", "", found)


def _ties(scorer: Scorer, room: Laboratory, cells: list[Cell], rows: Rows) -> Iterator[CheckResult]:
    """Find scores that differ but are equal after rounding, and what that costs."""
    groups = defaultdict(list)
    for name, value in rows:
        groups[float(value)].append(name)
    tied = [name for names in groups.values() if len(names) > 1 for name in names]
    if not tied or len(groups) == 1:
        return
    if len(tied) > _MOST_TIED:
        why = f"{len(tied)} of {len(rows)} predictions share their value with others"
        yield Skipped("ties that rounding makes", f"{why}; too many to predict again", "kit score")
        return
    exact = _exact(scorer, room, tied)
    made = [
        names
        for value, names in groups.items()
        if len(names) > 1 and len({exact.get(name, value) for name in names}) > 1
    ]
    if made:
        yield from _cost(scorer, cells, rows, exact, sum(map(len, made)))


def _exact(scorer: Scorer, room: Laboratory, names: list[str]) -> dict[str, float]:
    """Return the scores of these images before rounding; those that cannot be had are left out."""
    data = scorer.task.input_data
    if data is None or not data.is_dir():
        return {}
    paths = [data / name for name in names if (data / name).is_file()]
    answers = room.probe(paths).answers("first")
    return {name: answer["score"] for name, answer in answers if "score" in answer}


def _cost(
    scorer: Scorer, cells: list[Cell], rows: Rows, exact: dict[str, float], count: int
) -> Iterator[CheckResult]:
    keys = {name: (float(value), exact.get(name, float(value))) for name, value in rows}
    try:
        rounded = scorer.cells(_ranked({name: (key[0],) for name, key in keys.items()}))
        unrounded = scorer.cells(_ranked(keys))
    except KitError as error:
        yield Skipped("ties that rounding makes", str(error), "kit score")
        return
    if [cell.value for cell in rounded] != [cell.value for cell in cells]:
        why = "the scores depend on more than the order of the predictions"
        yield Skipped("ties that rounding makes", why, "kit score")
        return
    lost = [
        f"{cell.column.key} {cell.value:.4f} instead of {whole.value:.4f}"
        for cell, whole in zip(cells, unrounded, strict=True)
        if _better(whole, cell)
    ]
    found = f"{count} predictions are equal only after rounding to 4 decimals"
    if lost:
        yield Finding("rounding-ties", "", f"{found}: {shown(lost, 8)}")
    else:
        yield Finding("rounding-ties-harmless", "", f"{found}; no score is lower for it")


def _ranked(keys: Mapping[str, tuple[float, ...]]) -> Rows:
    """Return predictions in the same order, so far apart that rounding makes no ties."""
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys.values())))}
    return [(name, f"{ranks[key]}.0000") for name, key in keys.items()]
