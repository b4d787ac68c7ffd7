"""The values that the platform's server takes, by type of field.

The server reads competition.yaml through serializers (Django REST framework), which are lenient in
their own way: "true" is a boolean, "5" a whole number and 2024 a text, but `yes` is no text.

Source: codalab/codabench src/apps/api/serializers and rest_framework/fields.py.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from typing import Any, Final

from kit.server_dates import moment

LARGEST: Final = 2_147_483_647  # of an integer column in PostgreSQL
_LONGEST_NUMBER: Final = 1_000
_TRUE = ("t", "y", "yes", "true", "on", "1", 1)
_FALSE = ("f", "n", "no", "false", "off", "0", 0)
_ATOM = r"[a-z0-9_.!#$%&'*+/=?^`{|}~-]+"
_EMAIL = re.compile(
    rf"(?!\.)(?!.*\.[.@]){_ATOM}@(localhost|([^\W_][\w-]*\.)+([^\W\d_]{{2,63}}|xn--[a-z0-9]+))",
    re.I,
)


class FileKind(Enum):
    """What the platform does with a file that competition.yaml names."""

    IMAGE = auto()
    PAGE = auto()
    PROGRAM = auto()
    DATA = auto()
    DOWNLOAD = auto()  # no worker unpacks it


class Type(Enum):
    """How the server reads the value of a key."""

    TEXT = auto()
    EMAIL = auto()
    FLAG = auto()
    WHOLE = auto()
    CHOICE = auto()
    DATE = auto()
    UUID = auto()
    LIST = auto()  # of mappings
    FILE = auto()
    OTHER = auto()  # checked where its meaning is known


@dataclass(frozen=True)
class Field:
    """A key of competition.yaml, as the server reads it.

    Attributes:
        type: how the value is read.
        needed: whether the key has to be there.
        null: whether it may be there without a value.
        blank: whether it may be an empty text or list.
        emptied: whether the unpacker puts a default where the value is empty.
        least, most: limits of a number; `most` is also the length of a text.
        choices: the texts of a choice.
        file: what a file is for.
        code: of the finding where the server refuses the value.
        missing: the code where it needs a value and finds none.
    """

    type: Type
    needed: bool = False
    null: bool = False
    blank: bool = False
    emptied: bool = False
    least: int = 0
    most: int | None = None
    choices: tuple[str, ...] = ()
    file: FileKind | None = None
    code: str = "field-refused"
    missing: str = "required-missing"


class Reason(Enum):
    """Why the server refuses a value."""

    ABSENT = auto()
    TOO_LONG = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Refusal:
    """The server's refusal of a value: why, and what was expected and found."""

    reason: Reason
    text: str


ABSENT: Final = object()  # the value of a key that is not there


def refusal(field: Field, value: Any) -> Refusal | None:
    """Return why the server refuses a value (or `ABSENT`) of a field; None where it takes it."""
    if value is ABSENT:
        return Refusal(Reason.ABSENT, "expected it, found nothing") if field.needed else None
    if field.emptied and not value:
        return None
    if value is None:
        return None if field.null else Refusal(Reason.ABSENT, "expected a value, found none")
    is_blank = isinstance(value, str) and not value.strip()
    if is_blank and field.type in (Type.TEXT, Type.EMAIL, Type.CHOICE):
        return None if field.blank else Refusal(Reason.ABSENT, "expected text, found an empty one")
    return _CHECKS[field.type](field, value)


def text_of(value: Any) -> str | None:
    """Return a value as the server's text field keeps it, None where it takes it for no text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    refused = any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)
    return None if refused else text


def flag_of(value: Any) -> bool | None:
    """Return a boolean as the server reads it, words and 0 and 1 included; None for others."""
    word = value.lower() if isinstance(value, str) else value
    if isinstance(word, str | int | float):
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def whole_number(value: Any) -> int | None:
    """Return a number as the server reads it, texts and 1.0 included; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        return int(re.sub(r"\.0*\s*$", "", text))
    except ValueError:
        return None


def is_platform_key(value: Any) -> bool:
    """Say whether a value can be the key of something that is on the platform already, a UUID."""
    try:
        uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def _other(expected: str, value: Any) -> Refusal:
    found = repr(value)
    return Refusal(
        Reason.OTHER,
        f"expected {expected}, found {found if len(found) < 80 else found[:76] + '...'}",
    )


def _text(field: Field, value: Any) -> Refusal | None:
    text = text_of(value)
    if text is None:
        quotes = "; put it in quotes" if isinstance(value, bool | date) else ""
        refused = _other("text", value)
        return Refusal(refused.reason, refused.text + quotes)
    if field.most is not None and len(text) > field.most:
        return Refusal(
            Reason.TOO_LONG, f"expected at most {field.most} characters, found {len(text)}"
        )
    return None


def _email(field: Field, value: Any) -> Refusal | None:
    if (refused := _text(field, value)) is not None:
        return refused
    good = _EMAIL.fullmatch(str(value).strip())
    return None if good else _other("one email address", value)


def _flag(field: Field, value: Any) -> Refusal | None:
    return _other("true or false", value) if flag_of(value) is None else None


def _whole(field: Field, value: Any) -> Refusal | None:
    number, most = whole_number(value), LARGEST if field.most is None else field.most
    if number is None or not field.least <= number <= most:
        return _other(f"a whole number from {field.least} to {most}", value)
    return None


def _choice(field: Field, value: Any) -> Refusal | None:
    if str(value) not in field.choices:
        return _other(f"one of {', '.join(field.choices)}", value)
    return None


def _date(field: Field, value: Any) -> Refusal | None:
    if not value:  # the unpacker takes 0 and "" for no date
        return None if field.null else Refusal(Reason.ABSENT, "expected a date, found none")
    return _other("a date", value) if moment(value) is None else None


def _uuid(field: Field, value: Any) -> Refusal | None:
    return (
        None
        if is_platform_key(value)
        else _other("the key (UUID) of what is on the platform", value)
    )


def _list(field: Field, value: Any) -> Refusal | None:
    if not value:
        return None if field.blank else Refusal(Reason.ABSENT, "expected at least one, found none")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return _other("a list of mappings", value)
    return None


def _any(field: Field, value: Any) -> Refusal | None:
    return None


_CHECKS: dict[Type, Callable[[Field, Any], Refusal | None]] = {
    Type.TEXT: _text,
    Type.EMAIL: _email,
    Type.FLAG: _flag,
    Type.WHOLE: _whole,
    Type.CHOICE: _choice,
    Type.DATE: _date,
    Type.UUID: _uuid,
    Type.LIST: _list,
    Type.FILE: _any,
    Type.OTHER: _any,
}
