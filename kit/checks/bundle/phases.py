"""The phases of competition.yaml: dates as the platform reads them, order, limits.

Source: codalab/codabench unpackers/utils.py `get_datetime`: a text is read by dateutil, an offset
is dropped; a date without quotes is a date for YAML, and loses its time of day.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

from kit.checks.bundle.keys import finding_at
from kit.competition import Competition, task_index, time_limit
from kit.contract import DEFAULT_TIME_LIMIT_S
from kit.findings.finding import Finding
from kit.server_dates import has_offset, is_incomplete, moment
from kit.server_fields import flag_of, whole_number


def check_phases(competition: Competition, now: datetime) -> Iterator[Finding]:
    """Tasks, dates, order and limits of every phase; `now` without a time zone, UTC."""
    phases = competition.phases()
    tasks = [task_index(task) for _, task in competition.entries("tasks")]
    for number, phase in phases:
        yield from _tasks(competition, number, phase, tasks)
        yield from _dates(competition, number, phase)
        yield from _limits(competition, number, phase)
    indexes = [phase.get("index", 0) for _, phase in phases]
    try:
        sorted(indexes)
    except TypeError:
        found = f"phases: the platform cannot sort the indexes {indexes}"
        yield finding_at(competition, "phase-index", found, "phases")
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
    """What a date loses on the platform; `check_fields` says which it does not read at all."""
    for key in ("start", "end"):
        value, place = phase.get(key), ("phases", number, key)
        if isinstance(value, datetime) and value.time() != time():
            found = f"{key}: {value} without quotes becomes {value.date()} 00:00"
            yield finding_at(competition, "date-loses-time", found, *place)
        elif isinstance(value, str) and has_offset(value):
            found = f"{key}: the platform drops the offset of {value!r} and reads UTC"
            yield finding_at(competition, "date-offset", found, *place)
        if isinstance(value, str) and is_incomplete(value):
            found = f"{key}: {value!r} takes its missing parts from the day of the upload"
            yield finding_at(competition, "date-incomplete", found, *place)


def _limits(competition: Competition, number: int, phase: dict[str, Any]) -> Iterator[Finding]:
    limit = time_limit(phase)
    place = ("phases", number, "execution_time_limit")
    if whole_number(phase.get("execution_time_limit") or None) == 0:  # "0"; 0 is the default
        found = "execution_time_limit: a worker ends nothing after 0 s, expected at least 1"
        yield finding_at(competition, "time-limit-malformed", found, *place)
    elif limit is not None and limit > DEFAULT_TIME_LIMIT_S:
        found = f"execution_time_limit: {limit} s; the default queue may cut it"
        yield finding_at(competition, "time-limit-capped", found, *place)
    for key in ("max_submissions_per_day", "max_submissions"):
        if key in phase and (phase[key] is None or whole_number(phase[key]) == 0):
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
    if flag_of(first.get("auto_migrate_to_this_phase")):
        found = f"{_name(first, number)}: nothing can migrate to the first phase"
        place = ("phases", number, "auto_migrate_to_this_phase")
        yield finding_at(competition, "phase-migrate", found, *place)
    number, last = phases[-1]
    end = moment(last.get("end"))
    if end and end < now:
        found = f"{_name(last, number)}: the last phase ended {end}"
        yield finding_at(competition, "phase-past", found, "phases", number, "end")
