"""A platform on loopback: the API's views as the kit uses them, its storage, and its faults.

It answers as codalab/codabench does at c7dbc756 (`src/apps/api/views`), odd statuses included: a
wrong token is 403, a used-up limit is a page with status 500 after the upload.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "0123456789abcdef0123456789abcdef01234567"
USER = "ada"
COMPETITION, PHASE = 7, 70
_TOO_LONG = 64

# An answer: status, content (JSON, or text for a page), headers.
Answer = tuple[int, Any, dict[str, str]]
# How one request is answered in place of the usual way, which `usual` gives.
Fault = Callable[["Handler", Callable[[], Answer]], "Answer | None"]


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
        self.faults: dict[tuple[str, str], list[Fault]] = defaultdict(list)
        self.asked: list[tuple[str, str]] = []
        self.tokens_at_storage: list[str] = []
        self.participant: str | None = "approved"
        self.start, self.end = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
        self.tasks = {1: "Only task"}
        self.per_day: int | None = 5
        self.in_all: int | None = 100
        self.used_before = 0
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

    def fault(self, method: str, pattern: str, *faults: Fault) -> None:
        """Let the next requests of that kind end in these ways."""
        self.faults[method, pattern] += faults

    def count(self, method: str, pattern: str) -> int:
        """Return how often a path was asked."""
        return sum(m == method and bool(re.search(pattern, path)) for m, path in self.asked)

    @property
    def own(self) -> list[Work]:
        """The submissions without children of others."""
        return [work for work in self.works.values() if work.parent is None]

    def next_fault(self, method: str, path: str) -> Fault | None:
        for (wanted, pattern), faults in self.faults.items():
            if wanted == method and faults and re.search(pattern, path):
                return faults.pop(0)
        return None


class Handler(BaseHTTPRequestHandler):
    platform: FakePlatform
    protocol_version = "HTTP/1.1"
    body: bytes
    query: dict[str, list[str]]

    def handle_any(self) -> None:
        platform, path = self.platform, urlsplit(self.path).path
        self.query = parse_qs(urlsplit(self.path).query)
        self.close_connection = True
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with platform.lock:
            platform.asked.append((self.command, path))
            fault = platform.next_fault(self.command, path)
            usual: Callable[[], Answer] = lambda: self.usual(path)  # noqa: E731
            answer = fault(self, usual) if fault else usual()
        if answer is None:
            return  # dropped
        try:
            self.reply(*answer)
        except ConnectionError:
            pass  # the client has gone

    do_GET = do_POST = do_PUT = do_DELETE = handle_any

    def reply(self, status: int, content: Any, headers: dict[str, str]) -> None:
        if content is None:
            data, kind = b"", "text/plain"
        elif isinstance(content, bytes):
            data, kind = content, "application/octet-stream"
        elif isinstance(content, str):
            data, kind = content.encode(), "text/html"
        else:
            data, kind = json.dumps(content).encode(), "application/json"
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.platform.now, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def usual(self, path: str) -> Answer:
        if path.startswith("/storage/"):
            return storage(self, path)
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            # Sessions come first among the server's ways to sign in, so it is no 401.
            return 403, {"detail": "Invalid token."}, {}
        for method, pattern, view in VIEWS:
            if method == self.command and (match := re.fullmatch(pattern, path)):
                return view(self, *match.groups())
        return 404, "<h1>Not Found</h1>", {}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def storage(handler: Handler, path: str) -> Answer:
    platform = handler.platform
    if token := handler.headers.get("Authorization"):
        platform.tokens_at_storage.append(token)
    if handler.command == "GET":
        content = platform.files.get(path)
        return (404, "gone", {}) if content is None else (200, content, {})
    if path not in platform.signed or handler.headers.get("Content-Type") != "application/zip":
        return 403, "<Error><Code>AccessDenied</Code></Error>", {}
    if "Content-Length" not in handler.headers:
        return 411, "<Error><Code>MissingContentLength</Code></Error>", {}
    for upload in platform.uploads.values():
        if upload.path == path:
            upload.content = handler.body
    return 200, "", {}


def profile(handler: Handler) -> Answer:
    return 200, {"username": USER, "name": "", "email": "a@example.org", "github_info": None}, {}


def competition(handler: Handler, number: str) -> Answer:
    platform = handler.platform
    if int(number) != COMPETITION:
        return 404, {"detail": "No Competition matches the given query."}, {}
    columns = [
        {"title": key.title(), "key": key, "index": index, "hidden": False, "precision": 3}
        for index, key in enumerate(platform.scores)
    ]
    phase = {
        "id": PHASE, "index": 0, "name": "First", "start": platform.start, "end": platform.end,
        "status": "Current", "execution_time_limit": platform.limit_s,
        "tasks": [
            {"id": number, "key": str(uuid.UUID(int=number)), "name": name}
            for number, name in platform.tasks.items()
        ],
        "has_max_submissions": True,
        "max_submissions_per_day": platform.per_day,
        "max_submissions_per_person": platform.in_all,
        "used_submissions_per_day": used(platform),
        "used_submissions_per_person": used(platform),
    }  # fmt: skip
    content = {
        "id": COMPETITION, "title": platform.title, "participant_status": platform.participant,
        "phases": [phase], "docker_image": platform.image, "auto_run_submissions": True,
        "leaderboards": [{"id": 1, "primary_index": 0, "columns": columns}], "fact_sheet": None,
    }  # fmt: skip
    return 200, content, {}


def used(platform: FakePlatform) -> int:
    """As the server counts: failed ones do not count, cancelled ones do."""
    return platform.used_before + sum(work.status != "Failed" for work in platform.own)


def limit_reached(platform: FakePlatform) -> str | None:
    if platform.per_day and used(platform) >= platform.per_day:
        return "Reached maximum allowed submissions for today for this phase"
    if platform.in_all and used(platform) >= platform.in_all:
        return "Reached maximum allowed submissions for this phase"
    return None


def can_make_submission(handler: Handler, phase: str) -> Answer:
    if handler.platform.participant != "approved":
        reason = "User not approved to participate in this competition"
        return 200, {"can": False, "reason": reason}, {}
    reason_or_none = limit_reached(handler.platform)
    return 200, {"can": reason_or_none is None, "reason": reason_or_none}, {}


def quota(handler: Handler) -> Answer:
    platform = handler.platform
    return 200, {"quota": platform.quota_gb, "storage_used": platform.used_bytes}, {}


def list_data_sets(handler: Handler) -> Answer:
    search = handler.query.get("search", [""])[0]
    rows = [
        {
            "id": upload.number, "key": upload.key, "created_by": upload.owner, "name": "a name",
            "file_name": upload.file_name, "type": "submission", "file_size": "0.00",
            "submission_file_size": f"{upload.file_size}.00",
        }
        for upload in reversed(handler.platform.uploads.values())
        if search in upload.file_name
    ]  # fmt: skip
    return 200, {"count": len(rows), "next": None, "previous": None, "results": rows}, {}


def make_data_set(handler: Handler) -> Answer:
    platform, asked = handler.platform, handler.json
    if not asked.get("file_size"):
        return 400, {"file_size": "This field is required."}, {}
    if platform.used_bytes + asked["file_size"] > platform.quota_gb * 1000**3:
        return 400, {"data_file": ["Insufficient space. Your available space is 0 B."]}, {}
    if len(asked.get("file_name", "")) > _TOO_LONG:
        return 400, {"file_name": ["Ensure this field has no more than 64 characters."]}, {}
    key = str(uuid.uuid4())
    stem, _, suffix = asked["request_sassy_file_name"].rpartition(".")
    path = f"/storage/dataset/2026-11-27-1/{key[:12]}/{stem[:35]}.{suffix}"
    number = len(platform.uploads) + 1 + 1000
    platform.uploads[key] = Upload(number, key, asked["file_name"], path)
    platform.signed.add(path)
    return 201, {"key": key, "sassy_url": f"{platform.url}{path}?X-Amz-Signature=secret"}, {}


def complete(handler: Handler, key: str) -> Answer:
    upload = handler.platform.uploads.get(key)
    if upload is None:
        return 404, {"detail": "Not found."}, {}
    upload.file_size = upload.file_size or len(upload.content or b"")
    return 200, {"key": key}, {}


def delete_data_set(handler: Handler, number: str) -> Answer:
    platform = handler.platform
    for key, upload in platform.uploads.items():
        if upload.number == int(number):
            if any(work.upload is upload for work in platform.works.values()):
                return 400, {"error": "Cannot delete submission: submission belongs to ..."}, {}
            del platform.uploads[key]
            return 204, None, {}
    return 404, {"detail": "Not found."}, {}


def list_submissions(handler: Handler) -> Answer:
    works = handler.platform.works
    return 200, [serialized(handler.platform, works[number]) for number in sorted(works)[::-1]], {}


def make_submission(handler: Handler) -> Answer:
    platform, asked = handler.platform, handler.json
    upload = platform.uploads.get(asked["data"])
    if upload is None:
        return 400, {"data": [f"Object with key={asked['data']} does not exist."]}, {}
    if not set(asked["tasks"]) <= set(platform.tasks):
        return 400, {"non_field_errors": ["All tasks must be part of the current phase."]}, {}
    if platform.participant != "approved":
        return 403, {"detail": "You do not have access to this competition"}, {}
    if reason := limit_reached(platform):
        # The model raises PermissionError, which is no error of the framework.
        return (400, [reason], {}) if platform.refuses_with_400 else (500, "<h1>Error</h1>", {})
    parent = add_work(platform, upload, "", list(platform.steps), dict(platform.scores))
    parent.late_looks = platform.late_looks
    names = [platform.tasks[number] for number in asked["tasks"] or platform.tasks]
    if len(names) == 1:
        parent.task = names[0]
    else:
        for name in names:
            steps = list(platform.child_steps.get(name, platform.steps))
            child = add_work(platform, upload, name, steps, platform.child_scores.get(name, {}))
            child.parent = parent.number
            parent.children.append(child.number)
    return 201, {"id": parent.number, "status": parent.status, "data": upload.key}, {}


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


def submission(handler: Handler, number: str) -> Answer:
    work = handler.platform.works.get(int(number))
    if work is None:
        return 404, {"detail": "No Submission matches the given query."}, {}
    answer = serialized(handler.platform, work)
    work.look()
    return 200, answer, {}


def get_details(handler: Handler, number: str) -> Answer:
    platform = handler.platform
    if "all" in platform.hidden:
        return 403, {"detail": "Cannot access submission details while phase marked to hide"}, {}
    files = {
        "prediction_result": f"/storage/prediction_result/{number}.zip",
        "scoring_result": f"/storage/scoring_result/{number}.zip",
        "detailed_result": f"/storage/detailed_result/{number}.html",
    }
    for path in files.values():
        platform.files.setdefault(path, f"content of {path}".encode())
    logs = []
    for name in ("prediction_ingestion_stdout", "scoring_stderr"):
        path = f"/storage/submission_details/{number}-{name}"
        platform.files.setdefault(path, f"log {name}\x1b[2J".encode())
        logs.append({"name": name, "data_file": f"{platform.url}{path}?X-Amz-Signature=secret"})
    content: dict[str, Any] = {
        field: None if field in platform.hidden else f"{platform.url}{path}?X-Amz-Signature=secret"
        for field, path in files.items()
    }
    return 200, {**content, "logs": logs, "leaderboards": []}, {}


_NUMBER, _KEY = r"(\d+)", r"([0-9a-f-]{36})"
VIEWS: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", r"/api/my_profile/", profile),
    ("GET", rf"/api/competitions/{_NUMBER}/", competition),
    ("GET", rf"/api/can_make_submission/{_NUMBER}/", can_make_submission),
    ("GET", r"/api/user_quota/", quota),
    ("GET", r"/api/datasets/", list_data_sets),
    ("POST", r"/api/datasets/", make_data_set),
    ("PUT", rf"/api/datasets/completed/{_KEY}/", complete),
    ("DELETE", rf"/api/datasets/{_NUMBER}/", delete_data_set),
    ("GET", r"/api/submissions/", list_submissions),
    ("POST", r"/api/submissions/", make_submission),
    ("GET", rf"/api/submissions/{_NUMBER}/", submission),
    ("GET", rf"/api/submissions/{_NUMBER}/get_details/", get_details),
)


def drop(handler: Handler, usual: Callable[[], Answer]) -> None:
    """Close the connection; nothing was done."""


def drop_answer(handler: Handler, usual: Callable[[], Answer]) -> None:
    """Do what was asked, and close the connection instead of answering."""
    usual()


def status(code: int, content: Any = "<h1>Error</h1>", **headers: str) -> Fault:
    """Answer with a status; nothing was done."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, usual: (code, content, named)


def done_but(code: int) -> Fault:
    """Do what was asked, and answer with an error all the same."""

    def act(handler: Handler, usual: Callable[[], Answer]) -> Answer:
        usual()
        return code, "<h1>Error</h1>", {}

    return act


def cut(count: int) -> Fault:
    """Lose the end of what was uploaded, and call it a success."""

    def act(handler: Handler, usual: Callable[[], Answer]) -> Answer:
        handler.body = handler.body[:count]
        return usual()

    return act


@contextmanager
def platform_server() -> Iterator[FakePlatform]:
    """A platform on a free port of 127.0.0.1, as long as the block runs."""
    platform = FakePlatform()
    handler = type("BoundHandler", (Handler,), {"platform": platform})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        platform.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield platform
        finally:
            server.shutdown()
            thread.join()


def shifted(platform: FakePlatform, **by: float) -> None:
    """Move the server's clock."""
    platform.now += timedelta(**by)
