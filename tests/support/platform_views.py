"""The views of a platform on loopback, odd statuses included.

Source: `src/apps/api/views` of codalab/codabench at c7dbc756.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.platform_state import (
    COMPETITION,
    PHASE,
    USER,
    FakePlatform,
    Upload,
    add_work,
    limit_reached,
    serialized,
    used,
)

# An answer: status, content (JSON, or text for a page), headers.
Answer = tuple[int, Any, dict[str, str]]
_TOO_LONG = 64


@dataclass
class Request:
    """What a view sees of a request."""

    platform: FakePlatform
    command: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def storage(request: Request, path: str) -> Answer:
    platform = request.platform
    if token := request.headers.get("Authorization"):
        platform.tokens_at_storage.append(token)
    if request.command == "GET":
        content = platform.files.get(path)
        return (404, "gone", {}) if content is None else (200, content, {})
    if path not in platform.signed or request.headers.get("Content-Type") != "application/zip":
        return 403, "<Error><Code>AccessDenied</Code></Error>", {}
    if "Content-Length" not in request.headers:
        return 411, "<Error><Code>MissingContentLength</Code></Error>", {}
    for upload in platform.uploads.values():
        if upload.path == path:
            upload.content = request.body
    return 200, "", {}


def profile(request: Request) -> Answer:
    return 200, {"username": USER, "name": "", "email": "a@example.org", "github_info": None}, {}


def competition(request: Request, number: str) -> Answer:
    platform = request.platform
    if int(number) != COMPETITION or not _visible(request):
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
        "leaderboards": [{"id": 1, "primary_index": 0, "columns": columns}],
        "fact_sheet": platform.fact_sheet, "allow_robot_submissions": platform.robots,
    }  # fmt: skip
    return 200, content, {}


def _visible(request: Request) -> bool:
    """With a key in the query only that counts, for participants too."""
    platform = request.platform
    if given := request.query.get("secret_key"):
        return given == [platform.secret_key]
    return platform.secret_key is None or platform.participant == "approved"


def can_make_submission(request: Request, phase: str) -> Answer:
    if request.platform.participant != "approved":
        reason = "User not approved to participate in this competition"
        return 200, {"can": False, "reason": reason}, {}
    reason_or_none = limit_reached(request.platform)
    return 200, {"can": reason_or_none is None, "reason": reason_or_none}, {}


def quota(request: Request) -> Answer:
    platform = request.platform
    return 200, {"quota": platform.quota_gb, "storage_used": platform.used_bytes}, {}


def list_data_sets(request: Request) -> Answer:
    search = request.query.get("search", [""])[0]
    rows = [
        {
            "id": upload.number, "key": upload.key, "created_by": upload.owner, "name": "a name",
            "file_name": upload.file_name, "type": "submission",
            "file_size": float(upload.file_size),
            "submission_file_size": float(upload.file_size),
        }
        for upload in reversed(request.platform.uploads.values())
        if search in upload.file_name
    ]  # fmt: skip
    return 200, {"count": len(rows), "next": None, "previous": None, "results": rows}, {}


def make_data_set(request: Request) -> Answer:
    platform, asked = request.platform, request.json
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


def complete(request: Request, key: str) -> Answer:
    upload = request.platform.uploads.get(key)
    if upload is None:
        return 404, {"detail": "Not found."}, {}
    upload.file_size = upload.file_size or len(upload.content or b"")
    return 200, {"key": key}, {}


def delete_data_set(request: Request, number: str) -> Answer:
    platform = request.platform
    for key, upload in platform.uploads.items():
        if upload.number == int(number):
            if any(work.upload is upload for work in platform.works.values()):
                return 400, {"error": "Cannot delete submission: submission belongs to ..."}, {}
            del platform.uploads[key]
            return 204, None, {}
    return 404, {"detail": "Not found."}, {}


def list_submissions(request: Request) -> Answer:
    works = request.platform.works
    return 200, [serialized(request.platform, works[number]) for number in sorted(works)[::-1]], {}


def make_submission(request: Request) -> Answer:
    platform, asked = request.platform, request.json
    upload = platform.uploads.get(asked["data"])
    if upload is None:
        return 400, {"data": [f"Object with key={asked['data']} does not exist."]}, {}
    if not set(asked["tasks"]) <= set(platform.tasks):
        return 400, {"non_field_errors": ["All tasks must be part of the current phase."]}, {}
    if answers := asked.get("fact_sheet_answers"):
        if platform.fact_sheet is None:
            return 500, "<h1>Error</h1>", {}
        if refusal := refused_answers(platform.fact_sheet, answers):
            return 400, {"non_field_errors": [refusal]}, {}
    if platform.participant != "approved":
        return 403, {"detail": "You do not have access to this competition"}, {}
    if reason := limit_reached(platform):
        # The model raises PermissionError, which is no error of the framework.
        return (400, [reason], {}) if platform.refuses_with_400 else (500, "<h1>Error</h1>", {})
    parent = add_work(platform, upload, "", list(platform.steps), dict(platform.scores))
    parent.late_looks, parent.answers = platform.late_looks, answers
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


def refused_answers(sheet: dict[str, Any], answers: dict[str, Any]) -> str:
    """As `SubmissionCreationSerializer.validate` looks at them."""
    if set(answers) != set(sheet):
        return "Fact Sheet keys do not match Answer keys"
    for key, value in answers.items():
        if value not in sheet[key]["selection"] and sheet[key]["selection"]:
            return f"{key}: {value} is not a valid selection from {sheet[key]}"
        required = sheet[key]["is_required"] == "true"
        if not value and required and not isinstance(value, bool):
            return f"{sheet[key]['title']}({key}) requires an answer"
    return ""


def submission(request: Request, number: str) -> Answer:
    work = request.platform.works.get(int(number))
    if work is None:
        return 404, {"detail": "No Submission matches the given query."}, {}
    answer = serialized(request.platform, work)
    work.look()
    return 200, answer, {}


def get_details(request: Request, number: str) -> Answer:
    platform = request.platform
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
