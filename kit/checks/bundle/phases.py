"""The phases of competition.yaml: dates as the platform reads them, order, limits.

Source: codalab/codabench unpackers/utils.py `get_datetime`: a date without quotes is a date for
YAML, and loses its time of day; an offset is dropped.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from kit.checks.bundle.keys import finding_at
from kit.competition import Competition, task_index, time_limit
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.findings.finding import Finding

_FORMATS = (
    "%m-%d-%Y", "%m-%d-%Y %H:%M", "%m-%d-%Y %H:%M:%S", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S", "%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d %b %Y", "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M UTC",
)  # fmt: skip


def check_phases(competition: Competition, now: datetime) -> Iterator[Finding]:
    """Tasks, dates, order and limits of every phase; `now` without a time zone, UTC."""
    phases = competition.phases()
    tasks = [task_index(task) for _, task in competition.entries("tasks")]
    for number, phase in phases:
        yield from _tasks(competition, number, phase, tasks)
        yield from _dates(competition, number, phase)
        yield from _limits(competition, number, phase)
    yield from _sequence(competition, phases)
    if phases:
        yield from _first_and_last(competition, phases, now)


def _tasks(
    competition: Competition, number: int, phase: dict[str, Any], known: list[Any]
) -> Iterator[Finding]:
    tasks = phase.get("tasks")
    place = ("phases", number, "tasks")
    if not isinstance(tasks, list) or not tasks:
        yield finding_at(competition, "phase-tasks", f"{_name(phase, number)}: no tasks", *place)
        return
    for index in [index for index in tasks if index not in known]:
        found = f"{_name(phase, number)}: there is no task {index!r}"
        yield finding_at(competition, "phase-tasks", found, *place)
    if len(tasks) > 1:
        for _, board in competition.entries("leaderboards"):
            rule = str(board.get("submission_rule", ""))
            if rule.startswith("Force_"):
                found = f"{_name(phase, number)}: {len(tasks)} tasks under the rule {rule}"
                yield finding_at(competition, "rule-several-tasks", found, *place)


def _name(phase: dict[str, Any], number: int) -> str:
    return f"phase {phase.get('name') or number}"


def _dates(competition: Competition, number: int, phase: dict[str, Any]) -> Iterator[Finding]:
    for key in ("start", "end"):
        value, place = phase.get(key), ("phases", number, key)
        raw = competition.document.timestamps.get(place)
        if (
            raw is not None
            and isinstance(value, datetime)
            and value.time().isoformat() != "00:00:00"
        ):
            found = f"{key}: {raw} without quotes becomes {value.date()} 00:00"
            yield finding_at(competition, "date-loses-time", found, *place)
        elif raw is not None:
            yield finding_at(competition, "date-unquoted", f"{key}: {raw} without quotes", *place)
        elif value is None and key == "start":
            yield finding_at(
                competition, "required-missing", f"{_name(phase, number)}: no start", *place
            )
        elif value is not None and moment(value) is None:
            yield finding_at(
                competition, "date-malformed", f"{key}: {value!r} is not a date", *place
            )
        if isinstance(value, str) and _has_offset(value):
            found = f"{key}: the platform drops the offset of {value!r} and reads UTC"
            yield finding_at(competition, "date-offset", found, *place)


def _has_offset(text: str) -> bool:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        return False
    return bool(offset)


def moment(value: Any) -> datetime | None:
    """Return a date of competition.yaml as the platform reads it: UTC, without its offset."""
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip()).replace(tzinfo=None)
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(value.strip(), form)
        except ValueError:
            continue
    return None


def _limits(competition: Competition, number: int, phase: dict[str, Any]) -> Iterator[Finding]:
    limit = time_limit(phase)
    place = ("phases", number, "execution_time_limit")
    if limit is None:
        value = phase["execution_time_limit"]
        found = f"execution_time_limit: expected whole seconds, found {value!r}"
        yield finding_at(competition, "time-limit-malformed", found, *place)
    elif limit > DEFAULT_TIME_LIMIT_S:
        found = f"execution_time_limit: {limit} s; the default queue may cut it"
        yield finding_at(competition, "time-limit-capped", found, *place)
    for key in ("max_submissions_per_day", "max_submissions"):
        if key in phase and not phase[key]:
            found = f"{key}: {phase[key]!r} means unlimited"
            yield finding_at(competition, "submissions-unlimited", found, "phases", number, key)


def _sequence(
    competition: Competition, phases: list[tuple[int, dict[str, Any]]]
) -> Iterator[Finding]:
    for (before, earlier), (number, later) in itertools.pairwise(phases):
        end, start = moment(earlier.get("end")), moment(later.get("start"))
        if earlier.get("end") is None:
            found = f"{_name(earlier, before)}: has a phase after it and no end"
            yield finding_at(competition, "phase-end-missing", found, "phases", before)
        elif end and start and start <= end:
            found = f"{_name(later, number)}: starts {start}, the one before ends {end}"
            yield finding_at(competition, "phase-order", found, "phases", number, "start")
    for number, phase in phases:
        start, end = moment(phase.get("start")), moment(phase.get("end"))
        if start and end and end <= start:
            found = f"{_name(phase, number)}: starts {start} and ends {end}"
            yield finding_at(competition, "phase-never-active", found, "phases", number, "end")


def _first_and_last(
    competition: Competition, phases: list[tuple[int, dict[str, Any]]], now: datetime
) -> Iterator[Finding]:
    number, first = phases[0]
    if first.get("auto_migrate_to_this_phase"):
        found = f"{_name(first, number)}: nothing can migrate to the first phase"
        place = ("phases", number, "auto_migrate_to_this_phase")
        yield finding_at(competition, "phase-migrate", found, *place)
    number, last = phases[-1]
    end = moment(last.get("end"))
    if end and end < now:
        found = f"{_name(last, number)}: the last phase ended {end}"
        yield finding_at(competition, "phase-past", found, "phases", number, "end")
