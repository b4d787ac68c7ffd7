"""The state of a platform on loopback: users, limits, data sets, submissions and their progress."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

TOKEN = "0123456789abcdef0123456789abcdef01234567"
USER = "ada"
COMPETITION, PHASE = 7, 70


@dataclass
class Upload:
    """A data set of the fake."""

    number: int
    key: str
    file_name: str
    path: str  # in the storage
    owner: str = USER
    content: bytes | None = None
    file_size: int = 0  # known once it was told to be complete


@dataclass
class Work:
    """A submission of the fake; each look at it moves it on."""

    number: int
    upload: Upload
    task: str
    steps: list[str]
    scores: dict[str, str]
    owner: str = USER
    parent: int | None = None
    answers: dict[str, Any] | None = None
    children: list[int] = field(default_factory=list)
    late_looks: int = 0  # looks at the ended submission before its scores are there
    details: str | None = None

    @property
    def status(self) -> str:
        return self.steps[0]

    def look(self) -> None:
        if len(self.steps) > 1:
            self.steps.pop(0)
        elif self.late_looks:
            self.late_looks -= 1


class FakePlatform:
    """The state of the platform; tests change its fields before or while the kit asks.

    `faults[(method, pattern)]` are used up one a request whose path matches.
    """

    def __init__(self) -> None:
        self.url = ""
        self.now = datetime.now(timezone.utc)  # the server's clock, which stands still
        self.faults: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self.asked: list[tuple[str, str]] = []
        self.tokens_at_storage: list[str] = []
        self.participant: str | None = "approved"
        self.start, self.end = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
        self.tasks = {1: "Only task"}
        self.per_day: int | None = 5
        self.in_all: int | None = 100
        self.used_before = 0
        self.secret_key: str | None = None  # of a competition that is not public
        self.fact_sheet: dict[str, Any] | None = None
        self.robots = False  # whether robots may submit, and the user is one
        self.quota_gb, self.used_bytes = 15, 0.0
        self.limit_s = 600
        self.title, self.image = "Third party", "codalab/codalab-legacy:py37"
        self.refuses_with_400 = False  # as newer servers do (#2496)
        self.hidden: set[str] = set()  # all, prediction_result, scoring_result
        self.steps = ["Submitting", "Submitted", "Running", "Scoring", "Finished"]
        self.scores = {"challenge_score": "1.0000000000", "accuracy": "1.0000000000"}
        self.late_looks = 0
        self.child_scores: dict[str, dict[str, str]] = {}
        self.child_steps: dict[str, list[str]] = {}
        self.uploads: dict[str, Upload] = {}
        self.works: dict[int, Work] = {}
        self.signed: set[str] = set()  # paths that may be written
        self.files: dict[str, bytes] = {}  # what the storage gives
        self.lock = threading.RLock()

    def fault(self, method: str, pattern: str, *faults: Any) -> None:
        """Let the next requests of that kind end in these ways."""
        self.faults[method, pattern] += faults

    def count(self, method: str, pattern: str) -> int:
        """Return how often a path was asked."""
        return sum(m == method and bool(re.search(pattern, path)) for m, path in self.asked)

    @property
    def own(self) -> list[Work]:
        """The submissions without children of others."""
        return [work for work in self.works.values() if work.parent is None]

    def next_fault(self, method: str, path: str) -> Any:
        for (wanted, pattern), faults in self.faults.items():
            if wanted == method and faults and re.search(pattern, path):
                return faults.pop(0)
        return None


def used(platform: FakePlatform) -> int:
    """As the server counts: failed ones do not count, cancelled ones do."""
    return platform.used_before + sum(work.status != "Failed" for work in platform.own)


def limit_reached(platform: FakePlatform) -> str | None:
    if platform.robots:
        return None
    if platform.per_day and used(platform) >= platform.per_day:
        return "Reached maximum allowed submissions for today for this phase"
    if platform.in_all and used(platform) >= platform.in_all:
        return "Reached maximum allowed submissions for this phase"
    return None


def add_work(
    platform: FakePlatform, upload: Upload, task: str, steps: list[str], scores: dict[str, str]
) -> Work:
    number = 500 + len(platform.works)
    work = platform.works[number] = Work(number, upload, task, steps, scores)
    return work


def serialized(platform: FakePlatform, work: Work) -> dict[str, Any]:
    scored = work.status == "Finished" and not work.late_looks
    return {
        "id": work.number, "pk": work.number, "status": work.status,
        "status_details": work.details, "created_when": platform.now.isoformat(),
        "phase": PHASE, "phase_name": "First", "filename": work.upload.path.rsplit("/", 1)[1],
        "owner": work.owner, "parent": work.parent, "children": work.children,
        "has_children": bool(work.children), "on_leaderboard": scored,
        "task": {"id": 1, "name": work.task, "key": "k"} if work.task else None,
        "scores": [
            {"id": 1, "index": index, "column_key": key, "score": value}
            for index, (key, value) in enumerate(work.scores.items())
        ] if scored else [],
    }  # fmt: skip
