"""The anomaly track: check its reference table, parse scores, evaluate and render them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wildlife_scoring import tables
from wildlife_scoring.anomaly import metrics, report
from wildlife_scoring.anomaly.result import Scored
from wildlife_scoring.metrics import BoolArray
from wildlife_scoring.problems import Problems, name_some
from wildlife_scoring.tables import Aligned, Truth
from wildlife_scoring.tables import parse_scores as parse
from wildlife_scoring.tracks import Outcome

__all__ = ["check_truth", "evaluate", "parse", "render"]


def check_truth(reference: Path, truth: Truth, problems: Problems) -> None:
    """Check that anomaly is 0 or 1 and has both, and that each row names a species."""
    other = [row for row, text in enumerate(truth["anomaly"]) if text not in ("0", "1")]
    if other:
        shown = (f"{truth['filename'][row]}: {truth['anomaly'][row]}" for row in other)
        found = f"{tables.count(len(other), 'row')} with another anomaly: "
        found += name_some(shown, len(other))
        problems.add(reference, found, "anomaly has to be 0 (normal) or 1 (anomaly)")
    nameless = [row for row, text in enumerate(truth["species"]) if not text]
    if nameless:
        found = f"{tables.count(len(nameless), 'row')} without species: "
        found += name_some((truth["filename"][row] for row in nameless), len(nameless))
        problems.add(reference, found, "write what each image shows, such as empty for no animal")
    if other or not truth["filename"]:
        return
    undefined = metrics.undefined_because(_anomaly(truth))
    if undefined:
        advice = "no metric of this track exists for one class alone: complete the table"
        problems.add(reference, f"undefined metrics: {undefined}", advice)


def evaluate(aligned: Aligned) -> Scored:
    """Score the aligned table."""
    anomaly = _anomaly(aligned.truth)
    return Scored(
        names=aligned.truth["filename"],
        anomaly=anomaly,
        species=np.array(aligned.truth["species"], dtype=object),
        scores=aligned.predicted,
        evaluation=metrics.evaluate(anomaly, aligned.predicted),
    )


def render(scored: Scored, name_errors: bool) -> Outcome:
    """Write scores, log and page; name_errors: whether the page names the images that cost most."""
    return Outcome(scored.evaluation.scores, _summary(scored), report.render(scored, name_errors))


def _anomaly(truth: Truth) -> BoolArray:
    return np.array([text == "1" for text in truth["anomaly"]], dtype=np.bool_)


def _summary(scored: Scored) -> str:
    """Write the result as lines for the log."""
    anomalies = int(np.count_nonzero(scored.anomaly))
    evaluation = scored.evaluation
    lines = [
        f"anomaly track, {len(scored.names)} images: {anomalies} anomalies, "
        f"{len(scored.names) - anomalies} normal ones",
        "",
        f"threshold at 95 % TNR {evaluation.at_tnr:10.4f}   (an anomaly above it is found)",
        f"threshold at 95 % TPR {evaluation.at_tpr:10.4f}   (a normal image that reaches it is a "
        "false alarm)",
        "",
    ]
    lines += [f"{key:<17} {value:.6f}" for key, value in evaluation.scores.items()]
    return "\n".join(lines)
