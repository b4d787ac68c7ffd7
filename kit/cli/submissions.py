"""`kit submissions`."""

from __future__ import annotations

import click

from kit.cli.printing import console, json_option, print_json, progress
from kit.cli.remote import RUNS, competition_option, phase_option, server_option, show_submissions
from kit.remote import preflight, records
from kit.remote.connection import connected
from kit.standings import history


@click.command("submissions")
@competition_option
@phase_option
@server_option
@json_option
def command(competition: int, phase: str | None, server: str, as_json: bool) -> int:
    """List your submissions to a phase: status, scores, whether on the leaderboard.

    Scores of submissions that were made here go into the history, for `kit leaderboard`. Your
    token comes from CODABENCH_TOKEN or the system's keyring.
    """
    with connected(server) as platform, progress("asking the platform", quiet=as_json):
        place = preflight.find_place(platform, competition, phase, ())
        found = platform.submissions(place.phase.id)
        title = place.competition.title
        history.add_platform(RUNS, [*records.of_own(RUNS, platform.server, title, found)])
    if as_json:
        print_json(
            {
                "format": 1,
                "server": platform.server,
                "competition": {"id": place.competition.id, "title": title},
                "phase": {"id": place.phase.id, "name": place.phase.name},
                "used_today": place.phase.used_today,
                "per_day": place.phase.per_day,
                "used": place.phase.used,
                "in_all": place.phase.in_all,
                "submissions": [one.as_json() for one in found],
            }
        )
        return 0
    screen = console()
    screen.print(f"{title}, {place.phase.name} ({place.phase.dates})")
    if found:
        show_submissions(found)
    else:
        screen.print("No submission of yours yet.")
    limits = (
        f"{place.phase.used_today} of {place.phase.per_day or 'any number'} today, "
        f"{place.phase.used} of {place.phase.in_all or 'any number'} in all"
    )
    screen.print(f"Used: {limits}")
    return 0
