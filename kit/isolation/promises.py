"""What each mode promises about a program that means harm, as data.

The tests run every hostile submission of tests/hostile_submissions.py in the modes that promise
something against it, and docker/README.md shows this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kit.isolation.modes import MODES
from kit.markdown import table


@dataclass(frozen=True)
class Promise:
    """One promise: its code, what it says, which modes make it, and under which condition."""

    code: str
    text: str
    modes: tuple[str, ...]
    condition: str = ""


_ISOLATED = ("sandbox", "container")

PROMISES: Final = (
    Promise("time", "is stopped at the time limit, SIGTERM ignored or not", MODES),
    Promise("daemons", "leaves no process behind, not in a session of its own either", MODES),
    Promise("survival", "cannot end the run by killing its parent: the run fails with a record",
            MODES),
    Promise("logs", "cannot fill the disk or stall the run by printing", MODES),
    Promise("output", "cannot fill the disk through /app/output", MODES),
    Promise("metadata", "cannot pass off a `metadata` file as the worker's", MODES),
    Promise("predictions", "has a predictions.txt of its own overwritten by the ingestion program, "
            "or not scored where that fails", MODES,
            "unless it ends that program with status 0, as on the platform"),
    Promise("scores", "cannot plant scores.json: only the scoring program's is read", MODES),
    Promise("links", "cannot have files of this machine packed through links in its output",
            MODES),
    Promise("reference", "does not see the reference data", _ISOLATED),
    Promise("machine", "does not see this machine's folders and processes", _ISOLATED,
            "in the sandbox /usr and the kit's Python are seen, read-only"),
    Promise("writes", "changes nothing of this machine outside its output", _ISOLATED),
    Promise("network", "reaches no network, this machine's own services included", _ISOLATED,
            "in a container with --no-network"),
    Promise("processes", "cannot fork without end", _ISOLATED),
    Promise("memory", "cannot take all memory", _ISOLATED,
            "in the sandbox per process where the kit may not make control groups"),
    Promise("temporary", "cannot fill the disk through /tmp", ("sandbox",)),
)  # fmt: skip


def markdown_table() -> str:
    """Return the promises as a table of Markdown."""
    rows = []
    for promise in PROMISES:
        condition = f" ({promise.condition})" if promise.condition else ""
        cells = ["yes" if mode in promise.modes else "no" for mode in MODES]
        rows.append([f"{promise.text}{condition}", *cells])
    return "\n".join(table(["A submission...", *MODES], rows)) + "\n"
