"""The JSON Schema of each command's --json, in docs/schemas/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.support.repository import ROOT

FOLDER = ROOT / "docs" / "schemas"


def schema_name(command: str) -> str:
    """Return the file of a command, such as `weights show` or `vendor --check`."""
    return f"kit-{command.replace(' --', '-').replace(' ', '-')}.schema.json"


@cache
def schemas() -> dict[str, Any]:
    """Return all schemas by file name."""
    paths = sorted(FOLDER.glob("*.schema.json"))
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def command_of(arguments: Sequence[str]) -> str:
    """Return the command of a command line as the schemas name it."""
    command = arguments[0]
    if command == "weights":
        return f"weights {arguments[1]}"
    return "vendor --check" if command == "vendor" and "--check" in arguments else command


def schema_problems(command: str, document: object) -> list[str]:
    """Return where a document of `kit COMMAND --json` leaves its schema."""
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas().items()
    )
    validator = Draft202012Validator(
        schemas()[schema_name(command)],
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
