"""Load the submission, and make the passes of the request."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from .closed_network import block_network
from .journal import Journal
from .session import Session


def run(request: dict[str, Any], events: Path) -> None:
    """Do what a request says, and write to the file of events what happens.

    The submission's folder comes last on sys.path, as in the official ingestion program.
    """
    folder = Path(request["folder"])
    journal = Journal(events, folder)
    others = list(sys.path)
    sys.path[:] = [request["ingestion_program"], *others]
    # Not an import of the kit's own: which folder holds the module, the request says.
    make_plan = import_module("wildlife_ingestion.plan").make_plan
    sys.path[:] = [*others, str(folder)]
    block_network(journal)
    model = load(request, journal)
    if model is not None:
        _run_passes(model, make_plan, request, journal)
    journal.write("done")


def load(request: dict[str, Any], journal: Journal) -> Any:
    """Import model.py, make Model(), call load(); None where that fails."""
    begin = time.perf_counter()
    steps: list[tuple[str, Callable[[Any], Any]]] = [
        ("import", lambda _: __import__("model").Model),
        ("Model()", lambda made: made(*request["made_with"])),
        ("load()", lambda made: (made.load(), made)[1]),
    ]
    made: Any = None
    for stage, step in steps:
        journal.write("begin", stage=stage, image="")
        try:
            made = step(made)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            journal.error(stage, error)
            return None
    journal.write("loaded", seconds=time.perf_counter() - begin)
    return made


def _run_passes(
    model: Any, make_plan: Callable[..., Any], request: dict[str, Any], journal: Journal
) -> None:
    try:
        session = Session(model, make_plan, request, journal)
    except Exception as error:
        journal.error("plan", error)
        return
    for stage, images in _stages(request):
        if stage == "batch":
            session.batch(images)
        else:
            session.passes(stage, images, budgeted=stage == "first")


def _stages(request: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    images = request["images"]
    yield "first", images
    if request["full"]:
        few = images[: request["few"]]
        yield "twice", [few[0], few[0]] if few else []
        yield "reversed", few[::-1]
        yield "batch", few
        yield "odd", request["odd"]
