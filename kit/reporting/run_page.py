"""The report of one run."""

from __future__ import annotations

from html import escape
from typing import Any

from kit.reporting.chosen import ChosenRun
from kit.reporting.document import contents, document
from kit.reporting.galleries import label_gallery, score_gallery
from kit.reporting.parts import figure, number, plain, rows_table, table, words
from kit.reporting.score_table import differing_scores, interval_note, score_table
from kit.reporting.sources import Source
from kit.reporting.thumbnails import Thumbnails, room_beside
from kit.reporting.times import time_section

NO_PICTURES = (
    "The images of this task are not at hand (the bundle has no input data), so the galleries show "
    "names only."
)


def run_page(run: ChosenRun, source: Source, content: dict[str, Any]) -> str:
    """Write the page of a run from the analysis of its predictions."""
    detail = content["detail"]
    thumbnails = Thumbnails(room_beside(detail))
    data: dict[str, Any] = {"kind": detail["kind"]}
    if detail["kind"] == "scores":
        data |= _score_data(detail, source, thumbnails)
    else:
        data["gallery"], data["known"] = label_gallery(detail, source, thumbnails)
    sections = [("scores", "Scores")]
    sections += [("threshold", "Thresholds")] if detail["kind"] == "scores" else []
    sections += [("errors", "Errors"), ("groups", "Tables")]
    sections += [("roc", "ROC")] if detail["kind"] == "scores" else []
    sections += [("calibration", "Calibration"), ("ties", "Ties"), ("time", "Time")]
    body = [
        _lead(run, content["images"]),
        contents(sections),
        *_scores(run, content),
        *(_thresholds(detail) if detail["kind"] == "scores" else []),
        *_errors(detail, source),
        *_tables(detail),
        *(_roc(detail) if detail["kind"] == "scores" else []),
        *_calibration(detail),
        *_ties(detail),
        time_section(run, content["images"]),
    ]
    return document(f"{run.name}: {content['track']} track", body, data)


def _lead(run: ChosenRun, images: int) -> str:
    record = run.record
    commit = record.get("commit") or {}
    told = [
        ("Bundle", record["bundle"]),
        ("Task", record["task"]["name"]),
        ("Images", f"{images:,}"),
        ("Run", f"{run.run_id}, {record['started'][:16].replace('T', ' ')} UTC"),
        ("Mode", record["mode"]),
        ("Commit", f"{commit['sha'][:10]}{', changed since' if commit.get('changed') else ''}")
        if commit.get("sha")
        else ("Commit", "none"),
    ]
    pairs = "".join(f"<div><dt>{name}</dt><dd>{words(text)}</dd></div>" for name, text in told)
    return f'<dl class="lead">{pairs}</dl>'


def _scores(run: ChosenRun, content: dict[str, Any]) -> list[str]:
    scores = content["runs"][0]["scores"]
    pieces = ['<h2 id="scores">Scores</h2>', score_table(run, scores)]
    pieces.append(f"<p>{interval_note(content['resampled'], content['images'])}</p>")
    if other := differing_scores(run, scores):
        listed = "".join(f"<li>{words(text)}</li>" for text in other)
        pieces.append(
            "<p>The bundle's scoring program gave other values than the kit's, which this report "
            f"is made with:</p><ul>{listed}</ul>"
        )
    return pieces


def _score_data(detail: dict[str, Any], source: Source, thumbnails: Thumbnails) -> dict[str, Any]:
    rows = detail["rows"]
    names = [rows["name"][at] for at in detail["show"]]
    pictures = thumbnails.of(source.images, names)
    cuts = [
        {key: cut[key] for key in ("name", "groups", "threshold")} | {"axis": cut["figure"]["axis"]}
        for cut in detail["cuts"]
    ]
    return {
        "words": detail["words"],
        "column": detail["column"],
        "groups": [plain(name) for name in detail["groups"]],
        "rows": rows | {"name": [plain(name) for name in rows["name"]]},
        "cuts": cuts,
        "pictures": {
            at: pictures[rows["name"][at]] for at in detail["show"] if rows["name"][at] in pictures
        },
        "gallery": score_gallery(detail),
    }


def _thresholds(detail: dict[str, Any]) -> list[str]:
    thinned = detail["all_rows"] > len(detail["rows"]["name"])
    note = (
        f" Of {detail['all_rows']:,} images, {len(detail['rows']['name']):,} stand here, evenly "
        "over the scores: the shares are right to about a hundredth of a per cent."
        if thinned
        else ""
    )
    pieces = [
        '<h2 id="threshold">Thresholds</h2>',
        f"<p>An image whose score lies above the threshold raises an alarm: {detail['words'][0]} "
        "are found so, and all others are false alarms. The sliders (arrow keys, Page Up, Page "
        f"Down) show what another threshold would give, and which images it would cost.{note}</p>",
    ]
    return pieces + [_cut(number_, cut, detail) for number_, cut in enumerate(detail["cuts"])]


def _cut(at: int, cut: dict[str, Any], detail: dict[str, Any]) -> str:
    name, official = words(cut["name"]), number(cut["threshold"])
    positive, negative = (words(text) for text in detail["words"])
    return (
        f'<section class="cut" data-cut="{at}" aria-labelledby="cut{at}-title">'
        f'<h3 id="cut{at}-title">{name}</h3>'
        f'<p class="soft">The leaderboard takes {official}: {escape(cut["rule"])}.</p>'
        f'<div class="slider"><label for="cut{at}">Threshold <output for="cut{at}">{official}'
        f'</output></label><input type="range" id="cut{at}" step="1" min="0" max="0">'
        '<button type="button" class="reset">Back to the leaderboard\'s</button></div>'
        f'<div class="stage">{figure(cut["figure"])}<div class="live"></div></div>'
        f'<h4>Missed {positive}</h4><p class="soft missed-text"></p><ul class="tiles missed"></ul>'
        f'<h4>False alarms: {negative}</h4><p class="soft alarms-text"></p>'
        '<ul class="tiles alarms"></ul></section>'
    )


def _errors(detail: dict[str, Any], source: Source) -> list[str]:
    if detail["kind"] == "scores":
        text = (
            "At the leaderboard's threshold, those furthest on the wrong side first. Below each "
            "name stand its score and its distance from the threshold."
        )
    else:
        sure = (
            "those that the submission was surest of first"
            if detail["errors"]["candidates"]
            else ""
        )
        text = (
            f"The groups in turn{', ' + sure if sure else ''}. Next to each image stand images "
            "of the labels in question from the public data, where these hold them: its answer, "
            "the candidates that it ranked highest (where candidates.csv exists), and the truth."
        )
    return [
        '<h2 id="errors">Errors</h2>',
        f"<p>{text}</p>",
        "" if source.images.at_hand else f'<p class="note">{NO_PICTURES}</p>',
        '<div id="gallery"></div>',
    ]


def _tables(detail: dict[str, Any]) -> list[str]:
    pieces = ['<h2 id="groups">Tables</h2>', "<p>A heading sorts its table.</p>"]
    for content in detail["tables"]:
        pieces += [table(content), f'<p class="soft">{escape(content["text"])}</p>']
    return pieces


def _roc(detail: dict[str, Any]) -> list[str]:
    roc = detail["roc"]
    many = f" The {roc['drawn']} smallest areas are drawn." if roc["drawn"] < roc["all"] else ""
    return [
        '<h2 id="roc">ROC</h2>',
        f"<p>By {words(detail['column'].lower())}; the key gives each curve's area. A curve that "
        f"hugs the upper left corner is perfect.{many}</p>",
        f'<div class="charts">{figure(roc)}</div>',
    ]


def _calibration(detail: dict[str, Any]) -> list[str]:
    found = detail["calibration"]
    charts = "".join(map(figure, found["figures"]))
    return [
        '<h2 id="calibration">Calibration</h2>',
        f"<p>{escape(found['text'])}</p>",
        f'<div class="charts">{charts}</div>' if charts else "",
    ]


def _ties(detail: dict[str, Any]) -> list[str]:
    found, heading = detail["ties"], '<h2 id="ties">Ties</h2>'
    if found is None:
        return [heading, "<p>Labels have no scores that could tie; candidates.csv is missing.</p>"]
    what = "scores" if detail["kind"] == "scores" else "scores of the first candidates"
    if not found["tied"]:
        text = f"No two images share a score: {found['distinct']:,} distinct {what}."
    else:
        text = (
            f"{found['tied']:,} images share their score with another one; distinct {what}: "
            f"{found['distinct']:,}. The most frequent one, {number(found['largest_at'])}, has "
            f"{found['largest']:,} images. No threshold separates images with the same score."
        )
    pieces = [heading, f"<p>{text}</p>"]
    if found["table"]:
        rows = [
            (words(row[0]), number(row[1]), f"{row[2]:,}", f"{row[3]:,}")
            for row in found["table"]["rows"]
        ]
        titles = [
            column["title"] + (" #" if at else "")
            for at, column in enumerate(found["table"]["columns"])
        ]
        pieces.append(rows_table(found["table"]["title"], titles, rows))
        pieces.append(
            f'<p class="soft">{words(detail["words"][0]).capitalize()} exactly at the threshold '
            "are not found: an alarm lies above it.</p>"
        )
    return pieces
