"""detailed_results.html of the anomaly track."""

from __future__ import annotations

from wildlife_scoring.anomaly.result import Scored
from wildlife_scoring.report.page import page, table


def render(scored: Scored, name_errors: bool) -> str:
    """Write the whole page; its size does not grow with the number of images.

    name_errors: whether to name the images that cost most, which tells their true class.
    """
    rows = [
        (f"<code>{key}</code>", f"{value:.4f}") for key, value in scored.evaluation.scores.items()
    ]
    return page(
        f"Anomaly track: AUROC {scored.evaluation.scores['auroc']:.4f}",
        ["<h1>Anomaly track</h1>", table("The leaderboard's metrics", ("Metric", "Value #"), rows)],
    )
