"""Checks that need a scored run: keys, ties made by rounding, scores with the wrong sign."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

from kit import runs
from kit.bundles import Bundle, Task
from kit.checks.running.probing import Laboratory
from kit.contract import PREDICTIONS_FILE
from kit.errors import KitError
from kit.files import writing
from kit.findings.finding import CheckResult, Finding, Skipped, shown
from kit.isolation.app_paths import app_paths
from kit.isolation.mode_options import ModeOptions, choose_mode
from kit.isolation.modes import Mode
from kit.run_folder import tail
from kit.scores import Cell, leaderboard, primary, read_scores
from kit.submissions import Submission
from kit.trees import temporary_folder
from kit.verdict import UNKNOWN
from kit.worker import Workspace, score
from kit.zips import Entry, write_zip

Rows = list[tuple[str, str]]
# More tied images than this are not predicted again for their exact scores.
_MOST_TIED = 200
# What a scoring program says of a predictions file is longer than the end of a traceback.
_SHOWN_LINES = 8
# How often predictions are shuffled to see what chance gives, and how many standard deviations of
# that a negated score must be better than it: a model that knows nothing rarely is.
_SHUFFLES = 20
_MARGIN = 1.5
_MOST_LINES = 6


@dataclass(frozen=True)
class Scorer:
    """The scoring program of a task, run on predictions that the checks make."""

    bundle: Bundle
    task: Task
    folder: Path
    mode: Mode

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
        workspace = Workspace(root, logs, float(self.task.time_limit_s), self.mode)
        step = score(self.task, workspace, results)
        if step.failure:
            raise KitError(step.failure)
        keys = [column.key for column in self.bundle.columns]
        return leaderboard(self.bundle, read_scores(step.output, keys))


def check_scores(room: Laboratory, bundle: Bundle, task: Task) -> Iterator[CheckResult]:
    """Run the submission of `room` as `kit run` does, and judge the scores."""
    with temporary_folder("kit-check-") as folder:
        named = app_paths(task, room.submission)
        mode = choose_mode(ModeOptions(), bundle.docker_image, named).mode
        try:
            result = runs.run(
                room.submission, bundle, task, folder / "run", mode=mode, laid_out=room.laid_out
            )
        except KitError as error:
            yield Finding("run-fails", "", str(error))
            return
        if result.failure:
            yield from _failure(result)
            return
        yield from _check_result(result, Scorer(bundle, task, folder, mode), room)


def check_result_scores(
    submission: Submission, bundle: Bundle, task: Task
) -> Iterator[CheckResult]:
    """Run a result submission as `kit run` does, and judge what the scoring program says of it."""
    with temporary_folder("kit-check-") as folder:
        try:
            result = runs.run(submission, bundle, task, folder / "run")
        except KitError as error:
            yield Finding("run-fails", "", str(error))
            return
        scoring = result.steps[1:]
        if result.failure and scoring and not scoring[0].failure:
            found = f"{result.failure}; the platform ignores that and scores the files as they are"
            yield Finding("result-ingestion", "", found)
        elif result.failure:
            log = tail(result.steps[-1].telling_log if result.steps else None)[-_SHOWN_LINES:]
            yield Finding("run-fails", "", "\n".join([result.failure, *log]))
        yield from _constant(_read(result.folder / PREDICTIONS_FILE))


def _check_result(result: runs.Run, scorer: Scorer, room: Laboratory) -> Iterator[CheckResult]:
    if unknown := sorted(result.stored.without_column):
        yield Finding("score-unknown", "", f"no column for {shown(unknown)}")
    yield from _computed(result)
    rows = _read(result.folder / PREDICTIONS_FILE)
    yield from _constant(rows)
    if rows and all(_is_number(value) for _, value in rows):
        yield from _negated(scorer, result.cells, rows)
        yield from _ties(scorer, room, result.cells, rows)


def _computed(result: runs.Run) -> Iterator[Finding]:
    for key, missing in result.stored.incomplete.items():
        yield Finding("computed-incomplete", "", f"{key} is computed without {shown(missing)}")
    if written := result.stored.written_computed:
        yield Finding("computed-written", "", f"the scoring program writes {shown(written)}")


def _failure(result: runs.Run) -> Iterator[CheckResult]:
    verdict = result.verdict
    if verdict and verdict.status == UNKNOWN:
        yield Skipped("scores", f"{result.failure}: {verdict.message}", verdict.todo)
    elif result.missing_keys:
        yield Finding("score-missing", "", result.failure)
        yield from _computed(result)
    else:
        yield Finding("run-fails", "", f"{result.failure}{_cause(result)}")


def _cause(result: runs.Run) -> str:
    """Return what the log of the step that failed says last: from its ERROR, or its last line."""
    failed = next((step for step in result.steps if step.failure), None)
    lines = tail(failed.telling_log) if failed else []
    begins = [number for number, line in enumerate(lines) if line.startswith("ERROR: ")]
    first, *items = (lines[begins[-1] :] if begins else lines[-1:]) or [""]
    listed = shown([item.strip().removeprefix("- ") for item in items], _MOST_LINES)
    return f": {first.strip()} {listed}".rstrip() if first else ""


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
    return _gain(one, other.value) > 1e-9


def _gain(cell: Cell, value: float) -> float:
    """How much better the cell is than a value, by its column's sorting."""
    gain = (cell.value or 0.0) - value
    return gain if cell.column.sorting == "desc" else -gain


def _negated(scorer: Scorer, cells: list[Cell], rows: Rows) -> Iterator[CheckResult]:
    """The negated scores are clearly better, and better than scores that know nothing."""
    own = primary(scorer.bundle, cells)
    try:
        turned = scorer.cells([(name, f"{-float(value):.4f}") for name, value in rows])
        other = primary(scorer.bundle, turned)
        if not (own and other and _better(other, own)):
            return
        chance = _by_chance(scorer, rows)
    except KitError as error:
        yield Skipped("the negated score", f"the scoring program refuses it: {error}", "kit score")
        return
    margin = _MARGIN * pstdev(chance)
    luckiest = min(_gain(other, value) for value in chance)
    beats_chance = _gain(other, fmean(chance)) > margin and luckiest >= 0
    if beats_chance and _gain(other, own.value or 0.0) > 2 * margin:
        yield Finding(
            "negated-better",
            "",
            f"{own.column.key} is {own.value:.4f}, {other.value:.4f} of the negated scores, and "
            f"{fmean(chance):.4f} on average of shuffled ones",
        )


def _by_chance(scorer: Scorer, rows: Rows) -> list[float]:
    """Return the primary scores of the same predictions, shuffled among the images."""
    names, values = [name for name, _ in rows], [value for _, value in rows]
    found = []
    for seed in range(_SHUFFLES):
        random.Random(seed).shuffle(values)
        cell = primary(scorer.bundle, scorer.cells(list(zip(names, values, strict=True))))
        found.append((cell.value if cell else None) or 0.0)
    return found


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
