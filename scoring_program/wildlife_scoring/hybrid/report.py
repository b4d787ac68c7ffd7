"""detailed_results.html of the hybrid track."""

from __future__ import annotations

import numpy as np

from wildlife_scoring.hybrid import metrics as hybrid
from wildlife_scoring.hybrid.charts import (
    precision_recall_chart,
    score_axis,
    score_histogram,
    threshold_chart,
)
from wildlife_scoring.hybrid.metrics import GROUPS, SPECIES_OF_GROUP
from wildlife_scoring.hybrid.result import Scored, group_counts
from wildlife_scoring.report.errors import Judged, errors_section
from wildlife_scoring.report.page import (
    bar,
    cards,
    figure,
    figures_section,
    number,
    page,
    percent,
    table,
)

SPECIES_TITLE = {"A": "Species A", "mimic": "Mimic"}
GROUP_MEANING = {
    "major": "The pair of parents that training shows.",
    "minor": "Pairs that training does not show.",
    "mimic": "The other species.",
}
MEANING = {
    "challenge_score": "Harmonic mean of the three recalls below: 0 as soon as one of them is 0.",
    "A_score_major_recall": "Share of the major hybrids above species A's threshold.",
    "A_score_minor_recall": "Share of the minor hybrids above species A's threshold.",
    "A_PRC_AUC": "Average precision in species A: how purely hybrids stand at the top, over all "
    "thresholds.",
    "A_PRC_AUC_major": "Average precision in the major group alone.",
    "A_PRC_AUC_minor": "Average precision in the minor group alone.",
    "mimic_recall": "Share of the mimic's hybrids above the mimic's own threshold.",
    "mimic_PRC_AUC": "Average precision in the mimic.",
}
RECALL_KEY = {
    "major": "A_score_major_recall",
    "minor": "A_score_minor_recall",
    "mimic": "mimic_recall",
}
# In these rows random scores would reach the share of hybrids as average precision.
CHANCE_GROUPS = {
    "A_PRC_AUC": ("major", "minor"),
    "A_PRC_AUC_major": ("major",),
    "A_PRC_AUC_minor": ("minor",),
    "mimic_PRC_AUC": ("mimic",),
}


def render(scored: Scored, name_errors: bool) -> str:
    """Write the whole page; its size does not grow with the number of images.

    name_errors: whether to name the images that cost most, which tells their true class.
    """
    return page(
        f"Hybrid track: challenge score {scored.evaluation.scores['challenge_score']:.4f}",
        [
            f'<h1>Hybrid track</h1>\n<p class="soft">{len(scored.names):,} images scored.</p>',
            _cards(scored),
            _how_it_works(),
            "<h2>Scores</h2>",
            _metrics_table(scored),
            _counts_table(scored),
            *_threshold_section(scored),
            *_histogram_section(scored),
            *_precision_section(scored),
            *(_errors_section(scored) if name_errors else []),
        ],
    )


def _cards(scored: Scored) -> str:
    scores = scored.evaluation.scores
    text = "harmonic mean of the three recalls"
    items = [("Challenge score", scores["challenge_score"], text)]
    for group, (hybrids, _) in group_counts(scored).items():
        recall = scores[RECALL_KEY[group]]
        found = f"{round(recall * hybrids):,} of {hybrids:,} hybrids found"
        items.append((f"{group.capitalize()} recall", recall, found))
    return cards(items, ["", *GROUPS])


def _how_it_works() -> str:
    return (
        "<p>A higher score means \u201cmore likely a hybrid\u201d. Species A (major and minor "
        "together) and the mimic each get a threshold: the smallest predicted score that leaves "
        "at least "
        f"{hybrid.TNR:.0%} of the non-hybrids at or below it. A hybrid counts as found when its "
        f"score is above the threshold. Scores are compared after rounding to {hybrid.DECIMALS} "
        "decimals.</p>"
    )


def _metrics_table(scored: Scored) -> str:
    counts = group_counts(scored)
    rows = []
    for key, value in scored.evaluation.scores.items():
        chance = "\u2013"
        if key in CHANCE_GROUPS:
            hybrids, others = (sum(counts[g][i] for g in CHANCE_GROUPS[key]) for i in (0, 1))
            chance = f"{hybrids / (hybrids + others):.4f}"
        elif key != "challenge_score":
            chance = f"about {1 - hybrid.TNR:.2f}"
        rows.append((f"<code>{key}</code>", f"{value:.4f}", bar(value), chance, MEANING[key]))
    titles = ("Metric", "Value #", "0 to 1", "Random scores #", "Meaning")
    return table("The leaderboard's metrics", titles, rows)


def _counts_table(scored: Scored) -> str:
    rows = []
    for name, (hybrids, others) in group_counts(scored).items():
        threshold = scored.evaluation.thresholds[SPECIES_OF_GROUP[name]].value
        above = (scored.group == name) & (scored.scores > threshold)
        found = int(np.count_nonzero(above & scored.hybrid))
        alarms = int(np.count_nonzero(above & ~scored.hybrid))
        rows.append(
            (
                name.capitalize(),
                f"{found:,} ({percent(found / hybrids)})",
                f"{hybrids:,}",
                f"{alarms:,} ({percent(alarms / others)})",
                f"{others:,}",
                number(threshold),
                GROUP_MEANING[name],
            )
        )
    titles = (
        "Group",
        "Found #",
        "Hybrids #",
        "False alarms #",
        "Non-hybrids #",
        "Threshold #",
        "Meaning",
    )
    return table("What the test set holds, and what was found", titles, rows)


def _threshold_section(scored: Scored) -> list[str]:
    axis = score_axis(scored.scores)
    figures = []
    for species, groups in (("A", ("major", "minor")), ("mimic", ("mimic",))):
        threshold = scored.evaluation.thresholds[species]
        chart = threshold_chart(scored, species, groups, axis)
        text = f"Threshold {number(threshold.value)}: {percent(threshold.tnr)} of the non-hybrids "
        text += "stay at or below it. The key gives each curve's value there."
        figures.append(figure(f"{SPECIES_TITLE[species]}.", text, chart))
    return figures_section(
        "Recall and true negative rate over the threshold",
        "Further right fewer non-hybrids are taken for hybrids (the dashed true negative rate "
        "rises), and fewer hybrids are found (recall falls). A good model has a wide range of "
        "thresholds where all curves are high.",
        figures,
        columns=2,
    )


def _histogram_section(scored: Scored) -> list[str]:
    axis = score_axis(scored.scores)
    figures = [
        figure(f"{name.capitalize()}.", f"{hybrids:,} hybrids, {others:,} non-hybrids.", chart)
        for name, (hybrids, others) in group_counts(scored).items()
        for chart in [score_histogram(scored, name, axis)]
    ]
    return figures_section(
        "Predicted scores by group",
        "Bars give shares of the hybrids and shares of the non-hybrids, so that both classes "
        "can be compared where one is much larger. No threshold can separate what overlaps.",
        figures,
        columns=3,
    )


def _precision_section(scored: Scored) -> list[str]:
    text = "The key gives each curve's average precision: the area under its steps."
    figures = [
        figure(f"{SPECIES_TITLE[species]}.", text, precision_recall_chart(scored, sets))
        for species, sets in (("A", ("A", "major", "minor")), ("mimic", ("mimic",)))
    ]
    return figures_section(
        "Precision and recall",
        "From left to right the threshold falls: more hybrids are found (recall), and of the "
        "images above the threshold a smaller share are hybrids (precision).",
        figures,
        columns=2,
    )


def _errors_section(scored: Scored) -> list[str]:
    threshold = np.array([scored.evaluation.thresholds[SPECIES_OF_GROUP[g]].value for g in GROUPS])
    group_number = np.argmax(scored.group[None, :] == np.array(GROUPS)[:, None], axis=0)
    return errors_section(
        Judged(scored.names, scored.group, scored.hybrid, scored.scores, threshold[group_number]),
        kind="Group",
        missed="Hybrids furthest below the threshold",
        alarms="Non-hybrids furthest above the threshold",
    )
