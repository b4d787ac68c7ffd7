"""The report of several runs of one task: scores side by side, differences, disputed images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kit.reporting.chosen import ChosenRun
from kit.reporting.difference_figure import difference_figure
from kit.reporting.document import contents, document
from kit.reporting.galleries import gallery
from kit.reporting.parts import interval_text, number, plain, rows_table, table, whisker, words
from kit.reporting.run_page import NO_PICTURES
from kit.reporting.score_table import interval_note, leaderboard_cells
from kit.reporting.sources import Source
from kit.reporting.standing import Place, ranked
from kit.reporting.thumbnails import MOST_BYTES, Thumbnails
from kit.separable import groups, not_separable


def comparison_page(runs: Sequence[ChosenRun], source: Source, content: dict[str, Any]) -> str:
    """Write the page of several runs from the analysis of their predictions."""
    cells = leaderboard_cells(runs[0])
    found = content["comparison"]["keys"]
    key = next((name for name, cell in cells.items() if cell.get("primary")), found[0]["key"])
    primary = next((one for one in found if one["key"] == key), found[0])
    scores = [run["scores"] for run in content["runs"]]
    ascending = cells.get(primary["key"], {}).get("sorting") == "asc"
    places = ranked(primary["key"], scores, ascending)
    sections = [
        ("scores", "Scores"), ("standing", "Who is ahead"), ("differences", "Differences"),
        ("disputed", "Disputed images"),
    ]  # fmt: skip
    body = [
        _lead(runs, content["images"]),
        contents(sections),
        '<h2 id="scores">Scores</h2>',
        _score_table(runs, scores, places, primary["key"]),
        f"<p>{interval_note(content['resampled'], content['images'])}</p>",
        *_standing(runs, places, primary, cells),
        *_differences(runs, found, primary["key"], cells),
        *_disputed(content["comparison"]["disputed"], source),
    ]
    names = [run.name for run in runs]
    data = {
        "kind": "comparison",
        "known": {},
        "gallery": _gallery(names, content["comparison"]["disputed"], source),
    }
    return document(f"Comparison: {', '.join(names)}"[:120], body, data)


def _lead(runs: Sequence[ChosenRun], images: int) -> str:
    record = runs[0].record
    told = [
        ("Bundle", record["bundle"]),
        ("Task", record["task"]["name"]),
        ("Images", f"{images:,}"),
    ]
    told += [(run.name, run.run_id) for run in runs]
    pairs = "".join(
        f"<div><dt>{words(name)}</dt><dd>{words(text)}</dd></div>" for name, text in told
    )
    return f'<dl class="lead">{pairs}</dl>'


def _score_table(
    runs: Sequence[ChosenRun],
    scores: Sequence[list[dict[str, Any]]],
    places: Sequence[Place],
    key: str,
) -> str:
    """Write one row for each run, the best first: the primary metric, then the others."""
    others = [one["key"] for one in scores[0] if one["key"] != key]
    rows = []
    for place in places:
        by_key = {one["key"]: one for one in scores[place.run]}
        rows.append(
            [
                words(runs[place.run].name),
                f"<strong>{number(place.value)}</strong>",
                interval_text(place.low, place.high),
                whisker(place.value, place.low, place.high),
                *(_with_interval(by_key[other]) for other in others),
            ]
        )
    titles = [
        "Submission",
        f"{key} #",
        "95 % interval #",
        "0 to 1",
        *(f"{one} #" for one in others),
    ]
    return rows_table("Scores, the best first", titles, rows)


def _with_interval(one: dict[str, Any]) -> str:
    interval = interval_text(one["low"], one["high"])
    return f'{number(one["value"])}<span class="key">{interval}</span>'


def _standing(
    runs: Sequence[ChosenRun],
    places: Sequence[Place],
    primary: dict[str, Any],
    cells: dict[str, dict[str, Any]],
) -> list[str]:
    names = [run.name for run in runs]
    found = groups([place.run for place in places], primary["pairs"])
    title = words(str(cells.get(primary["key"], {}).get("title", primary["key"])))
    if found:
        told = [", ".join(words(names[p.run]) for p in places[a : b + 1]) for a, b in found]
        text = f"Noise alone may explain the order within each bar: {'; '.join(told)}."
    else:
        text = "All of them are separable."
    return [
        '<h2 id="standing">Who is ahead</h2>',
        f"<p>{title}: points are scores, lines their 95 % intervals. A bar on the right joins "
        "submissions of which no two are separable: the paired interval of their difference, at "
        f"95 % for all pairs together, holds 0. {text}</p>",
        f'<figure class="narrow">{difference_figure(names, places, found)}</figure>',
    ]


def _differences(
    runs: Sequence[ChosenRun],
    found: Sequence[dict[str, Any]],
    primary: str,
    cells: dict[str, dict[str, Any]],
) -> list[str]:
    ordered = sorted(found, key=lambda one: one["key"] != primary)
    tables = []
    for one in ordered:
        title = str(cells.get(one["key"], {}).get("title", one["key"]))
        made = table(_pairs_table(title, [run.name for run in runs], one["pairs"]))
        if one["key"] != primary:
            made = f"<details><summary>{words(title)}</summary>{made}</details>"
        tables.append(made)
    return [
        '<h2 id="differences">Differences</h2>',
        "<p>Of each pair, on the same images. <em>Own interval</em>: 95 % for this pair alone. "
        "<em>Together</em>: wide enough for 95 % over all pairs at once; a pair is separable where "
        "it does not hold 0.</p>",
        *tables,
    ]


def _pairs_table(
    title: str, names: Sequence[str], pairs: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    rows = [
        [
            f"{names[pair['second']]} \N{MINUS SIGN} {names[pair['first']]}",
            pair["value"],
            f"{number(pair['low'], signed=True)} to {number(pair['high'], signed=True)}",
            f"{number(pair['all_low'], signed=True)} to {number(pair['all_high'], signed=True)}",
            "no" if not_separable(pair) else "yes",
        ]
        for pair in pairs
    ]
    kinds = (
        ("Pair", "text"), ("Difference", "score"), ("Own interval", "text"), ("Together", "text"),
        ("Separable", "text"),
    )  # fmt: skip
    columns = [{"title": name, "kind": kind} for name, kind in kinds]
    return {"title": title, "columns": columns, "rows": rows, "all_rows": len(rows)}


def _disputed(disputed: dict[str, Any], source: Source) -> list[str]:
    shown, total = len(disputed["name"]), disputed["all"]
    some = f"The {shown:,} images of {total:,}" if shown < total else f"All {total:,} images"
    return [
        '<h2 id="disputed">Disputed images</h2>',
        f"<p>{some} that the submissions treat differently, the most disputed first. For labels "
        "an image earns 1 where the label is right; for scores, the share of the other class's "
        "images in its group that stand on the right side of it.</p>",
        "" if source.images.at_hand else f'<p class="note">{NO_PICTURES}</p>',
        '<div id="gallery"></div>',
    ]


def _earned(credit: float, is_label: bool) -> str:
    if is_label:
        return ", right" if credit == 1 else ", wrong"
    return f" (earns {credit:.2f})"


def _gallery(names: Sequence[str], disputed: dict[str, Any], source: Source) -> dict[str, Any]:
    pictures = Thumbnails(MOST_BYTES).of(source.images, disputed["name"])
    is_label = all(credit in (0, 1) for earned in disputed["credit"] for credit in earned)
    items = []
    for at, name in enumerate(disputed["name"]):
        earned = disputed["credit"][at]
        lines = [f"truth: {plain(disputed['truth'][at])}"]
        lines += [
            f"{plain(run)}: {plain(answer)}{_earned(credit, is_label)}"
            for run, answer, credit in zip(names, disputed["predicted"][at], earned, strict=True)
        ]
        items.append(
            {
                "name": plain(name),
                "picture": pictures.get(name),
                "kind": earned.index(max(earned)),
                "group": disputed["group"][at],
                "lines": lines,
            }
        )
    kinds = [f"best: {plain(name)}" for name in names]
    return gallery("Disputed images", kinds, "Group", disputed["groups"], items)
