"""What an upload has reached: runs/submissions/uploads/*.json, so that nothing is done twice.

One file for each server, phase and content of a zip. It holds no token and no signed address.
Each step is written down before it begins, because the answer of a server may be lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from kit.errors import KitError
from kit.files import write_json

FOLDER: Final = Path("submissions")  # below runs/
# The stages of an upload, in their order: nothing yet; a data set is being made; the data set
# `key` waits for its bytes; it has them; a submission is being made; it is `number`.
NEW, MAKING, MADE, UPLOADED, SUBMITTING, SUBMITTED = STAGES = (
    "new", "making", "made", "uploaded", "submitting", "submitted",
)  # fmt: skip
_FORMAT = 1
_DIGITS = 12  # of the sha256 in names
_LONGEST_STEM = 35  # the server cuts the rest of a file's name


@dataclass(frozen=True)
class Order:
    """What is to be submitted where; everything that decides whether two uploads are the same.

    server: its address. tasks: numbers of the phase's tasks, empty for all. name: of the
    submission. path: the zip. size: in bytes.
    """

    server: str
    competition: int
    phase: int
    tasks: tuple[int, ...]
    name: str
    path: Path
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """The name of the upload on the platform. It tells the content, so that the kit finds it.

        The server lists submissions without the key of their data set, but with this name.
        """
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in self.name)
        return f"{safe[: _LONGEST_STEM - _DIGITS - 1]}-{self.sha256[:_DIGITS]}.zip"


@dataclass(frozen=True)
class State:
    """How far an upload has come.

    key: of the data set. before: what of the same name was on the platform before the present
    step; anything else of that name is of this step. number: of the submission. known:
    submissions of the same zip that were there before this one was begun. tasks: of this one.
    """

    stage: str = NEW
    key: str = ""
    before: tuple[str, ...] = ()
    number: int | None = None
    known: tuple[int, ...] = ()
    tasks: tuple[int, ...] = ()


class Journal:
    """The journal of one order below `runs`."""

    def __init__(self, runs: Path, order: Order) -> None:
        self.order = order
        host = urlsplit(order.server).netloc.replace(":", "-").strip("[]")
        name = f"{host}-{order.phase}-{order.sha256[:_DIGITS]}.json"
        self.path = runs / FOLDER / "uploads" / name
        self.state = _read(self.path, order)

    @property
    def begun(self) -> bool:
        """Whether an upload was interrupted."""
        return self.state.stage not in (NEW, SUBMITTED)

    @property
    def has_uploaded(self) -> bool:
        """Whether an interrupted upload has all its bytes on the platform."""
        return self.state.stage in (UPLOADED, SUBMITTING)

    def write(self, **changed: Any) -> None:
        """Change the state, here and in the file. Raises WriteFailed."""
        self.state = replace(self.state, **changed)
        order = {**asdict(self.order), "path": str(self.order.path), "tasks": [*self.order.tasks]}
        content = {"format": _FORMAT, **order, "state": asdict(self.state)}
        write_json(self.path, content, "the journal of the upload")

    def begin(self, known: tuple[int, ...]) -> None:
        """Write down that a submission is begun or resumed, and what of the same zip is there."""
        state = State() if self.state.stage == SUBMITTED else self.state
        self.write(**asdict(state) | {"known": known, "tasks": self.order.tasks})

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process submit the same zip meanwhile; a killed one keeps no lock.

        Raises:
            KitError: another one does.
        """
        try:
            import fcntl
        except ImportError:  # no such locks on Windows
            yield
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise KitError(
                    f"{self.order.name}: another `kit submit` uploads the same zip now",
                    hint="wait until it has ended",
                ) from error
            self.state = _read(self.path, self.order)
            yield


def _read(path: Path, order: Order) -> State:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return State()
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    try:
        if content["format"] != _FORMAT or content["sha256"] != order.sha256:
            raise _unreadable(path, "it is of another format or another zip")
        state = content["state"]
        if state["stage"] not in STAGES:
            raise _unreadable(path, f"stage {state['stage']!r}")
        return State(
            stage=state["stage"],
            key=str(state["key"]),
            before=tuple(str(each) for each in state["before"]),
            number=None if state["number"] is None else int(state["number"]),
            known=tuple(int(each) for each in state.get("known", ())),
            tasks=tuple(int(each) for each in state.get("tasks", content["tasks"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, found: str) -> KitError:
    return KitError(
        f"{path}: expected the journal of an upload, found something else: {found}",
        hint="look with `kit submissions` what was submitted, then move the file away",
    )
