"""The hybrid track: check its reference table, parse scores, evaluate and render them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wildlife_scoring import tables
from wildlife_scoring.hybrid import metrics as hybrid
from wildlife_scoring.hybrid import report
from wildlife_scoring.hybrid.result import Scored, group_counts
from wildlife_scoring.metrics import BoolArray
from wildlife_scoring.problems import Problems, name_some
from wildlife_scoring.report.page import percent
from wildlife_scoring.tables import Aligned, Truth
from wildlife_scoring.tables import parse_scores as parse
from wildlife_scoring.tracks import Outcome

__all__ = ["check_truth", "evaluate", "parse", "render"]


def check_truth(reference: Path, truth: Truth, problems: Problems) -> None:
    """Check that hybrid_stat is 0 or 1, and that each group of ssp_indicator has both classes."""
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


def evaluate(aligned: Aligned) -> Scored:
    """Score the aligned table."""
    stat, group = _stat(aligned.truth), np.array(aligned.truth["ssp_indicator"])
    return Scored(
        names=aligned.truth["filename"],
        hybrid=stat,
        group=group,
        scores=hybrid.round_scores(aligned.predicted),
        evaluation=hybrid.evaluate(stat, group, aligned.predicted),
    )


def render(scored: Scored, name_errors: bool) -> Outcome:
    """Write scores, log and page; name_errors: whether the page names the images that cost most."""
    return Outcome(scored.evaluation.scores, _summary(scored), report.render(scored, name_errors))


def _stat(truth: Truth) -> BoolArray:
    return np.array([text == "1" for text in truth["hybrid_stat"]], dtype=np.bool_)


def _summary(scored: Scored) -> str:
    """Write the result as lines for the log."""
    lines = [f"hybrid track, {len(scored.names)} images", "", "group     hybrids  non-hybrids"]
    for name, (hybrids, others) in group_counts(scored).items():
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
