"""What the server sends, read into types; anything else is one message.

Source: `CompetitionDetailSerializer`, `PhaseDetailSerializer`, `SubmissionSerializer`,
`DataDetailSerializer` of codalab/codabench.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Final, TypeVar

from kit.contract import MAX_ABS_SCORE
from kit.remote.errors import PlatformError
from kit.remote.fact_sheet import Question, questions

FINISHED: Final = "Finished"
FAILED: Final = "Failed"
CANCELLED: Final = "Cancelled"
SUBMITTING: Final = "Submitting"
ENDED: Final = (FINISHED, FAILED, CANCELLED)
APPROVED: Final = "approved"
T = TypeVar("T")


@dataclass(frozen=True)
class RemoteTask:
    """A task of a phase."""

    id: int
    key: str
    name: str


@dataclass(frozen=True)
class Phase:
    """A phase of a competition, with what the user has used of it.

    per_day, in_all: how many submissions a user has; None: without limit. end: None: never.
    """

    id: int
    name: str
    start: datetime
    end: datetime | None
    limit_s: float
    tasks: tuple[RemoteTask, ...]
    per_day: int | None
    in_all: int | None
    used_today: int
    used: int

    def is_open(self, now: datetime) -> bool:
        """Say whether the phase takes submissions at that time of the server's clock."""
        return self.start <= now and (self.end is None or now < self.end)

    @property
    def dates(self) -> str:
        """From when to when, for messages."""
        end = f"to {self.end:%Y-%m-%d %H:%M}" if self.end else "without end"
        return f"{self.start:%Y-%m-%d %H:%M} {end} UTC"


@dataclass(frozen=True)
class Competition:
    """A competition as a participant sees it.

    participant: "" for a user who has not asked to take part. columns: keys of the leaderboard's
    visible columns; empty where the leaderboard is hidden. starts_itself: whether submissions run
    without the organiser. takes_robots: whether users who are robots have no limits. fact_sheet:
    the questions that the organiser asks.
    """

    id: int
    title: str
    participant: str
    phases: tuple[Phase, ...]
    columns: tuple[str, ...]
    docker_image: str
    starts_itself: bool
    takes_robots: bool
    fact_sheet: tuple[Question, ...]


@dataclass(frozen=True)
class Sent:
    """A submission on the platform. scores: by column, as the server stores them."""

    id: int
    status: str
    details: str
    created: datetime
    phase: int
    phase_name: str
    file_name: str
    owner: str
    parent: int | None
    children: tuple[int, ...]
    task: str
    on_board: bool
    scores: dict[str, Decimal]

    @property
    def ended(self) -> bool:
        """Whether the status will not change again."""
        return self.status in ENDED

    def as_json(self) -> dict[str, Any]:
        """Return it as the kit's documents give it."""
        return {
            "id": self.id,
            "status": self.status,
            "details": self.details,
            "created": self.created.isoformat(timespec="seconds"),
            "phase": self.phase_name,
            "phase_id": self.phase,
            "task": self.task,
            "file_name": self.file_name,
            "on_leaderboard": self.on_board,
            "children": [*self.children],
            "scores": {key: float(value) for key, value in self.scores.items()},
        }


@dataclass(frozen=True)
class DataSet:
    """An uploaded file.

    size: 0 before the server was told that the upload is complete; -1 where it tells none.
    """

    id: int
    key: str
    file_name: str
    owner: str
    size: int


def read(what: str, content: Any, builder: Callable[[Any], T]) -> T:
    """Build a value from what the server sent.

    Raises:
        PlatformError: a field is missing or of another kind.
    """
    try:
        return builder(content)
    except LookupError as error:
        raise _odd(what, f"without the field {error}") from error
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise _odd(what, f"with a value of another kind ({error})") from error


def _odd(what: str, found: str) -> PlatformError:
    return PlatformError(
        f"{what}: expected the answer of a Codabench server, found one {found}",
        hint="compare the server's version with the one that the kit knows (1.25), and report it",
    )


def competition(content: Any) -> Competition:
    """Read a competition."""
    boards = content.get("leaderboards") or []
    columns = boards[0]["columns"] if boards else []
    return Competition(
        id=int(content["id"]),
        title=str(content["title"]),
        participant=str(content.get("participant_status") or ""),
        phases=tuple(_phase(each) for each in content["phases"]),
        columns=tuple(str(each["key"]) for each in columns if not each.get("hidden")),
        docker_image=str(content.get("docker_image") or ""),
        starts_itself=bool(content.get("auto_run_submissions", True)),
        takes_robots=bool(content.get("allow_robot_submissions")),
        fact_sheet=questions(content.get("fact_sheet")),
    )


def _phase(content: Any) -> Phase:
    limited = content.get("has_max_submissions", True)
    return Phase(
        id=int(content["id"]),
        name=str(content["name"]),
        start=_moment(content["start"]),
        end=_moment(content["end"]) if content.get("end") else None,
        limit_s=float(content["execution_time_limit"]),
        tasks=tuple(
            RemoteTask(int(each["id"]), str(each["key"]), str(each["name"]))
            for each in content["tasks"]
        ),
        # 0 and null mean the same on the platform.
        per_day=(int(content.get("max_submissions_per_day") or 0) or None) if limited else None,
        in_all=(int(content.get("max_submissions_per_person") or 0) or None) if limited else None,
        used_today=int(content.get("used_submissions_per_day") or 0),
        used=int(content.get("used_submissions_per_person") or 0),
    )


def sent(content: Any) -> Sent:
    """Read a submission."""
    task = content.get("task")
    return Sent(
        id=int(content["id"]),
        status=str(content["status"]),
        details=str(content.get("status_details") or ""),
        created=_moment(content["created_when"]),
        phase=int(content["phase"]),
        phase_name=str(content.get("phase_name") or ""),
        file_name=str(content.get("filename") or ""),
        owner=str(content["owner"]),
        parent=None if content.get("parent") is None else int(content["parent"]),
        children=tuple(int(each) for each in content.get("children") or []),
        task=str(task["name"]) if isinstance(task, dict) else "",
        on_board=bool(content.get("on_leaderboard")),
        scores={
            str(each["column_key"]): _score(each["score"]) for each in content.get("scores") or []
        },
    )


def _score(value: Any) -> Decimal:
    """Read a score as the server can store one. Raises ValueError."""
    score = Decimal(str(value))
    if not score.is_finite() or abs(score) >= MAX_ABS_SCORE:
        raise ValueError(f"score {value}")
    return score


def data_set(content: Any) -> DataSet:
    """Read a data set. Its own size: `file_size` counts the results of its submissions too."""
    return DataSet(
        id=int(content["id"]),
        key=str(content["key"]),
        file_name=str(content.get("file_name") or ""),
        owner=str(content.get("created_by") or ""),
        size=int(float(content.get("submission_file_size", -1) or 0)),
    )


def _moment(text: Any) -> datetime:
    from dateutil import parser

    found: datetime = parser.isoparse(text)
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)
