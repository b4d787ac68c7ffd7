"""The hybrid track: reads its two tables, scores them, and tells the result."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring import tables
from wildlife_scoring.hybrid import metrics as hybrid
from wildlife_scoring.hybrid import report as hybrid_report
from wildlife_scoring.hybrid.charts import Scored
from wildlife_scoring.metrics import BoolArray
from wildlife_scoring.problems import Problems, name_some
from wildlife_scoring.report.page import Outcome, percent

COLUMNS = ("filename", "hybrid_stat", "ssp_indicator")


def run(reference: Path, predictions: Path | None, problems: Problems) -> Outcome:
    """Score the predictions against a reference table that has at least COLUMNS.

    Raises ScoringError that lists every problem of both tables, those in `problems` among them.
    """
    truth = tables.read_columns(reference, COLUMNS, problems)
    given = tables.read_predictions(predictions, problems) if predictions else None
    if truth is not None:
        # Not the file names: a space may belong to one, and the predictions have it too.
        for column in ("hybrid_stat", "ssp_indicator"):
            truth[column] = [text.strip() for text in truth[column]]
        tables.check_names(reference, truth["filename"], problems)
        _check_truth(reference, truth, problems)
    if given is not None:
        values = tables.parse_scores(given, problems)
    if truth is not None and given is not None and truth["filename"]:
        rows = tables.join(given, truth["filename"], problems)
    problems.stop_if_any()
    assert truth is not None  # otherwise a problem was added above
    assert given is not None
    # Every image has its one prediction now: bring these into the order of the reference.
    scores = np.empty(len(rows))
    scores[rows] = values
    return _outcome(truth, scores)


def _outcome(truth: dict[str, list[str]], scores: NDArray[np.float64]) -> Outcome:
    stat, group = _stat(truth), np.array(truth["ssp_indicator"])
    scored = Scored(
        names=truth["filename"],
        hybrid=stat,
        group=group,
        scores=hybrid.round_scores(scores),
        evaluation=hybrid.evaluate(stat, group, scores),
    )
    # On the platform participants see the report, and must not learn hidden labels from it.
    html = hybrid_report.render(scored, os.environ.get("SCORING_NAME_ERRORS") == "1")
    return Outcome(scored.evaluation.scores, _summary(scored), html)


def _stat(truth: dict[str, list[str]]) -> BoolArray:
    return np.array([text == "1" for text in truth["hybrid_stat"]], dtype=np.bool_)


def _check_truth(reference: Path, truth: dict[str, list[str]], problems: Problems) -> None:
    """hybrid_stat is 0 or 1, ssp_indicator a known group, and each group has both classes."""
    valid = True
    for column, allowed in (("hybrid_stat", ("0", "1")), ("ssp_indicator", hybrid.GROUPS)):
        known = frozenset(allowed)
        wrong = [row for row, text in enumerate(truth[column]) if text not in known]
        if wrong:
            valid = False
            shown = (f"{truth['filename'][row]}: {truth[column][row]}" for row in wrong)
            found = f"{tables.count(len(wrong), 'row')} with another {column}: "
            found += name_some(shown, len(wrong))
            problems.add(reference, found, f"{column} has to be {' or '.join(allowed)}")
    if not (valid and truth["filename"]):
        return
    for sentence in hybrid.undefined_groups(_stat(truth), np.array(truth["ssp_indicator"])):
        problems.add(
            reference,
            f"undefined metric: {sentence}",
            "without them its recall or average precision does not exist: complete the table",
        )


def _summary(scored: Scored) -> str:
    """The result as lines for the log."""
    lines = [f"hybrid track, {len(scored.names)} images", "", "group     hybrids  non-hybrids"]
    for name, (hybrids, others) in hybrid_report.group_counts(scored).items():
        lines.append(f"{name:<8} {hybrids:>8} {others:>12}")
    lines.append("")
    for species, threshold in scored.evaluation.thresholds.items():
        share = percent(threshold.tnr).replace("\N{NO-BREAK SPACE}", " ")
        lines.append(
            f"threshold {species:<6} {threshold.value:10.4f}   ({share} of its non-hybrids "
            "score at or below it)"
        )
    lines.append("")
    lines += [f"{key:<21} {value:.6f}" for key, value in scored.evaluation.scores.items()]
    return "\n".join(lines)
