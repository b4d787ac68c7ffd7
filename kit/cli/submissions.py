"""`kit submissions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from kit.cli.printing import console, json_option, print_json, progress
from kit.cli.remote import (
    RUNS,
    competition_option,
    phase_option,
    secret_key,
    secret_key_option,
    server_option,
    show_submissions,
)
from kit.remote import preflight, records
from kit.remote.connection import connected
from kit.remote.preflight import Place
from kit.remote.watching import Outcome, with_children
from kit.standings import history


@click.command("submissions")
@competition_option
@phase_option
@secret_key_option
@server_option
@json_option
def command(
    competition: int, phase: str | None, ask_secret_key: bool, server: str, as_json: bool
) -> int:
    """List your submissions to a phase: status, scores, whether on the leaderboard.

    Each of several tasks has a line of its own: the platform calls a submission finished even if
    a task of it failed.

    Scores of submissions that were made here go into the history, for `kit leaderboard`. Your
    token comes from CODABENCH_TOKEN or the system's keyring.
    """
    key = secret_key(ask_secret_key)
    with connected(server, key) as platform, progress("asking the platform", quiet=as_json):
        place = preflight.find_place(platform, competition, phase, ())
        sent = platform.submissions(place.phase.id)
        found = [with_children(platform, one) for one in sent]
        title = place.competition.title
        history.add_platform(RUNS, [*records.of_own(platform.server, RUNS, title, found)])
    if as_json:
        print_json(_as_json(place, platform.server, found))
    else:
        _show(place, found)
    return 0


def _as_json(place: Place, server: str, found: Sequence[Outcome]) -> dict[str, Any]:
    phase = place.phase
    return {
        "format": 1,
        "server": server,
        "competition": {"id": place.competition.id, "title": place.competition.title},
        "phase": {"id": phase.id, "name": phase.name},
        "used_today": phase.used_today,
        "per_day": phase.per_day,
        "used": phase.used,
        "in_all": phase.in_all,
        "submissions": [
            one.sent.as_json() | {"parts": [each.as_json() for each in one.children]}
            for one in found
        ],
    }


def _show(place: Place, found: Sequence[Outcome]) -> None:
    screen, phase = console(), place.phase
    screen.print(f"{place.competition.title}, {phase.name} ({phase.dates})")
    if found:
        show_submissions(found)
    else:
        screen.print("No submission of yours yet.")
    screen.print(
        f"Used: {phase.used_today} of {phase.per_day or 'any number'} today, {phase.used} of "
        f"{phase.in_all or 'any number'} in all"
    )
