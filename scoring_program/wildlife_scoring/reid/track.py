"""The reid track: check its reference table, parse labels, evaluate and render them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import compress
from operator import and_, ne
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring import tables
from wildlife_scoring.candidates import FILE_NAME, Candidates, read_or_note
from wildlife_scoring.metrics import BoolArray
from wildlife_scoring.problems import Problems, name_some, quote
from wildlife_scoring.reid import metrics as reid
from wildlife_scoring.reid import report
from wildlife_scoring.reid.metrics import NEW, TOTALS
from wildlife_scoring.reid.result import Scored, decisions
from wildlife_scoring.tables import Aligned, Truth
from wildlife_scoring.tracks import Outcome

# What a spreadsheet or pandas makes of true and false, in any case.
TRUTH_OF = {"true": True, "1": True, "false": False, "0": False}
# Column, when its text is wrong, what such rows are, what to do.
CHECKS: tuple[tuple[str, Callable[[str], bool], str, str], ...] = (
    ("identity", lambda text: not text, "without identity", "name the individual of each row"),
    ("dataset", lambda text: not text, "without dataset", "name the dataset of each row"),
    (
        "identity",
        lambda text: text == NEW,
        f"whose identity is {NEW!r}",
        "a new animal has a name of its own too; new_identity says that it is new",
    ),
    (
        "new_identity",
        lambda text: text.lower() not in TRUTH_OF,
        "with another new_identity",
        "write true or false",
    ),
)


def check_truth(reference: Path, truth: Truth, problems: Problems) -> None:
    """Check the columns row by row, and that no individual is both known and new."""
    readable = True
    for column, is_wrong, what, advice in CHECKS:
        values = {text for text in set(truth[column]) if is_wrong(text)}
        if not values:
            continue
        readable = readable and column != "new_identity"
        rows = [row for row, text in enumerate(truth[column]) if text in values]
        shown = name_some((truth["filename"][row] for row in rows), len(rows))
        problems.add(reference, f"{tables.count(len(rows), 'row')} {what}: {shown}", advice)
    if readable:
        _check_sides(reference, truth, problems)


def parse(given: tables.Predictions, problems: Problems) -> NDArray[np.object_]:
    """Return the labels as written, shape (rows,). Empty ones become a problem."""
    remedy = f"write the individual's name, or {NEW} for an animal that is none of them"
    return tables.parse_labels(given, problems, remedy)


def evaluate(aligned: Aligned) -> Scored:
    """Score the aligned table.

    A candidates.csv next to the predictions fills more of the report, and never changes a score.
    """
    truth, predicted = aligned.truth, aligned.predicted
    identity = np.array(truth["identity"], dtype=object)
    dataset = np.array(truth["dataset"], dtype=object)
    unknown = _unknown(truth)
    notes = _notes(truth, predicted.tolist())
    return Scored(
        names=truth["filename"],
        identity=identity,
        dataset=dataset,
        unknown=unknown,
        predicted=predicted,
        scores=reid.score(identity, dataset, unknown, predicted),
        candidates=_candidates(aligned.path.with_name(FILE_NAME), truth, notes),
        notes=notes,
    )


def render(scored: Scored, name_errors: bool) -> Outcome:
    """Write scores, log and page; name_errors: whether the page tells true identities."""
    return Outcome(scored.scores, _summary(scored), report.render(scored, name_errors))


def _unknown(truth: Truth) -> BoolArray:
    column = truth["new_identity"]
    meaning = {text: TRUTH_OF[text.lower()] for text in set(column)}
    return np.fromiter(map(meaning.__getitem__, column), np.bool_, len(column))


def _check_sides(reference: Path, truth: Truth, problems: Problems) -> None:
    unknown = _unknown(truth)
    new = set(compress(truth["identity"], unknown.tolist()))
    known = set(compress(truth["identity"], (~unknown).tolist()))
    both = sorted((new & known) - {""})
    if both:
        found = f"{tables.count(len(both), 'individual')} both known and new: "
        found += name_some(both, len(both))
        advice = "new_identity is true in all rows of an individual, or in none"
        problems.add(reference, found, advice)


def _notes(truth: Truth, predicted: Sequence[str]) -> list[str]:
    """Say what is odd about the labels without being an error: such labels count as wrong."""
    home = dict(zip(truth["identity"], truth["dataset"], strict=True))
    homes = map(home.get, predicted, truth["dataset"])  # of a database individual: no objection
    wrong = map(ne, predicted, truth["identity"])  # one name may stand for two in two datasets
    foreign = sum(map(and_, wrong, map(ne, homes, truth["dataset"])))
    labels = Counter(predicted)
    misspelt = {label: n for label, n in labels.items() if label != NEW and _looks_new(label)}
    spaced = sum(n for label, n in labels.items() if label != label.strip())
    notes = []
    if foreign:
        notes.append(
            f"{tables.count(foreign, 'label')} named an individual of another dataset, which is "
            "never right: candidates can be restricted to the image's dataset (metadata.csv)."
        )
    if misspelt:
        notes.append(
            f"{tables.count(sum(misspelt.values()), 'label')} looked like {NEW} and counted as "
            f"names: {name_some(sorted(misspelt), len(misspelt))}. Only {quote(NEW)} counts."
        )
    if spaced:
        notes.append(
            f"{tables.count(spaced, 'label')} had spaces around the name, and names are compared "
            "exactly."
        )
    if NEW not in labels and home.keys().isdisjoint(labels):
        notes.append(
            "No label is an individual of the reference table or "
            f"{NEW}: check how the names are spelled, such as {quote(predicted[0])}."
        )
    return notes


def _looks_new(label: str) -> bool:
    plain = "".join(sign for sign in label.casefold() if sign.isalnum())
    return plain in {"newindividual", "new", "unknown", "newidentity"}


def _candidates(path: Path, truth: Truth, notes: list[str]) -> Candidates | None:
    """Read candidates.csv; None where the file is absent or, with a note, where it is unusable."""
    found, why = read_or_note(path, truth["filename"], truth["identity"], {NEW})
    notes += why
    without = int(np.count_nonzero(np.isneginf(found.score))) if found else 0
    if without:
        notes.append(
            f"{tables.count(without, 'image')} had no candidate in {FILE_NAME}: below, their "
            "individual counts as not found, and they count as new at every threshold."
        )
    return found


def _summary(scored: Scored) -> str:
    """Write the result as lines for the log."""
    lines = [f"reid track, {len(scored.names)} images", ""]
    datasets = scored.datasets()[: report.SHOWN]
    width = max(len(text) for text in (*datasets, "dataset"))
    titles = ("known", "right", "as new", "new", "as new")
    lines.append(f"{'dataset':<{width}}" + "".join(f"{title:>9}" for title in titles))
    for dataset in datasets:
        found = decisions(scored, dataset)
        counts = (found.known, found.known_right, found.known_as_new, found.new, found.new_as_new)
        lines.append(f"{dataset:<{width}}" + "".join(f"{count:>9}" for count in counts))
    lines.append("")
    keys = [*TOTALS, *(f"{dataset}_{key}" for dataset in datasets for key in TOTALS)]
    longest = max(map(len, keys))
    lines += [f"{key:<{longest}} {scored.scores[key]:.6f}" for key in keys]
    if scored.notes:
        lines += ["", *(f"note: {note}" for note in scored.notes)]
    return "\n".join(lines)
