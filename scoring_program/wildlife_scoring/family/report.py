"""detailed_results.html of the family track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from wildlife_scoring.family.candidates_report import candidates_section
from wildlife_scoring.family.confusion import (
    Answers,
    Pair,
    answers_by_phylum,
    family_pairs,
    phylum_pairs,
)
from wildlife_scoring.family.family_table import SHOWN, family_table
from wildlife_scoring.family.matrix import MANY, matrix_chart
from wildlife_scoring.family.result import Scored
from wildlife_scoring.report.page import (
    bar,
    cards,
    notes_section,
    page,
    percent,
    share,
    shorten,
    stack,
    table,
)

WORST = 25  # pairs of families that are named
MOST_DRAWN = 400  # families in the matrix; with more of them, only the phyla are drawn
MOST_PHYLA = 60
IMAGES = 10  # images that are named

ZOOM = '<input type="checkbox" id="zoom"><label for="zoom">full size, with names</label>'

MEANING = {
    "accuracy": "Share of the images that are named right.",
    "balanced_accuracy": "Mean of the families' recalls: a rare family counts as much as a common "
    "one.",
    "f1_micro": "F1 of all images together: the accuracy, unless names from outside the reference "
    "were given.",
    "f1_macro": "Mean of the families' F1.",
    "f1_weighted": "Mean of the families' F1, weighted by their images.",
}


def render(scored: Scored, name_errors: bool) -> str:
    """Write the whole page; its size does not grow with the number of images.

    name_errors: whether to name images, which tells their true families.
    """
    pairs = family_pairs(scored)
    phyla = answers_by_phylum(scored, pairs)
    return page(
        f"Family track: accuracy {scored.scores['accuracy']:.4f}",
        [
            f'<h1>Family track</h1>\n<p class="soft">{len(scored.names):,} images of '
            f"{len(scored.found.families):,} families in {len(phyla):,} phyla scored.</p>",
            _cards(scored),
            "<h2>Scores</h2>",
            _metrics_table(scored),
            *notes_section(scored.notes),
            *_phylum_section(scored, phyla, pairs),
            *_matrix_section(scored, pairs),
            _worst_pairs(scored, pairs),
            *_family_section(scored, pairs),
            *candidates_section(scored),
            *(_errors_section(scored) if name_errors else []),
        ],
    )


def _cards(scored: Scored) -> str:
    titles = ("Accuracy", "Balanced accuracy", "F1, micro", "F1, macro", "F1, weighted")
    texts = (
        "of the images",
        "mean of the families",
        "all images",
        "mean of the families",
        "by their images",
    )
    values = scored.scores.values()
    return cards(list(zip(titles, values, texts, strict=True)))


def _metrics_table(scored: Scored) -> str:
    rows = [
        (f"<code>{key}</code>", f"{value:.4f}", bar(value), MEANING[key])
        for key, value in scored.scores.items()
    ]
    return table("The leaderboard's metrics", ("Metric", "Value #", "0 to 1", "Meaning"), rows)


def _phylum_section(
    scored: Scored, phyla: Mapping[str, Answers], pairs: Sequence[Pair]
) -> list[str]:
    total = Answers(*(sum(getattr(a, kind) for a in phyla.values()) for kind in _KINDS))
    shown = dict(list(phyla.items())[:MOST_PHYLA])
    rows = [_phylum_row(shorten(name), answers) for name, answers in shown.items()]
    rows.append(_phylum_row("all", total))
    titles = (
        "Phylum",
        "Images #",
        "Right #",
        "Same phylum #",
        "Another phylum #",
        "Not in the reference #",
        "",
    )
    more = f" ({len(shown)} of {len(phyla):,})" if len(shown) < len(phyla) else ""
    wrong = total.images - total.right
    split = f"{percent(total.across / wrong)} of the errors" if wrong else "None of the errors"
    return [
        "<h2>Errors within and across phyla</h2>",
        f"<p>{split} cross phyla. A submission that reads the phylum in metadata.csv can rule "
        "these out; errors within a phylum stay. In the bars green is right, orange another family "
        "of the phylum, grey the rest.</p>",
        table(f"Answers by phylum{more}", titles, rows),
    ]


_KINDS = ("right", "within", "across", "elsewhere")


def _phylum_row(name: str, found: Answers) -> tuple[str, ...]:
    counts = (found.right, found.within, found.across, found.elsewhere)
    pieces = (found.right, found.within, found.across + found.elsewhere)
    return (
        name,
        f"{found.images:,}",
        *(share(part, found.images) for part in counts),
        stack(pieces, ("right", "wrong", "away")),
    )


def _matrix_section(scored: Scored, pairs: Sequence[Pair]) -> list[str]:
    images = dict(zip(scored.found.families, scored.found.images.tolist(), strict=True))
    group_of: Mapping[str, str] = scored.phylum_of
    what, drawn = "families", list(pairs)
    if len(images) > MOST_DRAWN:
        what, drawn = "phyla", phylum_pairs(scored, pairs)
        images = {
            name: sum(p.images for p in drawn if p.true == name) for name in group_of.values()
        }
        group_of = {name: name for name in images}
    chart = matrix_chart(f"Confusion matrix of the {what}", group_of, drawn, images)
    return [
        "<h2>Which is taken for which</h2>",
        f"<p>Confusion matrix of the {what}: true ones downwards, predicted ones to the right, "
        "squares around the phyla. Blue is right, orange wrong within the phylum, red wrong across "
        "phyla or not in the reference (the last column); the darker, the larger the share of the "
        "true family's images. Rest the pointer on a cell to read it.</p>",
        f'<div class="zoomed">{ZOOM if len(group_of) > MANY else ""}'
        f'<div class="wide" tabindex="0">{chart}</div></div>',
    ]


def _worst_pairs(scored: Scored, pairs: Sequence[Pair]) -> str:
    wrong = [pair for pair in pairs if pair.true != pair.predicted]
    if not wrong:
        return "<p><strong>The most frequent errors.</strong> None.</p>"
    images = dict(zip(scored.found.families, scored.found.images.tolist(), strict=True))
    rows = [
        (
            shorten(pair.true),
            share(pair.images, images[pair.true]),
            shorten(pair.predicted),
            _relation(scored.phylum_of, pair),
        )
        for pair in wrong[:WORST]
    ]
    titles = ("Family", "Images #", "Taken for", "Phyla")
    shown = f"({len(rows)} of {len(wrong):,} pairs)"
    return table(f"The most frequent errors {shown}", titles, rows)


def _relation(phylum_of: Mapping[str, str], pair: Pair) -> str:
    home, other = phylum_of[pair.true], phylum_of.get(pair.predicted)
    if other is None:
        return f"{shorten(home)}; not in the reference"
    return shorten(home) if home == other else f"{shorten(home)} \u2192 {shorten(other)}"


def _family_section(scored: Scored, pairs: Sequence[Pair]) -> list[str]:
    count = len(scored.found.families)
    more = f" Of {count:,}, the {SHOWN} with the lowest F1." if count > SHOWN else ""
    return [
        "<h2>By family</h2>",
        "<p>Recall: share of the family's images that are named right. Precision: share of the "
        f"images given its name that belong to it, a dash where none are.{more}</p>",
        family_table(scored, pairs),
    ]


def _errors_section(scored: Scored) -> list[str]:
    wrong = np.flatnonzero(scored.family != scored.predicted)
    heading = "<h2>Images that are named wrong</h2>"
    if not len(wrong):
        return [heading, "<p>None.</p>"]
    confidence = np.zeros(len(scored.names))
    if scored.candidates is not None:
        confidence = scored.candidates.score
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:IMAGES]
    sure = scored.candidates is not None
    rows = [
        (
            f'<span class="file">{shorten(scored.names[row])}</span>',
            f"{confidence[row]:.4f}" if sure and np.isfinite(confidence[row]) else "\u2013",
            shorten(scored.family[row]),
            shorten(scored.predicted[row]),
        )
        for row in shown.tolist()
    ]
    order = "the surest" if sure else "the first"
    titles = ("Image", "Score #", "Family", "Named")
    return [
        heading,
        "<p>Score: the first candidate's, a dash where the submission lists none.</p>",
        table(f"Wrong names, {order} {len(rows)} of {len(wrong):,}", titles, rows),
    ]
