"""What can be known before the upload: which phase, and every reason why the server would refuse.

The server itself looks at limits and approval, not at dates, and answers some of it with status
500 after the upload; a failed upload costs time, a wrong one a submission of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kit.errors import UsageProblem
from kit.remote import fact_sheet
from kit.remote.answers import APPROVED, Competition, Phase, RemoteTask, Sent
from kit.remote.api import Platform
from kit.remote.fact_sheet import Answers, Question
from kit.remote.journal import Journal, Order

# A clock that is off by more makes signed addresses and dates go wrong.
_MUCH_SKEW = timedelta(minutes=2)
_LITTLE_LEFT = timedelta(minutes=30)


@dataclass(frozen=True)
class Place:
    """Where a submission goes. tasks: those that were chosen; all of the phase by default."""

    competition: Competition
    phase: Phase
    tasks: tuple[RemoteTask, ...]

    @property
    def chosen(self) -> tuple[int, ...]:
        """The numbers of the tasks, empty where all of the phase were chosen."""
        return () if self.tasks == self.phase.tasks else tuple(task.id for task in self.tasks)


@dataclass(frozen=True)
class Preflight:
    """What the server would say.

    problems: why it would refuse. ours: what it would take, and the kit does not: the same zip
    again, no answers to a fact sheet. same: the submissions of the same zip. notes: what else to
    know.
    """

    problems: tuple[str, ...]
    ours: tuple[str, ...]
    same: tuple[int, ...]
    notes: tuple[str, ...]


def find_place(
    platform: Platform, competition: int, phase: str | None, tasks: Sequence[str]
) -> Place:
    """Find the phase and tasks that the user means.

    Args:
        platform: the server.
        competition: its number.
        phase: name or number; the one that is open by default.
        tasks: names, keys or numbers; all by default.

    Raises:
        UsageProblem: nothing of that name; those that exist are listed.
    """
    platform.me()  # first: a wrong token is what to say, not what it cannot see
    found = platform.competition(competition)
    chosen = find_phase(found, phase, platform.transport.now())
    return Place(found, chosen, _tasks(chosen, tasks))


def find_phase(competition: Competition, text: str | None, now: datetime) -> Phase:
    """Return the phase of that name or number, by default the open one.

    Raises:
        UsageProblem: none or several are meant; all are listed with their dates.
    """
    if text is None:
        found = [phase for phase in competition.phases if phase.is_open(now)]
        expected = "one open phase"
    else:
        found = [phase for phase in competition.phases if text in (phase.name, str(phase.id))]
        expected = f"a phase {text!r}"
    if len(found) == 1:
        return found[0]
    listed = [f"{phase.name} ({phase.id}): {phase.dates}" for phase in competition.phases]
    raise UsageProblem(
        f"{competition.title}: expected {expected}, found {len(found) or 'none'}; the server's "
        f"time is {now:%Y-%m-%d %H:%M} UTC",
        listed,
        "choose with --phase, by name or number",
    )


def _tasks(phase: Phase, texts: Sequence[str]) -> tuple[RemoteTask, ...]:
    if not texts:
        return phase.tasks
    chosen = []
    for text in texts:
        found = [task for task in phase.tasks if text in (task.name, task.key, str(task.id))]
        if len(found) != 1:
            raise UsageProblem(
                f"{phase.name}: expected a task {text!r}, found {len(found) or 'none'}",
                [f"{task.name} ({task.id}): {task.key}" for task in phase.tasks],
            )
        chosen += found
    return tuple(task for task in phase.tasks if task in chosen)


def look(
    platform: Platform, place: Place, journal: Journal, answers: Answers | None = None
) -> Preflight:
    """Compare dates, limits and space, and ask the server what it would say.

    answers: to the competition's fact sheet, None where the user gives none.
    """
    now, order = platform.transport.now(), journal.order
    problems = [
        *_standing(place.competition),
        *_dates(place.phase, now),
        *(() if journal.has_uploaded else _space(platform, order)),
        *(() if answers is None else fact_sheet.problems(place.competition.fact_sheet, answers)),
    ]
    problems += _limits(platform, place, ask=not problems)
    same = [o for o in platform.submissions(order.phase) if o.file_name == order.file_name]
    ours = _twice([one for one in same if one.id not in _accepted(journal)])
    notes = _notes(place, now, platform.transport.skew)
    if answers is None and (asked := place.competition.fact_sheet):
        (ours if any(one.required for one in asked) else notes).append(_unanswered(asked))
    return Preflight(tuple(problems), tuple(ours), tuple(o.id for o in same), tuple(notes))


def _limits(platform: Platform, place: Place, ask: bool) -> list[str]:
    """Return which limits are used up, and what else the server says.

    The server is asked last, and of a robot only: asking it approves one that has not taken part.
    """
    used = _used(place.phase)
    if not ask or (used and not place.competition.takes_robots):
        return used
    why = platform.refusal(place.phase.id)
    if not why:
        return []  # no limits for a robot
    return used or [f"the server would take no submission: {why}"]


def _unanswered(asked: Sequence[Question]) -> str:
    """Say which answers the organiser wants; the server takes a submission without them."""
    listed = "; ".join(str(question) for question in asked)
    return f"the organiser asks for a fact sheet, --fact-sheet FILE gives the answers: {listed}"


def _standing(competition: Competition) -> list[str]:
    if competition.participant == APPROVED:
        return []
    if not competition.participant:
        return [f"you do not take part in {competition.title}: register on its page first"]
    return [
        f"the organiser of {competition.title} has not approved you: your registration is "
        f"{competition.participant}"
    ]


def _dates(phase: Phase, now: datetime) -> list[str]:
    if phase.is_open(now):
        return []
    state = "has not begun" if now < phase.start else "is over"
    return [f"phase {phase.name} {state}: {phase.dates}; the server's time is {now:%Y-%m-%d %H:%M}"]


def _used(phase: Phase) -> list[str]:
    problems = []
    if phase.per_day is not None and phase.used_today >= phase.per_day:
        problems.append(
            f"you have used {phase.used_today} of {phase.per_day} submissions today; the next day "
            "begins at 00:00 UTC"
        )
    if phase.in_all is not None and phase.used >= phase.in_all:
        problems.append(f"you have used {phase.used} of {phase.in_all} submissions of this phase")
    return problems


def _space(platform: Platform, order: Order) -> list[str]:
    free = platform.free_space()
    if free is None or free >= order.size:
        return []
    return [
        f"the zip has {order.size:,} bytes, and {max(free, 0):,} are left of your space on the "
        "platform; delete files on its page Resources"
    ]


def _accepted(journal: Journal) -> Sequence[int]:
    """Return the submissions of the same zip that an interrupted command knew of."""
    return journal.state.known if journal.begun else ()


def _twice(found: Sequence[Sent]) -> list[str]:
    """Say that the same zip was submitted to this phase, by this machine or another one."""
    if not found:
        return []
    told = ", ".join(f"{one.id} ({one.status}, {one.created:%Y-%m-%d %H:%M} UTC)" for one in found)
    return [f"the same zip was submitted to this phase already: {told}"]


def _notes(place: Place, now: datetime, skew: timedelta) -> list[str]:
    phase, notes = place.phase, []
    if abs(skew) > _MUCH_SKEW:
        notes.append(
            f"this machine's clock differs from the server's by {skew.total_seconds():+.0f} s; the "
            "server's counts"
        )
    if phase.end and now < phase.end < now + _LITTLE_LEFT:
        notes.append(f"the phase ends at {phase.end:%H:%M} UTC; it is {now:%H:%M}")
    if phase.per_day is not None:
        notes.append(f"today's submissions: {phase.used_today} of {phase.per_day} used")
    if not place.competition.starts_itself:
        notes.append("the organiser starts submissions by hand; until then they wait")
    return notes
