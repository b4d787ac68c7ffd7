"""The family track: check its reference table, parse labels, evaluate and render them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring import tables
from wildlife_scoring.candidates import FILE_NAME, Candidates, read_or_note
from wildlife_scoring.family import metrics, report
from wildlife_scoring.family.result import Scored
from wildlife_scoring.problems import Problems, name_some, quote
from wildlife_scoring.tables import Aligned, Truth
from wildlife_scoring.tracks import Outcome


def check_truth(reference: Path, truth: Truth, problems: Problems) -> None:
    """Check that each row has a family and a phylum, and that no family is in two phyla."""
    for column in ("family", "phylum"):
        empty = [row for row, text in enumerate(truth[column]) if not text]
        if empty:
            found = f"{tables.count(len(empty), 'row')} without {column}: "
            found += name_some((truth["filename"][row] for row in empty), len(empty))
            problems.add(reference, found, f"write the {column} of each image's animal")
    phyla: dict[str, set[str]] = {}
    for family, phylum in zip(truth["family"], truth["phylum"], strict=True):
        if family and phylum:
            phyla.setdefault(family, set()).add(phylum)
    several = sorted(family for family, found in phyla.items() if len(found) > 1)
    if several:
        found = f"{len(several)} of {len(phyla)} families in more than one phylum: "
        found += name_some(
            (f"{name} ({', '.join(sorted(phyla[name]))})" for name in several), len(several)
        )
        problems.add(reference, found, "a family belongs to one phylum: correct the rows")


def parse(given: tables.Predictions, problems: Problems) -> NDArray[np.object_]:
    """Return the labels as written, shape (rows,). Empty ones become a problem."""
    return tables.parse_labels(given, problems, "write the name of a family for each image")


def evaluate(aligned: Aligned) -> Scored:
    """Score the aligned table.

    A candidates.csv next to the predictions fills more of the report, and never changes a score.
    """
    truth, predicted = aligned.truth, aligned.predicted
    path = aligned.path.with_name(FILE_NAME)
    candidates, why = read_or_note(path, truth["filename"], truth["family"], ())
    found = metrics.per_family(truth["family"], predicted)
    return Scored(
        names=truth["filename"],
        family=np.array(truth["family"], dtype=object),
        predicted=predicted,
        phylum_of=dict(zip(truth["family"], truth["phylum"], strict=True)),
        found=found,
        scores=metrics.scores_of(found),
        notes=[*_notes(found.families, predicted.tolist()), *why, *_gaps(candidates)],
        candidates=candidates,
    )


def render(scored: Scored, name_errors: bool) -> Outcome:
    """Write scores, log and page; name_errors: whether the page tells true families of images."""
    return Outcome(scored.scores, _summary(scored), report.render(scored, name_errors))


def _notes(families: Sequence[str], predicted: Sequence[str]) -> list[str]:
    """Say what is odd about the labels without being an error: such labels count as wrong."""
    known = set(families)
    foreign = [label for label in predicted if label not in known]
    if not foreign:
        return []
    distinct = sorted(set(foreign))
    notes = [
        f"{tables.count(len(foreign), 'label')} named a family that is not in the reference table, "
        f"and counted as wrong: {name_some(distinct, len(distinct))}."
    ]
    plain = {_plain(family): family for family in families}
    misspelt = {label: plain[_plain(label)] for label in distinct if _plain(label) in plain}
    if misspelt:
        shown = (f"{label} for {family}" for label, family in misspelt.items())
        notes.append(
            f"{tables.count(len(misspelt), 'name')} differ from a family in spaces or capitals "
            f"only, and names are compared letter by letter: {name_some(shown, len(misspelt))}."
        )
    if len(foreign) == len(predicted):
        notes.append(
            "No label is a family of the reference table: check how the names are spelled, such "
            f"as {quote(distinct[0])}."
        )
    return notes


def _gaps(candidates: Candidates | None) -> list[str]:
    without = int(np.count_nonzero(np.isneginf(candidates.score))) if candidates else 0
    if not without:
        return []
    images = tables.count(without, "image")
    return [f"{images} had no candidate in {FILE_NAME}: their family counts as not listed."]


def _plain(label: str) -> str:
    return "".join(label.casefold().split())


def _summary(scored: Scored) -> str:
    """Write the result as lines for the log."""
    found, wrong = scored.found, int(np.count_nonzero(scored.found.right == 0))
    lines = [
        f"family track, {len(scored.names)} images of {len(found.families)} families in "
        f"{len(set(scored.phylum_of.values()))} phyla; {wrong} families without a right answer",
        "",
    ]
    lines += [f"{key:<17} {value:.6f}" for key, value in scored.scores.items()]
    if scored.notes:
        lines += ["", *(f"note: {note}" for note in scored.notes)]
    return "\n".join(lines)
