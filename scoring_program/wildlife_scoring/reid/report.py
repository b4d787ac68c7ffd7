"""detailed_results.html of the reid track."""

from __future__ import annotations

import heapq
from collections import Counter

import numpy as np

from wildlife_scoring.reid.candidates_report import candidates_section
from wildlife_scoring.reid.metrics import NEW, TOTALS
from wildlife_scoring.reid.result import Decisions, Scored, decisions
from wildlife_scoring.report.page import (
    bar,
    cards,
    notes_section,
    page,
    share,
    shorten,
    stack,
    table,
)

SHOWN = 20  # datasets that the page shows, so that its size stays bounded
CARDS = 5
WORST = 10  # individuals of each kind that are named

MEANING = {
    "geometric_mean": "Mean over the datasets of the root of BAKS \u00d7 BAUS: orders the "
    "leaderboard.",
    "BAKS": "Mean over the datasets of: the share of a known individual's images that are named "
    "right, mean over the known individuals.",
    "BAUS": f"Mean over the datasets of: the share of a new individual's images that are called "
    f"{NEW}, mean over the new individuals.",
}


def render(scored: Scored, name_errors: bool) -> str:
    """Write the whole page; its size does not grow with the number of images.

    name_errors: whether to name the individuals that cost most, which tells true identities.
    """
    datasets = scored.datasets()
    shown = datasets[:SHOWN]
    counts = {dataset: decisions(scored, dataset) for dataset in shown}
    number_of = "1 dataset" if len(datasets) == 1 else f"{len(datasets):,} datasets"
    more = f" The first {SHOWN} are shown." if len(datasets) > SHOWN else ""
    return page(
        f"Re-identification track: score {scored.scores['geometric_mean']:.4f}",
        [
            '<h1>Re-identification track</h1>\n<p class="soft">'
            f"{len(scored.names):,} images of {number_of} scored.{more}</p>",
            _cards(scored, counts),
            _how_it_works(),
            "<h2>Scores</h2>",
            _metrics_table(scored),
            _dataset_table(scored, counts),
            *_decision_section(counts),
            *notes_section(scored.notes),
            *candidates_section(scored, shown),
            *(_errors_section(scored) if name_errors else []),
        ],
    )


def _cards(scored: Scored, counts: dict[str, Decisions]) -> str:
    scores = scored.scores
    items = [("Score", scores["geometric_mean"], "mean of the datasets' scores")]
    for dataset in list(counts)[:CARDS]:
        sides = f"BAKS {scores[f'{dataset}_BAKS']:.3f}, BAUS {scores[f'{dataset}_BAUS']:.3f}"
        items.append((shorten(dataset), scores[f"{dataset}_geometric_mean"], sides))
    return cards(items)


def _how_it_works() -> str:
    return (
        "<p>Each image is answered with the name of a known individual, or with "
        f"<code>{NEW}</code>. An individual with one image counts as much as one with forty. A "
        "dataset scores the root of BAKS \u00d7 BAUS, so that calling everything new, or nothing, "
        "scores 0; a side without individuals counts 0.</p>"
    )


def _metrics_table(scored: Scored) -> str:
    rows = [
        (f"<code>{key}</code>", f"{value:.4f}", bar(value), MEANING[key])
        for key in TOTALS
        for value in [scored.scores[key]]
    ]
    return table("The leaderboard's metrics", ("Metric", "Value #", "0 to 1", "Meaning"), rows)


def _dataset_table(scored: Scored, counts: dict[str, Decisions]) -> str:
    rows = []
    for dataset, found in counts.items():
        root, baks, baus = (scored.scores[f"{dataset}_{key}"] for key in TOTALS)
        rows.append(
            (
                shorten(dataset),
                f"{root:.4f}",
                bar(root),
                f"{baks:.4f}" if found.known_individuals else "0 (none)",
                f"{found.known_individuals:,} ({found.known:,})",
                f"{baus:.4f}" if found.new_individuals else "0 (none)",
                f"{found.new_individuals:,} ({found.new:,})",
            )
        )
    titles = (
        "Dataset",
        "Score #",
        "0 to 1",
        "BAKS #",
        "Known individuals (images) #",
        "BAUS #",
        "New individuals (images) #",
    )
    return table("By dataset", titles, rows)


def _decision_section(counts: dict[str, Decisions]) -> list[str]:
    rows = []
    for dataset, found in counts.items():
        known = (found.known_right, found.known_wrong, found.known_as_new)
        new = (found.new_as_new, found.new_as_known)
        rows.append(
            (
                shorten(dataset),
                *(share(part, found.known) for part in known),
                stack(known, ("right", "wrong", "away")),
                *(share(part, found.new) for part in new),
                stack(new, ("right", "wrong")),
            )
        )
    titles = (
        "Dataset",
        "Known: named right #",
        "another name #",
        "called new #",
        "Known",
        "New: called new #",
        "given a name #",
        "New",
    )
    return [
        "<h2>The decisions</h2>",
        "<p>Images, not individuals. A high share of known images called new says that the "
        "threshold is too strict (or the scores too low for these images); a high share of new "
        "images given a name says that it is too lax; another name is an error of the ranking, "
        "which no threshold fixes. In the bars green is right, orange a wrong name, and grey "
        "called new by mistake.</p>",
        table("Truth and answer", titles, rows),
    ]


def _errors_section(scored: Scored) -> list[str]:
    return [
        "<h2>The individuals that cost most</h2>",
        _worst_table("Known individuals with the fewest right answers", scored, new=False),
        _worst_table("New individuals with the fewest right answers", scored, new=True),
    ]


def _worst_table(caption: str, scored: Scored, new: bool) -> str:
    answers: dict[tuple[str, str], Counter[str]] = {}
    for row in np.flatnonzero(scored.unknown == new).tolist():
        individual = (scored.dataset[row], scored.identity[row])
        answers.setdefault(individual, Counter())[scored.predicted[row]] += 1
    worst = []
    for (dataset, identity), given in answers.items():
        right = given.pop(NEW if new else identity, 0)
        if given:
            images = right + sum(given.values())
            worst.append((right / images, -images, dataset, identity, right, given))
    if not worst:
        return f"<p><strong>{caption}.</strong> None has a wrong one.</p>"
    shown = heapq.nsmallest(WORST, worst, key=lambda item: item[:4])
    cells = [
        (
            f'<span class="file">{shorten(identity)}</span>',
            f"{right:,}",
            f"{-images:,}",
            shorten(dataset),
            f'<span class="file">{shorten(given.most_common(1)[0][0])}</span>',
        )
        for _, images, dataset, identity, right, given in shown
    ]
    titles = ("Individual", "Right #", "Images #", "Dataset", "Most common wrong answer")
    return table(f"{caption} ({len(shown)} of {len(worst):,})", titles, cells)
