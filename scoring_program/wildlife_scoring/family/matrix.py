"""A confusion matrix as inline SVG that stays readable with hundreds of families.

Only cells that are not empty are drawn. The most frequent ones tell their pair when the pointer
rests on them; the others share a path for each shade, so that the size stays bounded. Names are
drawn at a size that can be read when the chart is enlarged, which the style sheet does without a
script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from wildlife_scoring.family.confusion import ELSEWHERE, Pair
from wildlife_scoring.report.page import shorten

CELL = 12  # the side of a cell, in units of which a letter is 10 high
MANY = 60  # names from which on only the enlarged chart shows them
MARGIN = 150  # for the names on the left and at the top
TITLED = 2_000  # cells that tell their pair
SHADES = 5
LONGEST = 22  # letters of a name in the margin


def matrix_chart(
    summary: str, group_of: Mapping[str, str], pairs: Sequence[Pair], images: Mapping[str, int]
) -> str:
    """Draw the pairs, true names downwards and predicted ones to the right.

    summary: the chart in words; group_of: the names with their groups, which a frame surrounds;
    pairs: the most frequent ones first; predicted names that are not in `group_of` share a last
    column; images: of each true name.
    """
    names = sorted(group_of, key=lambda name: (group_of[name], name))
    place = {name: number for number, name in enumerate(names)}
    size = MARGIN + CELL * (len(names) + 2)
    many = len(names) > MANY
    frames = _frames(names, group_of, size if many else 0)
    return (
        f'<svg class="matrix{" many" if many else ""}" viewBox="0 0 {size} {size}" '
        f'width="{size}" role="img" aria-label="{escape(summary)}">'
        f"{frames}{_cells(place, group_of, pairs, images)}{_names(names)}</svg>"
    )


def _cells(
    place: Mapping[str, int],
    group_of: Mapping[str, str],
    pairs: Sequence[Pair],
    images: Mapping[str, int],
) -> str:
    titled: list[str] = []
    shared: dict[str, list[str]] = {}
    for number, pair in enumerate(pairs):
        column = place.get(pair.predicted, len(place) + 1)
        corner = f"M{MARGIN + CELL * column} {MARGIN + CELL * place[pair.true]}"
        shape = f"{corner}h{CELL}v{CELL}h-{CELL}Z"
        kind = _kind(pair, group_of, images[pair.true])
        if number < TITLED:
            text = f"{shorten(pair.true)} \u2192 {shorten(pair.predicted)}: "
            text += f"{pair.images:,} of {images[pair.true]:,}"
            titled.append(f'<path class="{kind}" d="{shape}"><title>{text}</title></path>')
        else:
            shared.setdefault(kind, []).append(shape)
    rest = (f'<path class="{kind}" d="{"".join(shapes)}"/>' for kind, shapes in shared.items())
    return "".join([*rest, *titled])


def _kind(pair: Pair, group_of: Mapping[str, str], images: int) -> str:
    """The classes of a cell: what kind of answer, and how large a share of the true name's."""
    shade = min(int(SHADES * pair.images / images), SHADES - 1)
    if pair.true == pair.predicted:
        kind = "hit"
    else:
        same = group_of.get(pair.predicted) == group_of[pair.true]
        kind = "near" if same else "far"
    return f"{kind} s{shade}"


def _frames(names: Sequence[str], group_of: Mapping[str, str], size: int) -> str:
    """Bands behind the groups, and a square around each group's own cells.

    size: of a chart that shows the names of the groups, where they have room; else 0.
    """
    letter = size // 65
    parts, start, whole = [], MARGIN, CELL * len(names)
    for number, (group, members) in enumerate(groupby(names, key=lambda name: group_of[name])):
        side = CELL * len(list(members))
        if number % 2 == 0:
            parts.append(f'<path class="band" d="M{MARGIN} {start}h{whole}v{side}h-{whole}Z"/>')
        parts.append(f'<path class="home" d="M{start} {start}h{side}v{side}h-{side}Z"/>')
        if letter and len(group) * letter * 0.65 < side:
            turned = f"translate({MARGIN - letter} {start + side / 2:g}) rotate(-90)"
            parts.append(f'<g font-size="{letter}"><text class="group" text-anchor="middle" ')
            parts.append(f'transform="{turned}">{shorten(group)}</text></g>')
        start += side
    return "".join(parts)


def _names(names: Sequence[str]) -> str:
    parts = []
    for number, name in enumerate([*names, "", ELSEWHERE]):
        middle = MARGIN + CELL * number + CELL / 2
        text = shorten(name if len(name) <= LONGEST else name[: LONGEST - 1] + "\u2026")
        if not name:
            continue
        turned = f'transform="translate({middle:g} {MARGIN - 4}) rotate(-90)" dy=".35em"'
        parts.append(f'<text class="name" {turned}>{text}</text>')
        if name is not ELSEWHERE:
            left = f'x="{MARGIN - 4}" y="{middle:g}" dy=".35em" text-anchor="end"'
            parts.append(f'<text class="name" {left}>{text}</text>')
    return "".join(parts)
