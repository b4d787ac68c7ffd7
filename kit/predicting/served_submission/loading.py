"""Load the submission, and the parts of the ingestion program that call it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Failed(Exception):
    """The process cannot go on; the text is the message for the user."""


def load(setup: dict[str, Any]) -> tuple[SimpleNamespace, Any, float]:
    """Return the parts of the ingestion program, the loaded model and the seconds of loading."""
    folder, program_dir = Path(setup["submission"]), Path(setup["program"])
    sys.path[:] = [setup["program"], *sys.path]
    errors, requirements = _part("errors"), _part("requirements")
    submission = _part("submission")
    try:
        submission.find_model_file(folder)
        whitelist = requirements.read_whitelist(program_dir)
        wanted = requirements.read_requirements(folder / "requirements.txt", whitelist)
        requirements.provide(wanted, install=False)
        program = SimpleNamespace(
            IngestionError=errors.IngestionError,
            describe=submission.describe,
            ThreadPoolExecutor=import_module("concurrent.futures").ThreadPoolExecutor,
            **_named("plan", "make_plan"),
            **_named("pipeline", "predict_in_order"),
            **_named("images", "UnreadableImage", "why_undecodable"),
            **_named("prediction_check", "PredictionCheck"),
        )
        loaded = submission.load_submission(folder, program_dir, whitelist)
    except errors.ResultSubmission:
        raise Failed("a result submission: it holds predictions and no model") from None
    except errors.IngestionError as error:
        if isinstance(error, submission.SubmissionError):
            print(error.participant_traceback(), file=sys.stderr, flush=True)
        raise Failed(str(error)) from None
    return program, loaded.model, loaded.load_seconds


def _part(name: str) -> Any:
    # Not an import of the kit's own: which folder holds the module, the setup says.
    return import_module(f"wildlife_ingestion.{name}")


def _named(module: str, *names: str) -> dict[str, Any]:
    return {name: getattr(_part(module), name) for name in names}
