"""detailed_results.html of the family track."""

from __future__ import annotations

from wildlife_scoring.family.result import Scored
from wildlife_scoring.report.page import page, table


def render(scored: Scored, name_errors: bool) -> str:
    """Write the whole page; its size does not grow with the number of images.

    name_errors: whether to name images, which tells their true families.
    """
    rows = [(f"<code>{key}</code>", f"{value:.4f}") for key, value in scored.scores.items()]
    return page(
        f"Family track: accuracy {scored.scores['accuracy']:.4f}",
        ["<h1>Family track</h1>", table("The leaderboard's metrics", ("Metric", "Value #"), rows)],
    )
