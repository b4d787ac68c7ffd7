"""The tracks of labels, `reid` and `family`: wrong images, tables by label, candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wildlife_scoring.analysis.candidate_lists import candidate_lists
from wildlife_scoring.analysis.figures import calibration_figures
from wildlife_scoring.analysis.tables import share, table
from wildlife_scoring.bootstrap.comparison import number
from wildlife_scoring.candidates import FILE_NAME, Candidates
from wildlife_scoring.family.result import Scored as FamilyScored
from wildlife_scoring.metrics import BoolArray, FloatArray
from wildlife_scoring.reid.metrics import NEW
from wildlife_scoring.reid.result import Scored as ReidScored
from wildlife_scoring.tables import Aligned

MOST_ERRORS = 400  # wrong images that a report may show
Texts = NDArray[np.object_]
Table = dict[str, Any]


@dataclass(frozen=True)
class View:
    """A scored table of either track; arrays of shape (rows,).

    group: a text, of the kind `column`; kind: 0 right, else the number of one of `kinds`, which
    are the ways of being wrong, counted from 1.
    """

    names: Sequence[str]
    column: str
    group: Texts
    truth: Texts
    predicted: Texts
    kinds: Sequence[str]
    kind: NDArray[np.intp]
    candidates: Candidates | None
    tables: Sequence[Table]


def labelled_content(track: str, scored: Any, table_: Aligned) -> dict[str, Any]:
    """Return what a report shows of the images of a track of labels."""
    view = VIEWS[track](scored)
    groups, code = np.unique(view.group.astype(np.str_), return_inverse=True)
    shown = _errors(view, code)
    path = table_.path.with_name(FILE_NAME)
    names = [view.names[row] for row in shown]
    return {
        "kind": "labels",
        "column": view.column,
        "groups": groups.tolist(),
        "kinds": list(view.kinds),
        "errors": {
            "name": names,
            "group": code[shown].tolist(),
            "kind": (view.kind[shown] - 1).tolist(),
            "truth": view.truth[shown].tolist(),
            "predicted": view.predicted[shown].tolist(),
            "candidates": candidate_lists(path, names) if view.candidates else [],
        },
        "all_errors": int(np.count_nonzero(view.kind)),
        "tables": list(view.tables),
        "calibration": _calibration(view),
        "ties": _ties(view, path.name),
    }


def reid_view(scored: ReidScored) -> View:
    """Return the view of the reid track: the groups are datasets."""
    said_new = scored.predicted == NEW
    right = np.where(scored.unknown, said_new, scored.predicted == scored.identity)
    kind = np.where(scored.unknown, 3, np.where(said_new, 2, 1))
    return View(
        names=scored.names,
        column="Dataset",
        group=scored.dataset,
        truth=scored.identity,
        predicted=scored.predicted,
        kinds=("known: another name", "known: called new", "new: given a name"),
        kind=np.where(right, 0, kind),
        candidates=scored.candidates,
        tables=(_datasets(scored, right), _individuals(scored, right)),
    )


def family_view(scored: FamilyScored) -> View:
    """Return the view of the family track: the groups are phyla."""
    phylum = np.array([scored.phylum_of[name] for name in scored.family], dtype=object)
    named = np.array([scored.phylum_of.get(name, "") for name in scored.predicted], dtype=object)
    kind = np.where(named == "", 3, np.where(named == phylum, 1, 2))
    return View(
        names=scored.names,
        column="Phylum",
        group=phylum,
        truth=scored.family,
        predicted=scored.predicted,
        kinds=("within the phylum", "across phyla", "not in the reference"),
        kind=np.where(scored.family == scored.predicted, 0, kind),
        candidates=scored.candidates,
        tables=(_families(scored), _phyla(phylum, kind, scored.family == scored.predicted)),
    )


VIEWS: Mapping[str, Callable[[Any], View]] = {"reid": reid_view, "family": family_view}


def _errors(view: View, code: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the wrong rows: the surest first, the groups in turn so that none is left out."""
    wrong = np.flatnonzero(view.kind)
    sure = view.candidates.score[wrong] if view.candidates else np.zeros(len(wrong))
    wrong = wrong[np.argsort(-sure, kind="stable")]
    turn = np.zeros(len(wrong), dtype=np.intp)
    for group in np.unique(code[wrong]):
        mine = code[wrong] == group
        turn[mine] = np.arange(np.count_nonzero(mine))
    return wrong[np.lexsort((np.arange(len(wrong)), turn))][:MOST_ERRORS]


def _datasets(scored: ReidScored, right: BoolArray) -> Table:
    rows = []
    for name in scored.datasets():
        mine = scored.dataset == name
        known, new = mine & ~scored.unknown, mine & scored.unknown
        root, baks, baus = (
            scored.scores[f"{name}_{k}"] for k in ("geometric_mean", "BAKS", "BAUS")
        )
        cells = (share(_count(part & right), _count(part)) for part in (known, new))
        rows.append((name, root, baks, baus, *cells))
    columns = (
        ("Dataset", "text"), ("Score", "score"), ("BAKS", "score"), ("BAUS", "score"),
        ("Known images right", "share"), ("New images right", "share"),
    )  # fmt: skip
    text = "BAKS and BAUS weigh each individual alike, the two counts each image."
    return table("By dataset", columns, rows, text)


def _individuals(scored: ReidScored, right: BoolArray) -> Table:
    rows = []
    for (dataset, name), mine in _rows_by(scored.dataset, scored.identity):
        wrong = Counter(scored.predicted[mine][~right[mine]].tolist())
        found = int(np.count_nonzero(right[mine]))
        kind = "new" if scored.unknown[mine[0]] else "known"
        rows.append((name, [found, len(mine)], kind, dataset, _most(wrong)))
    rows.sort(key=lambda row: (row[1][0] / row[1][1], -row[1][1], row[0]))
    columns = (
        ("Individual", "text"), ("Right", "share"), ("Kind", "text"), ("Dataset", "text"),
        ("Most common wrong answer", "text"),
    )  # fmt: skip
    return table("By individual", columns, rows, "Those with the fewest right answers first.")


def _families(scored: FamilyScored) -> Table:
    found, rows = scored.found, []
    mistaken: dict[str, Counter[str]] = {}
    for true, named in zip(scored.family.tolist(), scored.predicted.tolist(), strict=True):
        if true != named:
            mistaken.setdefault(true, Counter())[named] += 1
    for at, name in enumerate(found.families):
        cells = (number(values[at]) for values in (found.f1, found.recall, found.precision))
        images, other = int(found.images[at]), _most(mistaken.get(name, Counter()))
        rows.append((name, *cells, images, scored.phylum_of[name], other))
    rows.sort(key=lambda row: (row[1], row[0]))
    columns = (
        ("Family", "text"), ("F1", "score"), ("Recall", "score"), ("Precision", "score"),
        ("Images", "count"), ("Phylum", "text"), ("Most taken for", "text"),
    )  # fmt: skip
    return table("By family", columns, rows, "Those with the lowest F1 first.")


def _phyla(phylum: Texts, kind: NDArray[np.intp], right: BoolArray) -> Table:
    rows = []
    for name in np.unique(phylum.astype(np.str_)).tolist():
        mine = phylum == name
        images = _count(mine)
        errors = (share(_count(mine & ~right & (kind == way)), images) for way in (1, 2, 3))
        rows.append((name, share(_count(mine & right), images), *errors))
    columns = (
        ("Phylum", "text"), ("Right", "share"), ("Wrong within the phylum", "share"),
        ("Wrong across phyla", "share"), ("Not in the reference", "share"),
    )  # fmt: skip
    return table("By phylum", columns, rows)


def _calibration(view: View) -> dict[str, Any]:
    if view.candidates is None:
        text = f"Not in this report: it needs {FILE_NAME}, which explain_batch gives."
        return {"figures": [], "text": text}
    given = np.isfinite(view.candidates.score)
    score: FloatArray = view.candidates.score[given]
    if score.min() < 0 or score.max() > 1:
        text = "The candidates' scores are no probabilities: they do not all lie between 0 and 1."
        return {"figures": [], "text": text}
    right = view.candidates.rank[given] == 1
    text = (
        "If the score of the first candidate is meant as a probability, the steps follow the "
        "diagonal. Below it the submission is too sure. An image of a new individual counts as "
        "wrong whatever its candidate."
        if view.column == "Dataset"
        else "Where the first candidate's probability is right, the steps follow the diagonal. "
        "Below it the submission is too sure."
    )
    shown = calibration_figures(score, right, "share of right ones", "score of the first candidate")
    return {"figures": shown, "text": text}


def _ties(view: View, name: str) -> dict[str, Any] | None:
    """Count the images whose first candidate's score is also that of another image."""
    if view.candidates is None:
        return None
    distinct, count = np.unique(view.candidates.score, return_counts=True)
    largest = int(np.argmax(count))
    return {
        "tied": int(np.sum(count[count > 1])),
        "distinct": len(distinct),
        "largest": int(count[largest]),
        "largest_at": number(distinct[largest]),
        "table": None,
        "source": name,
    }


def _rows_by(first: Texts, second: Texts) -> list[tuple[tuple[str, str], NDArray[np.intp]]]:
    found: dict[tuple[str, str], list[int]] = {}
    for row, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        found.setdefault(pair, []).append(row)
    return [(pair, np.array(rows)) for pair, rows in sorted(found.items())]


def _most(counts: Counter[str]) -> str | None:
    if not counts:
        return None
    label, times = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"{label} ({times})"


def _count(rows: BoolArray) -> int:
    return int(np.count_nonzero(rows))
