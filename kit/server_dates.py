"""Dates of competition.yaml as the platform's unpacker reads them.

Source: codalab/codabench competitions/unpackers/utils.py `get_datetime`.
"""

from __future__ import annotations

import warnings
from datetime import date, datetime
from typing import Any

# Two days that differ in year, month and day, to see which of them a text leaves open.
_DAYS = (datetime(2000, 1, 1), datetime(2003, 2, 2))


def moment(value: Any) -> datetime | None:
    """Return a date as the unpacker reads it: UTC, without its offset; None where it is none.

    A date without quotes is a date for YAML, and the unpacker takes its day only.
    """
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    found = _parsed(value) if isinstance(value, str) else None
    return found.replace(tzinfo=None) if found else None


def has_offset(text: str) -> bool:
    """Say whether a date names another time than UTC."""
    found = _parsed(text)
    return bool(found and found.utcoffset())


def is_incomplete(text: str) -> bool:
    """Say whether a date lacks its year, month or day: dateutil takes those of the present day."""
    found = [_parsed(text, day) for day in _DAYS]
    return None not in found and found[0] != found[1]


def _parsed(text: str, default: datetime | None = None) -> datetime | None:
    from dateutil import parser  # here, because most commands read no date

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # names of time zones that dateutil does not know
            found: datetime = parser.parse(text, default=default)
            return found
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None
